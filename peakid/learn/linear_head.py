"""Logistic regression on the features of a frozen body: one forward pass per image, then L-BFGS."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from peakid import progress_text
from peakid.learn import embedding
from peakid.learn.batches.data import Stopped, TrainingImages
from peakid.learn.batches.gather import Pixels
from peakid.learn.network.frozen import frozen
from peakid.learn.network.model import normalise
from peakid.learn.network.predict import in_parts
from peakid.learn.start import Start
from peakid.learn.watch import History, gpu_usage
from peakid.records import EpochMetrics, Report, no_report

PHASE = "linear head"
# Inverse of the penalty, as scikit-learn's C: .01 was best for 349 photos; more images allow more.
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
MAX_STEPS = 300  # Of L-BFGS, which needs 50 to 150.


@dataclass(frozen=True)
class Layer:
    """A linear layer in float64: logits = features @ weight.T + bias."""

    weight: Tensor  # (K, C)
    bias: Tensor  # (K,)

    def logits(self, features: Tensor) -> Tensor:
        return features.double() @ self.weight.T + self.bias  # (n, K)


def embed(
    model: nn.Sequential,
    canonical: np.ndarray | Pixels,
    start: Start,
    *,
    report: Report,
    should_stop: Callable[[], bool],
) -> Tensor:
    """Return the pooled features of the frozen body for each image: float32 of shape (N, C), on the CPU.

    Raises:
        Stopped: If `should_stop` returns True.
    """
    fast = frozen(embedding.pooled(model), size_px=start.architecture.fixed_size_px)
    network = fast.to(start.device)
    features, n = [], len(canonical)

    def embed_part(at: int, end: int) -> None:
        if should_stop():
            raise Stopped
        batch = torch.from_numpy(np.array(canonical[at:end])).to(start.device)  # (B, S, S, 3)
        features.append(network(normalise(batch, start.card)).float().cpu())  # (B, C)
        message = f"{progress_text.counted(end, n, 'images')}{gpu_usage(start.device)}"
        report("Computing features", end, n, message)

    report("Computing features", 0, n, progress_text.counted(0, n, "images"))
    # Without TensorFloat-32, as in `predict.pred_probs`: exports must reproduce what follows from these.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        in_parts(n, embed_part)
    return torch.cat(features).clone()


def pred_probs(model: nn.Sequential, features: Tensor) -> np.ndarray:
    """Return what `predict.pred_probs` returns, without a second forward pass of the frozen body.

    Args:
        model: With the fitted layer.
        features: As `embed` returns them, of the images to predict.

    Returns:
        float32 of shape (n, K), rows adding up to 1.
    """
    layer: Any = list(model[1].children())[-1]
    with torch.inference_mode():
        logits = nn.functional.linear(features, layer.weight.cpu(), layer.bias.cpu())  # (n, K)
        return logits.softmax(dim=1).numpy()


def fit(
    model: nn.Sequential,
    images: TrainingImages,
    features: Tensor,
    start: Start,
    *,
    epoch: int = 1,
    prefix: str = "",
    report: Report = no_report,
) -> History:
    """Fit a layer with each strength and choose the one with the lowest validation loss.

    With `refit` in the recipe, that strength is used for one more layer, on train and validation.

    Args:
        features: Of all images, as `embed` returns them.
        epoch: The number of the fit, as an epoch of the run.
    """
    began = time.monotonic()
    labels = torch.from_numpy(images.labels)
    train, valid = (torch.from_numpy(images.rows(split)) for split in ("train", "valid"))
    weight = _image_weights(labels[train], len(images.class_names), is_even=start.recipe.balance != "none")
    layers, phase = [], f"Fitting the linear head {prefix}".rstrip()
    for number, strength in enumerate(STRENGTHS, start=1):
        report(phase, number - 1, len(STRENGTHS), f"strength {number} of {len(STRENGTHS)}")
        layers.append(solve(features[train], labels[train], strength=strength, weight=weight))
    losses = [
        float(nn.functional.cross_entropy(layer.logits(features[valid]), labels[valid])) for layer in layers
    ]
    number = int(np.argmin(losses))
    best = layers[number]
    predicted = best.logits(features[valid]).argmax(dim=1)  # (n_valid,)
    metrics = EpochMetrics(
        epoch=epoch,
        phase=prefix + PHASE,
        train_loss=float(nn.functional.cross_entropy(best.logits(features[train]), labels[train])),
        valid_loss=min(losses),
        accuracy=float((predicted == labels[valid]).float().mean()),
        learning_rate=0.0,  # L-BFGS has none.
        seconds=time.monotonic() - began,
    )
    history = History(
        epochs=[metrics],
        best=metrics,
        best_state=_state_with(model, best),
        is_collapsed=len(predicted.unique()) == 1 < len(labels[valid].unique()),
    )
    if start.recipe.refit:
        report(phase, len(STRENGTHS), len(STRENGTHS), "refit on train and validation")
        both = torch.cat([train, valid])
        weight = _image_weights(labels[both], len(images.class_names), is_even=start.recipe.balance != "none")
        layer = solve(features[both], labels[both], strength=STRENGTHS[number], weight=weight)
        history.refit_state = _state_with(model, layer)
    return history


def solve(features: Tensor, labels: Tensor, *, strength: float, weight: Tensor) -> Layer:
    """Fit logistic regression on standardised features, as scikit-learn's LogisticRegression does.

    Args:
        features: (n, C).
        labels: int64 of shape (n,), in 0..K-1.
        strength: scikit-learn's C, over 0; small values regularise more.
        weight: Of each image, float64 of shape (n,).
    """
    mean, std = features.double().mean(dim=0), features.double().std(dim=0, correction=0)  # (C,)
    std = torch.where(std > 0, std, torch.ones_like(std))
    x = (features.double() - mean) / std  # (n, C)
    n_classes = int(labels.max()) + 1  # No class is empty in train.
    w = torch.zeros((n_classes, x.shape[1]), dtype=torch.float64, requires_grad=True)
    b = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [w, b], max_iter=MAX_STEPS, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        optimiser.zero_grad()
        losses = nn.functional.cross_entropy(x @ w.T + b, labels, reduction="none")  # (n,)
        total = (losses * weight).sum() + (w**2).sum() / (2 * strength)
        (total / len(x)).backward()
        return total.detach() / len(x)

    optimiser.step(cost)
    w, b = w.detach(), b.detach()
    return Layer(w / std, b - (w / std) @ mean)  # The standardisation becomes part of the layer.


def _image_weights(labels: Tensor, n_classes: int, *, is_even: bool) -> Tensor:
    counts = torch.bincount(labels, minlength=n_classes).double()  # (K,)
    if not is_even:
        return torch.ones(len(labels), dtype=torch.float64)
    return (len(labels) / (n_classes * counts))[labels]


def _state_with(model: nn.Sequential, layer: Layer) -> dict[str, Tensor]:
    """Put a layer into the model and return a copy of the weights of the whole."""
    target: Any = list(model[1].children())[-1]
    with torch.no_grad():
        target.weight.copy_(layer.weight)
        target.bias.copy_(layer.bias)
    return {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}
