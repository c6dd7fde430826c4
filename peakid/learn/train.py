"""A training from start to end: weights, pixels, epochs, the best epoch, predictions, files."""

import dataclasses
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from peakid import progress_text
from peakid.errors import DeviceLost
from peakid.job_settings import JobSettings
from peakid.learn import budget, diagnostics, linear_head
from peakid.learn.batches import data, subsets
from peakid.learn.batches.data import Stopped, TrainingImages
from peakid.learn.budget import Planner
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.checkpoint import Checkpoints
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.learn.rate_finder import RateFinderResult
from peakid.learn.start import Start, begin, device_name, prepare_pixels
from peakid.learn.train_result import Probabilities, TrainResult
from peakid.learn.trainer import Trainer, identity
from peakid.learn.watch import History
from peakid.recipe import run_files
from peakid.recipe.phase import Phase
from peakid.recipe.ranks import refuse_small_parts
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Report
from peakid.remedies import action
from peakid.run_records import RunWarning

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class FoldOrder:
    """Folds of a cross-validation that are to be trained elsewhere.

    Attributes:
        images: All images, whatever the fold.
        start: With the settings that the recipe left open.
        numbers: Of the folds, from 0.
        folder: `subsets.write_fold` stores the result of fold n in its folder `fold_folder(folder, n)`.
    """

    images: TrainingImages
    start: Start
    numbers: tuple[int, ...]
    folder: Path


FoldTrainer = Callable[[FoldOrder], None]
"""Trains folds elsewhere and stores their results. Those that it leaves out are trained here."""


def train(
    images: TrainingImages,
    recipe: Recipe,
    *,
    folder: Path,
    cache_dir: Path,
    settings: JobSettings,
    report: Report,
    on_epoch: Callable[[EpochMetrics], None],
    should_stop: Callable[[], bool],
    allows_random: bool = True,
    train_folds: FoldTrainer | None = None,
    ranks: Ranks = ALONE,
    n_parts: int = 1,
) -> TrainResult:
    """Fine-tune a pretrained model on a snapshot's images, or train one from random weights.

    On a CPU, the same images, recipe and machine give the same weights, bit for bit, also after an
    interruption: the training continues from a checkpoint of the same training in `folder`.

    Args:
        folder: For the model and its card, and for checkpoints until the training is finished.
        cache_dir: For decoded pixels, which later runs use again. It may be emptied between runs.
        settings: Where weights are looked for, and the size of the pixel cache.
        report: Called at most twice per second.
        on_epoch: Called after each epoch.
        should_stop: Called before each batch; after a stop the best epoch so far is kept.
        allows_random: Start from random weights where `pretrained=auto` finds none.
        train_folds: Trains the folds of a cross-validation elsewhere; None = one after the other here.
        ranks: Those that train together. Each one calls this with the same arguments and gets the result;
            the first one writes the files, and only its `report` and `on_epoch` are called.
        n_parts: Into how many parts batches are split at least, because memory was too short before.

    Raises:
        DatasetError: If the images cannot be trained on.
        TooManyRanks: If a batch has less than two images for each rank.
        DeviceMissing, WeightsMissing, WeightsUnfit: If the recipe requires what is not available.
        TrainingDiverged: If the loss is no longer a number.
        DeviceLost: If the GPU stops responding.
    """
    began_at = time.monotonic()
    n_all = len(images.digests)
    images = subsets.take_share(images, recipe.fraction, seed=recipe.seed, is_folded=bool(recipe.folds))
    warnings = [] if recipe.folds else data.check(images)
    if n_left_out := n_all - len(images.digests):
        text = f"Trained on {100 * recipe.fraction:.0f} % of each class: {n_left_out:,} images were left out."
        warnings.append(RunWarning("partial_data", text))
    report("Loading weights", 0, 0, recipe.arch)
    start = begin(images, recipe, settings, allows_random=allows_random)
    try:
        pixels = ranks.in_turn(
            lambda: prepare_pixels(images, start, cache_dir=cache_dir, report=report, should_stop=should_stop)
        )
        warnings += [RunWarning("pixel_cache", note) for note in next(iter(pixels.values())).notes]
        trainer = Trainer(
            start,
            pixels,
            report=report,
            on_epoch=on_epoch,
            should_stop=should_stop,
            ranks=ranks,
            n_parts=n_parts,
        )
        warnings += _complete_recipe(trainer, images, folder, began_at)
        _refuse_small_batches(trainer)
        if recipe.folds:
            outcome = _cross_validate(images, trainer, folder, train_folds)
        else:
            outcome = _train_once(images, trainer, folder)
    except Stopped:
        return _result(start, Outcome(History(is_stopped=True)), warnings, began_at)
    except torch.AcceleratorError as error:
        raise _device_lost(error, start) from error
    return _result(trainer.start, outcome, warnings, began_at)


