"""What is trained: a cut body and a small head; how both are built, saved and loaded.

Input contract: float32 (B, 3, S, S), the canonical pixels of `peakid.pixels.preprocess` divided by 255, less the card's
mean, divided by the card's std, channels in the order red, green, blue. Output: logits (B, K), columns in class_names order.
Preprocessing is no part of the model, so that one function (pixels.preprocess) decides it everywhere.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from fastai.vision.learner import add_head, create_body
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from peakid.errors import NotFound, WeightsUnfit
from peakid.learn.network import small_nets
from peakid.recipe import architectures
from peakid.recipe.architectures import Architecture
from peakid.records import Resize

WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "model.json"

Head = Literal[
    "two-layer",  # fastai's: pooled by mean and maximum, then norm, dropout and a linear layer twice.
    "linear",     # Pooled by mean, then one linear layer.
]  # fmt: skip


@dataclass(frozen=True)
class Card:
    """All one must know to use the weights beside it. `mean` and `std` are per channel, of pixels in 0..1."""

    arch: str
    class_names: list[str]
    image_size_px: int
    resize: Resize
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pixels_version: int
    recipe: dict[str, Any]
    pretrained: str
    libraries: dict[str, str]
    head: Head = "two-layer"


class TokenBody(nn.Module):
    """torchvision's vision transformer up to the class token."""

    def __init__(self, vit: Any) -> None:
        super().__init__()
        self.conv_proj, self.encoder, self.class_token = vit.conv_proj, vit.encoder, vit.class_token

    def forward(self, x: Tensor) -> Tensor:
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)  # (B, 196, C)
        token = self.class_token.expand(x.shape[0], -1, -1)  # (B, 1, C)
        return self.encoder(torch.cat([token, patches], dim=1))[:, 0]  # (B, C)


class TimmBody(nn.Module):
    """A timm model up to what it calls its features; the class token where those are tokens."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        model.reset_classifier(0)
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        features = self.model.forward_features(x)
        return features[:, 0] if features.ndim == 3 else features  # (B, C) or (B, C, H, W)


def full_model(architecture: Architecture) -> nn.Module:
    """Build the architecture as published, classifier included (ours have none), with random weights."""
    if architecture.cut == "own":
        return small_nets.BODIES[architecture.name]()
    if architecture.is_timm:
        import timm  # Imported here: it takes a second, and most runs are torchvision's.

        return timm.create_model(architecture.name.removeprefix("timm/"), pretrained=False)
    import torchvision

    return torchvision.models.get_model(architecture.name, weights=None)


def assemble(
    full: nn.Module,
    architecture: Architecture,
    *,
    n_classes: int,
    head: Head = "two-layer",
    dropout: float = 0.5,
) -> nn.Sequential:
    """Cut the published model before its classifier and put a head on the body.

    fastai's own `vision_learner` cannot cut mobilenet_v2, vit_b_16 and others; the cut is ours, the two-layer head is fastai's.

    Args:
        dropout: Share of the last features that a two-layer head leaves out at each step, in 0..1.
    """
    body = create_body(full, pretrained=False, cut=lambda model: _body(model, architecture))
    has_map = architecture.has_map
    if head == "linear":
        return nn.Sequential(body, linear_head(architecture, n_classes))
    return add_head(body, architecture.n_features, n_classes, pool=has_map, concat_pool=has_map, ps=dropout)


def linear_head(architecture: Architecture, n_classes: int) -> nn.Sequential:
    """Build the head of one linear layer: (B, C, H, W) or (B, C) -> logits (B, K)."""
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if architecture.has_map else []
    return nn.Sequential(*pool, nn.Linear(architecture.n_features, n_classes))


def build(arch: str, *, n_classes: int, head: Head = "two-layer") -> nn.Sequential:
    """Build the (body, head) pair with random weights.

    Raises:
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    architecture = architectures.find(arch)
    return assemble(full_model(architecture), architecture, n_classes=n_classes, head=head)


def blocks(body: nn.Module) -> list[list[nn.Module]]:
    """Split a body into blocks from the input to the output, as `last-N` counts them.

    A block is a stage as the architecture's authors wrote it; plain nets of single layers are cut after each pooling.
    """
    children = list(body.children())
    while len(children) == 1:
        children = list(children[0].children())
    if any(list(child.children()) for child in children):
        return [[child] for child in children if any(True for _ in child.parameters())]
    cuts = [i + 1 for i, child in enumerate(children) if isinstance(child, nn.MaxPool2d)]
    parts = [children[start:end] for start, end in zip([0, *cuts], [*cuts, len(children)], strict=True)]
    return [part for part in parts if any(True for layer in part for _ in layer.parameters())]


