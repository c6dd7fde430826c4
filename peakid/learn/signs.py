"""What the curves of a training tell in words: collapse, overfitting, a rate that is too high."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from peakid.learn.watch import History
from peakid.recipe.phase import Phase
from peakid.records import EpochMetrics

MIN_AFTER_BEST = 3  # Epochs: one or two worse ones are the noise of a small valid split.
WORSE = 1.25  # Times the lowest loss on valid; smaller rises do not change which class is answered.
JUMP = 1.5  # From one epoch to the first of the next phase; a healthy phase begins within a few percent.


def read(history: History, phases: Sequence[Phase]) -> list[str]:
    """Answer sentences a person should read before believing the score.

    Args:
        phases: As planned; their names are those of the epochs.
    """
    if len({each.phase for each in history.epochs} - {phase.name for phase in phases}):
        return []  # Folds: each is too small to be judged by itself.
    found = [
        "The model collapsed: it answers the same class for every valid image. Lower base_lr, or label more images."
    ]
    return [
        *(found if history.is_collapsed else []),
        *_overfitting(history.epochs, history.best),
        *_jumps(history.epochs),
    ]


def _overfitting(epochs: Sequence[EpochMetrics], best: EpochMetrics | None) -> Iterator[str]:
    if best is None or len(epochs) - best.epoch < MIN_AFTER_BEST:
        return
    last = epochs[-1]
    if last.valid_loss > WORSE * best.valid_loss and last.train_loss < best.train_loss:
        yield (
            f"Overfitting after epoch {best.epoch}: until epoch {last.epoch} the loss on train fell from {best.train_loss:.2f} to "
            f"{last.train_loss:.2f} while that on valid rose from {best.valid_loss:.2f} to {last.valid_loss:.2f}. "
            f"Epoch {best.epoch} was kept; more images, a higher augment or fewer epochs help."
        )


def _jumps(epochs: Sequence[EpochMetrics]) -> Iterator[str]:
    parts = [list(part) for _, part in groupby(epochs, key=lambda each: each.phase)]
    for before, after in pairwise(parts):
        old, new = before[-1].valid_loss, after[0].valid_loss
        if new > JUMP * old and after[-1].valid_loss > old:
            yield (
                f"The learning rate is too high in phase '{after[0].phase}': its first epoch raised the loss on valid from {old:.2f} to "
                f"{new:.2f}, and it never came back. Lower base_lr, or take it from the finder."
            )
