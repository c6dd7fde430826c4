"""What a training will cost, judged by the last one that was done on this machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from peakid.records import Run

BODY_COST = 3.0  # An epoch with every layer learning costs this many with a frozen body, as learn/watch.py measured.
START_S = 20.0  # Loading libraries and weights, whatever is trained; measured 15-25 s on two cores.


def guess_s(recipe: Mapping[str, Any], n_train: int, earlier: Sequence[Run], n_train_of: Mapping[str, int]) -> tuple[float, Run] | None:
    """Guess the seconds of a training from the newest done run of the same architecture, and answer that run beside them.

    Args:
        recipe: Its values by name.
        n_train: Images it learns from.
        earlier: Runs, newest first.
        n_train_of: Images learned from, by snapshot digest.
    """
    for run in earlier:
        if run.state == "done" and run.seconds and run.recipe.get("arch") == recipe["arch"] and n_train_of.get(run.snapshot_digest):
            ratio = _work(recipe, n_train) / _work(
                run.recipe, n_train_of[run.snapshot_digest], was_random=run.pretrained.startswith("none")
            )
            return START_S + max(0.0, run.seconds - START_S) * ratio, run
    return None


def _work(recipe: Mapping[str, Any], n_train: int, *, was_random: bool = False) -> float:
    """Measure work in images times pixels times epochs with a frozen body."""
    is_random = was_random or recipe["pretrained"] == "none"
    if recipe.get("method") == "linear-head" and not is_random:
        return n_train * recipe["image_size_px"] ** 2  # Every image once through the frozen body.
    epochs = recipe["scratch_epochs"] * BODY_COST if is_random else recipe["head_epochs"] + recipe["body_epochs"] * BODY_COST
    return n_train * recipe["image_size_px"] ** 2 * epochs