@dataclass
class Outcome:
    """The history of a training and its predictions."""

    history: History
    pred_probs: Probabilities = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    refit_pred_probs: np.ndarray | None = None


def find_rate(
    images: TrainingImages,
    recipe: Recipe,
    *,
    cache_dir: Path,
    settings: JobSettings,
    report: Report,
    should_stop: Callable[[], bool],
) -> RateFinderResult:
    """Run the LR finder for the recipe's first phase, without training.

    Raises:
        Stopped: If `should_stop` returns True.
        DatasetError, TrainingError: As in `train`, and if the loss diverges too early.
    """
    images = subsets.take_share(images, recipe.fraction, seed=recipe.seed)
    data.check(images)
    report("Loading weights", 0, 0, recipe.arch)
    start = begin(images, recipe, settings)
    first = dataclasses.replace(start, phases=start.phases[:1])
    pixels = prepare_pixels(images, first, cache_dir=cache_dir, report=report, should_stop=should_stop)
    trainer = Trainer(start, pixels, report=report, on_epoch=lambda metrics: None, should_stop=should_stop)
    batch_size = recipe.batch_size or budget.automatic_batch_size(len(images.rows("train")), start.device)
    loaders = trainer.loaders(images, start.phases[0], batch_size)
    return trainer.find_rates(start.model(), loaders, start.phases[0])


def _complete_recipe(
    trainer: Trainer, images: TrainingImages, folder: Path, began_at: float
) -> list[RunWarning]:
    """Choose the settings that the recipe leaves open, and return the warnings about them."""
    start, recipe = trainer.start, trainer.start.recipe
    measured = images
    if recipe.folds:
        fold = subsets.assign_folds(images, recipe.folds, recipe.seed)
        measured = subsets.with_fold_splits(images, fold, 0)
    planner = Planner(
        start,
        partial(trainer.loaders, measured),
        n={
            "train": len(measured.rows("train")),
            "valid": len(measured.rows("valid")),
            "all": len(images.digests),
        },
        started=began_at,
        report=trainer.report,
        should_stop=trainer.should_stop,
        n_ranks=trainer.ranks.count,
    )

    def complete() -> tuple[Recipe, tuple[Phase, ...], list[RunWarning]]:
        completed, warnings = planner.complete(folder, identity(images, start))
        return completed.recipe, completed.phases, warnings

    recipe, phases, warnings = trainer.ranks.of_first(complete)
    trainer.start = dataclasses.replace(start, recipe=recipe, phases=phases)
    return warnings


def _refuse_small_batches(trainer: Trainer) -> None:
    if not trainer.start.is_linear and not trainer.ranks.is_alone:
        refuse_small_parts(trainer.start.recipe.batch_size, trainer.ranks.count)