def set_free(model: nn.Sequential, n_blocks: int | None) -> None:
    """Let the head and the body's last blocks learn and freeze the rest; None frees every layer.

    A frozen parameter loses its gradient, so that no optimiser moves it by momentum or decay.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(n_blocks is None)
    layers = [layer for block in blocks(model[0])[-n_blocks:] for layer in block] if n_blocks else []
    for parameter in (p for layer in [*layers, model[1]] for p in layer.parameters()):
        parameter.requires_grad_(True)
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.grad = None


def hold_norms(model: nn.Sequential) -> None:
    """Let the body's BatchNorm answer by ImageNet's statistics while it learns: those of 32 images cost .27 of accuracy when tried."""
    for layer in model[0].modules():
        if isinstance(layer, _BatchNorm):
            layer.eval()


def parameter_groups(model: nn.Sequential) -> list[list[nn.Parameter]]:
    """Split the parameters into lower body, upper body and head, for rates that grow from the input to the output.

    The halves are counted in layers, in the order of registration, which every tested architecture also runs them in.
    """
    layers = [layer for layer in model[0].modules() if list(layer.parameters(recurse=False))]
    lower = [p for layer in layers[: len(layers) // 2] for p in layer.parameters(recurse=False)]
    in_lower = {id(p) for p in lower}
    upper = [p for p in model[0].parameters() if id(p) not in in_lower]
    return [lower, upper, list(model[1].parameters())]


def save(model: nn.Module, card: Card, folder: Path) -> None:
    """Write weights and card into `folder`, each under a temporary name first."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(model, folder / WEIGHTS_NAME)
    partial = folder / f"{CARD_NAME}.partial"
    partial.write_text(json.dumps(dataclasses.asdict(card), ensure_ascii=False, indent=1), encoding="utf-8")
    partial.replace(folder / CARD_NAME)


def save_weights(model: nn.Module, file: Path) -> None:
    """Write a model's weights as safetensors, under a temporary name first."""
    partial = file.with_name(f"{file.name}.partial")
    save_file({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}, partial)
    partial.replace(file)


def load(folder: Path) -> tuple[nn.Sequential, Card]:
    """Read a trained model, on the CPU and in eval mode.

    Raises:
        NotFound: If the folder holds no model.
        WeightsUnfit: If its weights are damaged or do not fit its card.
    """
    if not (folder / CARD_NAME).is_file() or not (folder / WEIGHTS_NAME).is_file():
        raise NotFound(
            f"There is no trained model in {folder}.", "Train again; a run that failed leaves none."
        )
    card = Card(**json.loads((folder / CARD_NAME).read_text(encoding="utf-8")))
    return load_weights(folder / WEIGHTS_NAME, card), card


def load_weights(file: Path, card: Card) -> nn.Sequential:
    """Build the card's model with the weights of a safetensors file, on the CPU and in eval mode.

    Raises:
        WeightsUnfit: If the file is damaged or does not fit the card.
    """
    model = build(card.arch, n_classes=len(card.class_names), head=card.head)
    try:
        model.load_state_dict(load_file(file))
    except (RuntimeError, SafetensorError) as error:
        raise WeightsUnfit(
            f"The weights {file} do not fit their card ({card.arch}): {str(error)[:200]}.", "Train again."
        ) from error
    return model.eval()


def normalise(batch: Tensor, card: Card) -> Tensor:
    """Turn canonical pixels, uint8 (B, S, S, 3), into the model's input, float32 (B, 3, S, S)."""
    mean = torch.tensor(card.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(card.std, device=batch.device).view(1, 3, 1, 1)
    return (batch.permute(0, 3, 1, 2).float() / 255 - mean) / std  # (B, 3, S, S)


def _body(model: Any, architecture: Architecture) -> nn.Module:
    match architecture.cut:
        case "features":
            return model.features
        case "before_pool":
            return nn.Sequential(*list(model.children())[:-2])
        case "densenet":
            return nn.Sequential(*model.features.children(), nn.ReLU())
        case "tokens":
            return TokenBody(model)
        case "timm":
            return TimmBody(model)
        case "own":
            return model
