"""One training, read from top to bottom: pixels, weights, head, body, best epoch, predictions, files."""

import importlib.metadata
import platform
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from fastai.callback import schedule  # noqa: F401  Gives Learner its fit_one_cycle.
from fastai.callback.core import TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import CastToTensor, Learner
from torch import nn

from peakid import pixels
from peakid.errors import DeviceMissing, TrainingDiverged
from peakid.learn import architectures, data, loaders, predict, weights
from peakid.learn import model as models
from peakid.learn.architectures import Architecture
from peakid.learn.data import Stopped, TrainingImages
from peakid.learn.model import Card
from peakid.learn.recipe import Device, Recipe
from peakid.learn.watch import History, Plan, Watch
from peakid.learn.weights import Found
from peakid.records import EpochMetrics, Report

SPLITS = ("train", "valid", "test")
HEAD_WARMUP = 0.99  # As fastai's fine_tune: the rate rises during the head phase and the body phase brings it down.
BODY_RATE_SPAN = 100  # As fastai's fine_tune: the lowest layers learn a hundred times slower than the head.
LIBRARIES = ("torch", "torchvision", "fastai", "timm", "numpy", "pillow", "safetensors")


@dataclass(frozen=True)
class TrainResult:
    """What a training gave. A cancelled one is usable if `best_epoch` is not None.

    Attributes:
        best_epoch: Counted from 1 over both phases; the one with the lowest loss on valid.
        metrics: `accuracy`, `valid_loss` (plain cross-entropy), `train_loss` (with smoothing and augmentation) of that epoch.
        pred_probs: By split, the digests and float32 of shape (n, K) beside them, from the saved model; train is in-sample.
        device: `cpu`, `mps` or `cuda (name of the GPU)`.
        pretrained: What the weights really were.
        warnings: Sentences a person should read before believing the score.
    """

    best_epoch: int | None
    metrics: dict[str, float]
    pred_probs: dict[str, tuple[list[str], np.ndarray]]
    device: str
    n_workers: int
    pretrained: str
    warnings: list[str]
    is_cancelled: bool
    seconds: float
    libraries: dict[str, str] = field(default_factory=dict)


def train(
    images: TrainingImages,
    recipe: Recipe,
    *,
    folder: Path,
    cache_dir: Path,
    weights_dir: Path | None,
    report: Report,
    on_epoch: Callable[[EpochMetrics], None],
    should_stop: Callable[[], bool],
) -> TrainResult:
    """Fine-tune a pretrained model on a snapshot's images, or train one from random weights where there are none.

    The same images, recipe and machine give the same weights on a CPU, bit for bit.

    Args:
        folder: Gets model.safetensors and model.json.
        cache_dir: Holds decoded pixels from run to run; may be emptied at any time between runs.
        weights_dir: Folder of weight files that a person keeps.
        report: Told at most each half second.
        on_epoch: Told after each epoch.
        should_stop: Asked before each batch; the best epoch so far is kept.

    Raises:
        DatasetError: If the images cannot be learned from.
        DeviceMissing, WeightsMissing, WeightsUnfit: If the recipe asks for what is not there.
        TrainingDiverged: If the loss is no longer a number.
    """
    started = time.monotonic()
    warnings = data.check(images)
    report("Loading weights", 0, 0, recipe.arch)
    start = _prepare(images, recipe, weights_dir)
    try:
        prepared = data.prepare(images, recipe, cache_dir=cache_dir, report=report, should_stop=should_stop)
    except Stopped:
        return _result(start, History(is_stopped=True), {}, warnings, started)
    _seed(recipe.seed)
    model = _model(start)
    dls = loaders.make(images, prepared, recipe, start.architecture, start.device)
    watch = Watch(_plan(recipe, start.found, len(dls.train)), report=report, on_epoch=on_epoch, should_stop=should_stop)
    history = _fit(model, dls, recipe, start.found, watch)
    if history.best is None:
        return _result(start, history, {}, warnings, started)
    model.load_state_dict(history.best_state)
    models.save(model, start.card, folder)
    probabilities = _predictions(model, images, prepared.canonical, start, report)
    return _result(start, history, probabilities, warnings, started)