def _device_lost(error: torch.AcceleratorError, start: Start) -> DeviceLost:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # fastai puts a line with the name of its callback first.
    reasons = (line for line in lines if not line.startswith("Exception occured"))
    return DeviceLost(
        f"The GPU stopped responding ({next(reasons, 'no message')}) while {start.recipe.arch} was trained.",
        "Resume the training when the GPU works again, from its last checkpoint, or train on the CPU.",
        action("set_recipe", key="device", value="cpu"),
    )


def _train_once(images: TrainingImages, trainer: Trainer, folder: Path) -> Outcome:
    """Train one model, keep its best epoch, and predict every split with it."""
    model, history = trainer.train_one(images, folder)
    if history.best is None:
        return Outcome(history)
    held_out = None
    if history.refit_state:  # The refit has seen the validation images.
        held_out = _predict(model, trainer, images.rows("valid"), "Evaluating on validation")
        model.load_state_dict(history.refit_state)
    if trainer.ranks.is_first:
        trainer.report("Writing the model", 0, 0, "")
        models.save(model, trainer.start.card, folder)
    probabilities = _predict(model, trainer, np.arange(len(images.digests)), "Evaluating")
    rows = {split: images.rows(split) for split in SPLITS}
    pred_probs = {
        split: ([images.digests[row] for row in split_rows], probabilities[split_rows])
        for split, split_rows in rows.items()
        if len(split_rows)
    }
    refitted = None
    if held_out is not None:
        digests, refitted = pred_probs["valid"]
        pred_probs["valid"] = digests, held_out
    if not history.is_stopped and trainer.ranks.is_first:  # A stopped training can be resumed.
        Checkpoints(folder, "").clear()
    best = history.best
    metrics = {"accuracy": best.accuracy, "valid_loss": best.valid_loss, "train_loss": best.train_loss}
    return Outcome(history, pred_probs, metrics, refitted)


def fold_folder(folder: Path, number: int) -> Path:
    """Return the folder of a fold, counted from 0, in that of its run."""
    return folder / f"{run_files.FOLD}{number + 1}"


def _cross_validate(
    images: TrainingImages, trainer: Trainer, folder: Path, train_folds: FoldTrainer | None
) -> Outcome:
    """Train one model per fold and keep its predictions for its held-out images; models are not kept."""
    recipe, total = trainer.start.recipe, History()
    fold = subsets.assign_folds(images, recipe.folds, recipe.seed)
    probabilities = np.zeros((len(fold), len(images.class_names)), dtype=np.float32)
    if train_folds is not None:
        missing = [n for n in range(recipe.folds) if subsets.read_fold(fold_folder(folder, n)) is None]
        train_folds(FoldOrder(images, trainer.start, tuple(missing), folder))
    for number in range(recipe.folds):
        fold_images, before = subsets.with_fold_splits(images, fold, number), len(total.epochs)
        result = subsets.cached_fold(
            fold_folder(folder, number),
            lambda images=fold_images, n=number: train_fold(images, trainer, folder, n, total),
            trainer.ranks,
        )
        if result is None:
            return Outcome(total)
        probabilities[fold == number], facts = result
        # One that was trained elsewhere counts its epochs from 1.
        epochs = [EpochMetrics(**each | {"epoch": before + n}) for n, each in enumerate(facts["epochs"], 1)]
        if len(total.epochs) == before:  # It was trained before a resume, or elsewhere.
            for epoch in epochs:
                trainer.on_epoch(epoch)
        warnings = [RunWarning(**each) for each in facts.get("warnings", [])]
        total.warnings += [each for each in warnings if each not in total.warnings]
        total.epochs = [*total.epochs[:before], *epochs]
    for number in range(recipe.folds if trainer.ranks.is_first else 0):
        shutil.rmtree(fold_folder(folder, number), ignore_errors=True)
    chosen = probabilities[np.arange(len(fold)), images.labels]  # (N,)
    metrics = {
        "accuracy": float((probabilities.argmax(axis=1) == images.labels).mean()),
        "valid_loss": float(-np.log(np.maximum(chosen, 1e-12)).mean()),
    }
    return Outcome(total, {"cv": (images.digests, probabilities)}, metrics)


