"""Diagnose the curves of a finished training: collapse, overfitting, a learning rate that is too high."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from peakid.learn.watch import History
from peakid.recipe.phase import Phase
from peakid.records import EpochMetrics
from peakid.run_records import RunWarning

MIN_AFTER_BEST = 3  # Epochs: one or two worse ones are the noise of a small validation split.
WORSE = 1.25  # Times the lowest validation loss; smaller increases do not change predictions.
JUMP = 1.5  # From one epoch to the first of the next phase; a healthy phase starts within a few percent.


def diagnose(history: History, phases: Sequence[Phase]) -> list[RunWarning]:
    """Return warnings to read before trusting the score.

    Args:
        phases: As planned; their names are those of the epochs.
    """
    if len({each.phase for each in history.epochs} - {phase.name for phase in phases}):
        return []  # Folds: each is too small to be judged alone.
    return [
        *_collapse(history),
        *_overfitting(history.epochs, history.best),
        *_jumps(history.epochs),
    ]


def _collapse(history: History) -> Iterator[RunWarning]:
    if history.is_collapsed:
        yield RunWarning(
            "collapsed",
            "The model collapsed: it predicts the same class for every validation image. Lower the learning "
            "rate, or label more images.",
        )


def _overfitting(epochs: Sequence[EpochMetrics], best: EpochMetrics | None) -> Iterator[RunWarning]:
    if best is None or len(epochs) - best.epoch < MIN_AFTER_BEST:
        return
    last = epochs[-1]
    if last.valid_loss > WORSE * best.valid_loss and last.train_loss < best.train_loss:
        yield RunWarning(
            "overfitting",
            f"Overfitting after epoch {best.epoch}: until epoch {last.epoch} the training loss fell from "
            f"{best.train_loss:.2f} to {last.train_loss:.2f} while the validation loss rose from "
            f"{best.valid_loss:.2f} to {last.valid_loss:.2f}. Epoch {best.epoch} was kept; more images, "
            "stronger augmentation or fewer epochs help.",
        )


def _jumps(epochs: Sequence[EpochMetrics]) -> Iterator[RunWarning]:
    parts = [list(part) for _, part in groupby(epochs, key=lambda each: each.phase)]
    for before, after in pairwise(parts):
        old, new = before[-1].valid_loss, after[0].valid_loss
        if new > JUMP * old and after[-1].valid_loss > old:
            yield RunWarning(
                "high_rate",
                f"The learning rate is too high in phase '{after[0].phase}': its first epoch raised the "
                f"validation loss from {old:.2f} to {new:.2f}, and it did not recover. Lower the learning "
                "rate, or take it from the LR finder.",
            )
