"""Trainings that ranks do one after the other, as the recipes ask for them: one start of PyTorch for all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peakid.engines.fit import Desk, Place
from peakid.job_settings import JobSettings
from peakid.learn import train as training
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics
from tests.learn.colours import images_of
from tests.learn.ranks import one_rank

# 5 validation images and 30 in all: neither is a multiple of the batches or of the ranks.
ROWS = [
    (name, split)
    for name, n_valid in (("moss", 3), ("rust", 2))
    for split, n in (("train", 10), ("valid", n_valid), ("test", 15 - 10 - n_valid))
    for _ in range(n)
]


def run(document: Mapping[str, Any], desk: Desk, place: Place) -> None:
    """Train each recipe of the document as one of the ranks, and tell what came out on this one."""
    with one_rank.joined(place) as ranks:
        for name, recipe in document["recipes"].items():
            stops_in = document["stops_in"].get(name) if place.rank == 1 else None
            desk.tell(name, train(desk.folder / name, recipe, ranks, stops_in))


def train(
    folder: Path,
    recipe: Mapping[str, Any],
    ranks: Ranks = ALONE,
    stops_in: str | None = None,
) -> dict[str, Any]:
    """Train a recipe; return what this rank knows afterwards as JSON.

    Args:
        stops_in: A step of the training in which this rank is told to stop.
    """
    step = ""

    def report(phase: str, *_: object) -> None:
        nonlocal step
        step = phase

    (folder / "run").mkdir(parents=True, exist_ok=True)
    epochs: list[EpochMetrics] = []
    result = training.train(
        images_of(ROWS),
        Recipe.model_validate(recipe),
        folder=folder / "run",
        cache_dir=folder / "cache",
        settings=JobSettings(),
        report=report,
        on_epoch=epochs.append,
        should_stop=lambda: step == stops_in,
        ranks=ranks,
    )
    return {
        "pred_probs": {split: values.tolist() for split, (_, values) in result.pred_probs.items()},
        "digests": {split: digests for split, (digests, _) in result.pred_probs.items()},
        "metrics": result.metrics,
        "best_epoch": result.best_epoch,
        "is_cancelled": result.is_cancelled,
        "warnings": [each.text for each in result.warnings],
        "epochs": [[each.epoch, each.phase, each.valid_loss, each.learning_rate] for each in epochs],
    }
