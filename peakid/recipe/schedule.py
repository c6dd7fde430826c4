"""The learning rate over the epochs of a training, before it runs and while it does. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from peakid.recipe.phase import Phase

POINTS = 60  # A phase: smooth on any screen.
LAST = (
    0.985  # Of a phase, where its last batch begins: the one of 64. At its very end no rate is set any more.
)
FLOOR_SHARE = 1e-3  # Of the peak: schedules end at nothing, which a logarithmic axis does not have.
UNMEASURED = 1e-3  # Stands for a peak that the finder will measure: its usual order of magnitude.


@dataclass(frozen=True)
class PhaseRates:
    """The rate of the head through one phase.

    Attributes:
        epochs: Position in epochs from the start of the training, rising; 0 is the first batch.
        rates: At each of them, per step.
        is_measured: The peak is measured when the phase begins; `rates` then only has the shape.
    """

    name: str
    epochs: list[float]
    rates: list[float]
    is_measured: bool


def over_epochs(
    phases: Sequence[Phase], done: Sequence[str] = (), *, has_ended: bool = False
) -> list[PhaseRates]:
    """Lay the phases one behind the other; one that a stop rule ended is as long as it was.

    Args:
        phases: As planned, with names filled in.
        done: Name of the phase of each epoch that is done, in order.
        has_ended: No epoch follows.
    """
    lines, start = [], 0
    for phase, n_epochs in zip(phases, lengths(phases, done, has_ended=has_ended), strict=True):
        if n_epochs:
            lines.append(_line(phase, start, n_epochs))
        start += n_epochs
    return lines


def lengths(phases: Sequence[Phase], done: Sequence[str], *, has_ended: bool = False) -> list[int]:
    """Answer how many epochs each phase took or will take."""
    taken, left = [], list(done)
    for phase in phases:
        n = 0
        while left and n < phase.epochs and left[0] == phase.name:
            left.pop(0)
            n += 1
        taken.append(n)
    last = max(
        (i for i, n in enumerate(taken) if n), default=0
    )  # The phase at hand; those before it are over.
    return [
        n if i < last or has_ended else phase.epochs
        for i, (phase, n) in enumerate(zip(phases, taken, strict=True))
    ]


def _line(phase: Phase, start: int, n_epochs: int) -> PhaseRates:
    peak = UNMEASURED if phase.base_lr == "finder" else float(phase.base_lr)
    inside = [n_epochs * i / POINTS for i in range(POINTS + 1)]
    rates = [peak * max(FLOOR_SHARE, phase.rate(min(LAST, epoch / phase.epochs))) for epoch in inside]
    return PhaseRates(phase.name, [start + epoch for epoch in inside], rates, phase.base_lr == "finder")
