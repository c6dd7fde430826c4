"""What a training will cost, judged by the last one that was done on this machine."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from peakid.errors import PeakidError
from peakid.recipe import weight_files
from peakid.recipe.recipe import Recipe
from peakid.records import Run

BODY_COST = (
    3.0  # An epoch with every layer learning costs this many with a frozen body, as learn/watch.py measured.
)
START_S = 20.0  # Loading libraries and weights, whatever is trained; measured 15-25 s on two cores.


def guess_s(
    recipe: Recipe, n_train: int, earlier: Sequence[Run], n_train_of: Mapping[str, int]
) -> tuple[float, Run] | None:
    """Guess the seconds of a training from the newest done run of the same architecture, and answer that run beside them.

    A stop rule may end it earlier.

    Args:
        n_train: Images it learns from.
        earlier: Runs, newest first.
        n_train_of: Images learned from, by snapshot digest.
    """
    work = _work(recipe, n_train, is_pretrained=weight_files.is_pretrained(recipe))
    for run in earlier:
        if (
            run.state == "done"
            and run.seconds
            and run.recipe.get("arch") == recipe.arch
            and n_train_of.get(run.snapshot_digest)
        ):
            before = _recipe_of(run)
            if before is not None:
                done = _work(
                    before,
                    n_train_of[run.snapshot_digest],
                    is_pretrained=not run.pretrained.startswith("none"),
                )
                seconds = max(0.0, run.seconds - START_S) * work / done
                return START_S + min(seconds, recipe.max_minutes * 60 or seconds), run
    return None


def _work(recipe: Recipe, n_train: int, *, is_pretrained: bool) -> float:
    """Measure work in images times pixels times epochs with a frozen body."""
    epochs = 0.0
    for phase in recipe.planned(is_pretrained=is_pretrained):
        epochs += (
            phase.epochs
            * (1.0 if phase.learns == "head" else BODY_COST)
            * (phase.image_size_px or recipe.image_size_px) ** 2
        )
    return n_train * recipe.fraction * epochs * max(1, recipe.folds)


def _recipe_of(run: Run) -> Recipe | None:
    """Read the recipe of a run; None where it was written by a version with other fields."""
    try:
        return Recipe.model_validate(run.recipe)
    except (ValidationError, PeakidError):
        return None