def find_device(name: Device) -> torch.device:
    """Answer the device a recipe asks for; `auto` takes the first there is of cuda, mps, cpu.

    Raises:
        DeviceMissing: If a device asked for by name is not there.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(key for key, is_there in has.items() if is_there))
    if not has[name]:
        there = ", ".join(key for key, is_there in has.items() if is_there)
        raise DeviceMissing(f"device={name}: this machine has none that torch {torch.__version__} can use.", f"Here are: {there}.")
    return torch.device(name)


@dataclass(frozen=True)
class _Start:
    """What is known before the first image is decoded."""

    recipe: Recipe
    architecture: Architecture
    device: torch.device
    found: Found
    card: Card


def _prepare(images: TrainingImages, recipe: Recipe, weights_dir: Path | None) -> _Start:
    device = find_device(recipe.device)
    architecture = architectures.find(recipe.arch)
    found = weights.find(recipe.arch, recipe.pretrained, weights_dir)
    card = Card(
        arch=recipe.arch,
        class_names=images.class_names,
        image_size_px=recipe.image_size_px,
        resize=recipe.resize,
        mean=architecture.mean,
        std=architecture.std,
        pixels_version=pixels.VERSION,
        recipe=recipe.model_dump(),
        pretrained=found.note,
        libraries={"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in LIBRARIES}},
    )
    return _Start(recipe, architecture, device, found, card)


def _model(start: _Start) -> nn.Sequential:
    full = models.full_model(start.architecture)
    weights.load_into(full, start.found, start.architecture)
    return models.assemble(full, start.architecture, n_classes=len(start.card.class_names))


def _plan(recipe: Recipe, found: Found, n_batches: int) -> Plan:
    if not found.is_pretrained:
        return Plan({"scratch": recipe.scratch_epochs}, n_batches)
    return Plan({"head": recipe.head_epochs, "body": recipe.body_epochs}, n_batches)


def _fit(model: nn.Sequential, dls: DataLoaders, recipe: Recipe, found: Found, watch: Watch) -> History:
    """Train as fastai's `fine_tune` does: first the head alone, then every layer, the lower ones at smaller rates.

    Flat rates after unfreezing collapsed a model to one class when tried. Random weights are not frozen: there is
    nothing in them worth keeping.
    """
    learner = Learner(
        dls,
        model,
        loss_func=nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing),
        splitter=models.parameter_groups,
        wd=recipe.weight_decay,
        train_bn=False,
        default_cbs=False,
        cbs=[TrainEvalCallback(), CastToTensor(), watch],
    )
    if not found.is_pretrained:
        watch.start_phase("scratch", freezes_norms=False)
        learner.fit_one_cycle(recipe.scratch_epochs, recipe.base_lr)
    else:
        _fine_tune(learner, recipe, watch)
    if watch.history.diverged_in is not None:
        raise TrainingDiverged(
            f"The loss is no longer a number in epoch {watch.history.diverged_in} (base_lr={recipe.base_lr:g}).",
            f"Try a tenth of the rate: --set base_lr={recipe.base_lr / 10:g}",
        )
    return watch.history


def _fine_tune(learner: Learner, recipe: Recipe, watch: Watch) -> None:
    if recipe.head_epochs:
        watch.start_phase("head", freezes_norms=True)
        learner.freeze()
        learner.fit_one_cycle(recipe.head_epochs, slice(recipe.base_lr), pct_start=HEAD_WARMUP)
    if recipe.body_epochs and not watch.history.is_stopped and watch.history.diverged_in is None:
        watch.start_phase("body", freezes_norms=True)
        learner.unfreeze()
        top = recipe.base_lr / 2
        learner.fit_one_cycle(recipe.body_epochs, slice(top / BODY_RATE_SPAN, top), pct_start=0.3, div=5.0)


def _predictions(
    model: nn.Sequential, images: TrainingImages, canonical: np.ndarray, start: _Start, report: Report
) -> dict[str, tuple[list[str], np.ndarray]]:
    """Answer pred_probs of every split, from canonical pixels, as each export has to reproduce them."""
    report("Predicting", 0, len(images.digests), "")
    probabilities = predict.pred_probs(model, canonical, start.card, device=start.device)
    report("Predicting", len(images.digests), len(images.digests), "")
    rows = {split: images.rows(split) for split in SPLITS}
    return {split: ([images.digests[row] for row in of], probabilities[of]) for split, of in rows.items() if len(of)}


def _result(
    start: _Start, history: History, probabilities: dict[str, tuple[list[str], np.ndarray]], warnings: list[str], started: float
) -> TrainResult:
    best = history.best
    return TrainResult(
        best_epoch=best.epoch if best else None,
        metrics={"accuracy": best.accuracy, "valid_loss": best.valid_loss, "train_loss": best.train_loss} if best else {},
        pred_probs=probabilities,
        device=_device_name(start.device),
        n_workers=start.recipe.n_workers,
        pretrained=start.found.note,
        warnings=[*warnings, *_run_warnings(start, history)],
        is_cancelled=history.is_stopped,
        seconds=time.monotonic() - started,
        libraries=start.card.libraries,
    )


def _run_warnings(start: _Start, history: History) -> list[str]:
    found = []
    if not start.found.is_pretrained and start.recipe.pretrained == "auto":
        found.append(f"No pretrained weights for {start.recipe.arch} were found: it learned from random ones, which needs far more images.")
    if history.is_collapsed:
        found.append("The model collapsed: it answers the same class for every valid image. Lower base_lr, or label more images.")
    if history.is_stopped and history.best is not None:
        found.append(f"Stopped early, after {len(history.epochs)} epochs.")
    return found


def _device_name(device: torch.device) -> str:
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def _seed(seed: int) -> None:
    """Seed all three generators: fastai orders with Python's, draws changes with torch's, and some layers use numpy's."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
