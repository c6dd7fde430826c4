"""One training, read from top to bottom: weights, pixels, learning, best epoch, predictions, files."""

import dataclasses
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peakid.errors import DeviceLost
from peakid.learn import budget, fraction, signs
from peakid.learn import start as starting
from peakid.learn.batches import data, subsets
from peakid.learn.batches.data import Stopped, TrainingImages
from peakid.learn.budget import Settler
from peakid.learn.learning import Learning, identity
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.checkpoint import Checkpoints
from peakid.learn.rate_finder import Sweep
from peakid.learn.start import Start
from peakid.learn.watch import History
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Report

SPLITS = ("train", "valid", "test")

Probabilities = dict[str, tuple[list[str], np.ndarray]]
"""By split the digests and, row by row, float32 of shape (n, K)."""


@dataclass(frozen=True)
class TrainResult:
    """What a training gave. A cancelled one is usable if `best_epoch` is not None.

    Attributes:
        best_epoch: Counted from 1 over all phases; the one with the lowest loss on valid. None where no model was kept.
        metrics: `accuracy`, `valid_loss` (plain cross-entropy), `train_loss` (with smoothing and augmentation) of that epoch.
        pred_probs: From the saved model; train is in-sample. After cross-validation `cv` alone, each image by a model that never saw it.
        device: `cpu`, `mps` or `cuda (name of the GPU)`.
        pretrained: What the weights really were.
        warnings: Sentences a person should read before believing the score.
    """

    best_epoch: int | None
    metrics: dict[str, float]
    pred_probs: Probabilities
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

    The same images, recipe and machine give the same weights on a CPU, bit for bit, also when it was interrupted: where
    `folder` holds a checkpoint of this very training, it goes on from there.

    Args:
        folder: Gets model.safetensors and model.json, and holds checkpoints until the training is done.
        cache_dir: Holds decoded pixels from run to run; may be emptied at any time between runs.
        weights_dir: Folder of weight files that a person keeps.
        report: Told at most each half second.
        on_epoch: Told after each epoch.
        should_stop: Asked before each batch; the best epoch so far is kept.

    Raises:
        DatasetError: If the images cannot be learned from.
        DeviceMissing, WeightsMissing, WeightsUnfit: If the recipe asks for what is not there.
        TrainingDiverged: If the loss is no longer a number.
        DeviceLost: If the GPU stops answering.
    """
    started = time.monotonic()
    n_whole, images = (
        len(images.digests),
        fraction.take(images, recipe.fraction, seed=recipe.seed, is_folded=bool(recipe.folds)),
    )
    warnings = [] if recipe.folds else data.check(images)
    if len(images.digests) < n_whole:
        warnings.append(
            f"It learned from {recipe.fraction:.0%} of each class: {n_whole - len(images.digests):,} images were left out."
        )
    report("Loading weights", 0, 0, recipe.arch)
    start = starting.begin(images, recipe, weights_dir)
    watched = {"report": report, "should_stop": should_stop}
    try:
        views = starting.views(images, start, cache_dir=cache_dir, **watched)
        warnings += next(iter(views.values())).notes
        learning = Learning(start, views, on_epoch=on_epoch, **watched)
        warnings += _settle(learning, images, folder, started)
        outcome = (
            _cross_validate(images, learning, folder) if recipe.folds else _once(images, learning, folder)
        )
    except Stopped:
        return _result(start, Outcome(History(is_stopped=True)), warnings, started)
    except torch.AcceleratorError as error:
        raise _lost(error, start) from error
    return _result(learning.start, outcome, warnings, started)


@dataclass
class Outcome:
    """What was learned and what it answers."""

    history: History
    pred_probs: Probabilities = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def find_rate(
    images: TrainingImages,
    recipe: Recipe,
    *,
    cache_dir: Path,
    weights_dir: Path | None,
    report: Report,
    should_stop: Callable[[], bool],
) -> Sweep:
    """Measure which peak rates the recipe's first phase bears, without training.

    Raises:
        Stopped: If `should_stop` says so.
        DatasetError, TrainingError: As `train`, and if the loss breaks before anything was learned.
    """
    images = fraction.take(images, recipe.fraction, seed=recipe.seed)
    data.check(images)
    report("Loading weights", 0, 0, recipe.arch)
    start = starting.begin(images, recipe, weights_dir)
    first = dataclasses.replace(start, phases=start.phases[:1])
    views = starting.views(images, first, cache_dir=cache_dir, report=report, should_stop=should_stop)
    learning = Learning(start, views, report=report, on_epoch=lambda metrics: None, should_stop=should_stop)
    batch_size = recipe.batch_size or budget.automatic_batch_size(len(images.rows("train")), start.device)
    return learning.sweep(
        start.model(), learning.loaders(images, start.phases[0], batch_size), start.phases[0]
    )


def _settle(learning: Learning, images: TrainingImages, folder: Path, started: float) -> list[str]:
    """Measure what the recipe leaves open, and answer sentences on what was chosen."""
    start, recipe = learning.start, learning.start.recipe
    measured = (
        subsets.part(images, subsets.deal(images, recipe.folds, recipe.seed), 0) if recipe.folds else images
    )
    settler = Settler(
        start,
        partial(learning.loaders, measured),
        n={
            "train": len(measured.rows("train")),
            "valid": len(measured.rows("valid")),
            "all": len(images.digests),
        },
        started=started,
        report=learning.report,
        should_stop=learning.should_stop,
    )
    learning.start, notes = settler.settle(folder, identity(images, start))
    return notes


def _lost(error: torch.AcceleratorError, start: Start) -> DeviceLost:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next(
        (line for line in lines if not line.startswith("Exception occured")), "no word"
    )  # fastai names its callback first.
    return DeviceLost(
        f"The GPU stopped answering ({told}) while {start.recipe.arch} was trained.",
        "Resume the training when the GPU is back: it goes on from its last checkpoint. Without one: --set device=cpu.",
    )


def _once(images: TrainingImages, learning: Learning, folder: Path) -> Outcome:
    """Train one model, keep its best epoch, and predict every split with it."""
    model, history = learning.one(images, folder)
    if history.best is None:
        return Outcome(history)
    models.save(model, learning.start.card, folder)
    probabilities = _predict(model, learning, np.arange(len(images.digests)))
    rows = {split: images.rows(split) for split in SPLITS}
    found = {
        split: ([images.digests[row] for row in of], probabilities[of])
        for split, of in rows.items()
        if len(of)
    }
    if not history.is_stopped:  # One that was stopped can be resumed.
        Checkpoints(folder, "").clear()
    best = history.best
    return Outcome(
        history,
        found,
        {"accuracy": best.accuracy, "valid_loss": best.valid_loss, "train_loss": best.train_loss},
    )


def _cross_validate(images: TrainingImages, learning: Learning, folder: Path) -> Outcome:
    """Train one model a fold and keep what each answers for its held-out images; the models themselves are not kept."""
    recipe, total = learning.start.recipe, History()
    fold = subsets.deal(images, recipe.folds, recipe.seed)
    probabilities = np.zeros((len(fold), len(images.class_names)), dtype=np.float32)
    for number in range(recipe.folds):
        of_fold = subsets.part(images, fold, number)
        given = subsets.answers(
            folder / f"fold-{number + 1}", lambda of=of_fold, n=number: _fold(of, learning, folder, n, total)
        )
        if given is None:
            return Outcome(total)
        probabilities[fold == number], facts = given
        epochs = [EpochMetrics(**each) for each in facts["epochs"]]
        for metrics in (
            epochs if len(total.epochs) < facts["n"] else ()
        ):  # Done before the training was resumed.
            learning.on_epoch(metrics)
        total.epochs = [*total.epochs[: epochs[0].epoch - 1], *epochs]
    for number in range(recipe.folds):
        shutil.rmtree(folder / f"fold-{number + 1}", ignore_errors=True)
    chosen = probabilities[np.arange(len(fold)), images.labels]  # (N,)
    metrics = {
        "accuracy": float((probabilities.argmax(axis=1) == images.labels).mean()),
        "valid_loss": float(-np.log(np.maximum(chosen, 1e-12)).mean()),
    }
    return Outcome(total, {"cv": (images.digests, probabilities)}, metrics)


def _fold(
    images: TrainingImages, learning: Learning, folder: Path, number: int, total: History
) -> tuple[np.ndarray, dict] | None:
    data.check(images)
    n_folds, before = learning.start.recipe.folds, len(total.epochs)
    here = folder / f"fold-{number + 1}"
    model, history = learning.one(
        images, here, prefix=f"fold {number + 1} of {n_folds} ", n_before=before, part=(number, n_folds)
    )
    total.epochs, total.is_stopped = [*total.epochs, *history.epochs], history.is_stopped
    total.notes += [note for note in history.notes if note not in total.notes]
    if history.is_stopped:
        return None
    probabilities = _predict(model, learning, images.rows("test"))
    epochs = [dataclasses.asdict(each) for each in history.epochs]
    return probabilities, {"epochs": epochs, "n": before + len(epochs)}


def _predict(model: nn.Sequential, learning: Learning, rows: np.ndarray) -> np.ndarray:
    """Answer pred_probs of some images, from canonical pixels, as each export has to reproduce them."""
    start, report = learning.start, learning.report
    report("Predicting", 0, len(rows), "")
    pixels = learning.canonical if len(rows) == len(learning.canonical) else learning.canonical[rows]
    probabilities = predict.pred_probs(model, pixels, start.card, device=start.device)
    report("Predicting", len(rows), len(rows), "")
    return probabilities


def _result(start: Start, outcome: Outcome, warnings: list[str], started: float) -> TrainResult:
    history = outcome.history
    return TrainResult(
        best_epoch=history.best.epoch if history.best else None,
        metrics=outcome.metrics,
        pred_probs=outcome.pred_probs,
        device=starting.device_name(start.device),
        n_workers=start.recipe.n_workers,
        pretrained=start.found.note,
        warnings=[*warnings, *_run_warnings(start, history)],
        is_cancelled=history.is_stopped,
        seconds=time.monotonic() - started,
        libraries=start.card.libraries,
    )


def _run_warnings(start: Start, history: History) -> list[str]:
    found = []
    if not start.found.is_pretrained and start.recipe.pretrained == "auto":
        found.append(
            f"No pretrained weights for {start.recipe.arch} were found: it learned from random ones, which needs far more images."
        )
    if start.device.type == "cpu" and torch.cuda.is_available():
        found.append(
            "This machine has a GPU, and it was not used (device=cpu): training takes many times as long."
        )
    found += [*history.notes, *signs.read(history, start.phases)]
    if history.is_stopped and history.best is not None:
        found.append(f"Stopped early, after {len(history.epochs)} epochs.")
    return found
