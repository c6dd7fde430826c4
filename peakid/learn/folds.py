"""Trains one fold of a cross-validation by itself, in another process than the one that needs all of them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from peakid.errors import WeightsUnfit
from peakid.job_settings import JobSettings
from peakid.learn import train
from peakid.learn.batches import subsets
from peakid.learn.batches.data import TrainingImages
from peakid.learn.start import begin, prepare_pixels
from peakid.learn.trainer import Trainer
from peakid.learn.watch import History
from peakid.recipe.recipe import Recipe
from peakid.records import no_report


def train_alone(
    images: TrainingImages,
    recipe: Recipe,
    number: int,
    *,
    weights: str,
    epochs: Sequence[int],
    folder: Path,
    cache_dir: Path,
    settings: JobSettings,
    allows_random: bool,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the predictions for the held-out images of a fold, and its facts, as `train.train_fold` does.

    They are those that the fold has in a training of all folds, bit for bit on the same number of threads.

    Args:
        images: All images of the training.
        recipe: With the batch size that was chosen.
        number: Of the fold, from 0.
        weights: The SHA-256 of the weights that the training of all folds starts from, or their kind.
        epochs: Of each phase, as they were planned.
        folder: For checkpoints; a training that was interrupted continues from them.

    Raises:
        WeightsUnfit: If other weights are found on this machine.
        DatasetError, TrainingError: As in `train.train`.
    """
    start = begin(images, recipe, settings, allows_random=allows_random)
    found = start.found.record
    if (found.sha256 or found.kind) != weights:
        raise WeightsUnfit(
            f"Fold {number + 1} would start from {found.text()}, and the training began with {weights[:12]}.",
            "Put the same file of weights on every machine.",
        )
    phases = [phase.model_copy(update={"epochs": n}) for phase, n in zip(start.phases, epochs, strict=True)]
    start = dataclasses.replace(start, phases=tuple(phases))
    fold = subsets.assign_folds(images, recipe.folds, recipe.seed)
    pixels = prepare_pixels(images, start, cache_dir=cache_dir, report=no_report, should_stop=_never)
    trainer = Trainer(start, pixels, report=no_report, on_epoch=lambda metrics: None, should_stop=_never)
    result = train.train_fold(
        subsets.with_fold_splits(images, fold, number), trainer, folder, number, History()
    )
    assert result is not None  # Nothing stops it.
    return result


def _never() -> bool:
    return False
