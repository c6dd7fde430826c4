"""The learning rate over the epochs of a training, as planned and as far as it has run."""

from collections.abc import Sequence
from dataclasses import dataclass

from peakid.recipe.phase import Phase

POINTS = 60  # Per phase: smooth on any screen.
# Position in a phase at which its last batch of 64 begins; no rate is set at the very end.
LAST = 0.985
FLOOR_SHARE = 1e-3  # Of the peak: schedules end at zero, which a logarithmic axis cannot show.
UNMEASURED = 1e-3  # Placeholder for a peak that the LR finder will measure: its usual order of magnitude.


@dataclass(frozen=True)
class PhaseRates:
    """The learning rate of the head through one phase.

    Attributes:
        epochs: Positions in epochs from the start of the training, increasing; 0 is the first batch.
        rates: The learning rate at each position, per step.
        is_measured: The LR finder measures the peak when the phase begins; `rates` then has the shape only.
    """

    name: str
    epochs: list[float]
    rates: list[float]
    is_measured: bool


def over_epochs(
    phases: Sequence[Phase], done: Sequence[str] = (), *, has_ended: bool = False
) -> list[PhaseRates]:
    """Return the rates of consecutive phases; one that early stopping ended has the length it had.

    Args:
        phases: As planned, with names filled in.
        done: Name of the phase of each finished epoch, in order.
        has_ended: No epoch follows.
    """
    curves, start = [], 0
    for phase, n_epochs in zip(phases, lengths(phases, done, has_ended=has_ended), strict=True):
        if n_epochs:
            curves.append(_curve(phase, start, n_epochs))
        start += n_epochs
    return curves


def lengths(phases: Sequence[Phase], done: Sequence[str], *, has_ended: bool = False) -> list[int]:
    """Return how many epochs each phase took or will take."""
    taken, left = [], list(done)
    for phase in phases:
        n = 0
        while left and n < phase.epochs and left[0] == phase.name:
            left.pop(0)
            n += 1
        taken.append(n)
    current = max((i for i, n in enumerate(taken) if n), default=0)  # Earlier phases are over.
    return [
        n if i < current or has_ended else phase.epochs
        for i, (phase, n) in enumerate(zip(phases, taken, strict=True))
    ]


def _curve(phase: Phase, start: int, n_epochs: int) -> PhaseRates:
    peak = UNMEASURED if phase.base_lr == "finder" else float(phase.base_lr)
    inside = [n_epochs * i / POINTS for i in range(POINTS + 1)]
    rates = [peak * max(FLOOR_SHARE, phase.rate(min(LAST, epoch / phase.epochs))) for epoch in inside]
    return PhaseRates(phase.name, [start + epoch for epoch in inside], rates, phase.base_lr == "finder")