def train_fold(
    images: TrainingImages, trainer: Trainer, folder: Path, number: int, total: History
) -> tuple[np.ndarray, dict[str, Any]] | None:
    """Return the predictions for the held-out images of a fold, with its epochs; None if it was stopped.

    Args:
        images: With the splits of the fold.
        folder: Of the run.
        total: Of the folds before; this one is added.
    """
    data.check(images)
    n_folds, before = trainer.start.recipe.folds, len(total.epochs)
    model, history = trainer.train_one(
        images,
        fold_folder(folder, number),
        prefix=f"fold {number + 1} of {n_folds} ",
        n_before=before,
        part=(number, n_folds),
    )
    total.epochs, total.is_stopped = [*total.epochs, *history.epochs], history.is_stopped
    total.warnings += [each for each in history.warnings if each not in total.warnings]
    if history.is_stopped:
        return None
    if history.refit_state:
        model.load_state_dict(history.refit_state)
    phase = f"Evaluating fold {number + 1} of {n_folds}"
    probabilities = _predict(model, trainer, images.rows("test"), phase)
    return probabilities, {
        "epochs": [dataclasses.asdict(each) for each in history.epochs],
        "warnings": [dataclasses.asdict(each) for each in history.warnings],
    }


def _predict(model: nn.Sequential, trainer: Trainer, rows: np.ndarray, phase: str) -> np.ndarray:
    """Return pred_probs of some images from canonical pixels: every export must reproduce them."""
    start, n = trainer.start, len(rows)

    def advance(n_here: int) -> None:
        n_done = min(n_here * trainer.ranks.count, n)
        trainer.report(phase, n_done, n, progress_text.counted(n_done, n, "images"))

    advance(0)
    if trainer.features is not None:  # Of a linear head, which is all that was trained.
        probabilities = linear_head.pred_probs(model, trainer.features[rows])
        advance(n)
        return probabilities
    if not trainer.ranks.is_alone:
        own = trainer.canonical.only(rows[trainer.ranks.part(n)])
        probabilities = predict.pred_probs(model, own, start.card, device=start.device, advance=advance)
        return trainer.ranks.joined(torch.from_numpy(probabilities), n).numpy()
    pixels = trainer.canonical if n == len(trainer.canonical) else trainer.canonical[rows]
    return predict.pred_probs(model, pixels, start.card, device=start.device, advance=advance)


def _result(start: Start, outcome: Outcome, warnings: list[RunWarning], began_at: float) -> TrainResult:
    history = outcome.history
    return TrainResult(
        best_epoch=history.best.epoch if history.best else None,
        metrics=outcome.metrics,
        pred_probs=outcome.pred_probs,
        device=device_name(start.device),
        n_workers=start.recipe.n_workers,
        starting_weights=start.found.record,
        warnings=[*warnings, *_run_warnings(start, history)],
        is_cancelled=history.is_stopped,
        seconds=time.monotonic() - began_at,
        libraries=start.card.libraries,
        refit_pred_probs=outcome.refit_pred_probs,
    )


def _run_warnings(start: Start, history: History) -> list[RunWarning]:
    warnings = []
    if not start.found.is_pretrained and start.recipe.pretrained == "auto":
        text = (
            f"No pretrained weights for {start.recipe.arch} were found: it was trained from random weights, "
            "which needs many more images."
        )
        warnings.append(RunWarning("random_weights", text))
    if start.device.type == "cpu" and torch.cuda.is_available():
        text = "This machine has a GPU that was not used (device=cpu): training takes many times as long."
        warnings.append(RunWarning("unused_gpu", text))
    warnings += [*history.warnings, *diagnostics.diagnose(history, start.phases)]
    if history.is_stopped and history.best is not None:
        warnings.append(RunWarning("stopped_early", f"Stopped early, after {len(history.epochs)} epochs."))
    return warnings
