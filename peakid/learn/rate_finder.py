"""The LR finder: the learning rate rises from batch to batch while the loss is recorded (Smith 2017)."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from fastai.callback.core import Callback, CancelFitException, CancelValidException
from fastai.callback.schedule import minimum, slide, steep, valley
from fastai.data.core import DataLoaders
from torch import nn

from peakid import progress_text
from peakid.errors import TrainingDiverged
from peakid.learn import fit
from peakid.learn.batches.data import REPORT_EVERY_S, Stopped
from peakid.learn.network import model as models
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import Report
from peakid.remedies import action

N_STEPS = 100  # fastai's number.
FIRST_RATE, LAST_RATE = 1e-7, 10.0  # fastai's range: from no effect to certain divergence.
SMOOTHING = 0.98  # Of the loss from batch to batch; fastai's.
DIVERGED = 4.0  # Times the lowest loss so far: higher rates need not be tried.
# First batches, whose smoothed loss is not reliable; no rate is so small that the loss diverges in them.
UNRELIABLE = N_STEPS // 10
MIN_POINTS = 20  # The slide method compares points 15 steps apart.


@dataclass(frozen=True)
class RateFinderResult:
    """Peak learning rates, increasing, the smoothed loss at each, and four suggested rates.

    Attributes:
        suggestions: `valley` (a third into the longest descent, the usual choice), `slide` (before the loss
            becomes unstable), `minimum` (a tenth of the rate with the lowest loss), `steep` (the steepest
            descent).
    """

    rates: list[float]
    losses: list[float]
    suggestions: dict[str, float]


def find(
    model: nn.Sequential,
    dls: DataLoaders,
    recipe: Recipe,
    phase: Phase,
    *,
    freezes_norms: bool,
    report: Report,
    should_stop: Callable[[], bool],
) -> RateFinderResult:
    """Raise the learning rate over a hundred batches, then restore the model.

    Raises:
        Stopped: If `should_stop` returns True.
        TrainingDiverged: If the loss diverges too early.
    """
    before = copy.deepcopy(model.state_dict())
    ramp = _Ramp(phase, freezes_norms=freezes_norms, report=report, should_stop=should_stop)
    learner = fit.make_learner(model, dls, recipe, [ramp])
    models.unfreeze(model, phase.n_blocks)
    for epoch in range(N_STEPS // len(dls.train) + 1):
        dls.train.begin_epoch(epoch, skip=0)
        learner.fit(1)
        if ramp.is_over:
            break
    model.load_state_dict(before)
    models.unfreeze(model, phase.n_blocks)
    return RateFinderResult(ramp.rates, ramp.losses, suggestions(ramp.rates, ramp.losses))


def suggestions(rates: Sequence[float], losses: Sequence[float]) -> dict[str, float]:
    """Return the four rates that fastai's finder suggests for a curve.

    Args:
        rates: Increasing.
        losses: Smoothed, one per rate.

    Raises:
        TrainingDiverged: If the curve is too short.
    """
    # Without the unreliable first losses and the diverging last ones.
    start, end = UNRELIABLE, len(losses) - 5
    points = list(zip(rates, losses, strict=True))[start:end]
    points = [(rate, loss) for rate, loss in points if math.isfinite(loss)]
    if len(points) < MIN_POINTS:
        raise TrainingDiverged(
            f"The LR finder stopped because the loss diverged after {len(losses)} of {N_STEPS} batches: that "
            "is too early to suggest a learning rate.",
            "Set a learning rate, or check the weights that the training starts from.",
            action("set_recipe", key="base_lr", value=1e-4),
        )
    x, y = torch.tensor([rate for rate, _ in points]), torch.tensor([loss for _, loss in points])
    methods: dict[str, Any] = {"valley": valley, "slide": slide, "minimum": minimum, "steep": steep}
    return {name: float(method(x, y, N_STEPS)[0]) for name, method in methods.items()}


def has_diverged(losses: Sequence[float]) -> bool:
    """Return whether the newest smoothed loss is not finite, or far above the lowest.

    The first losses are not compared with: smoothing has hardly begun, and after one lucky batch all others
    would look diverged.
    """
    lowest = min(losses[UNRELIABLE:], default=math.inf)
    return not math.isfinite(losses[-1]) or losses[-1] > DIVERGED * lowest


class _Ramp(Callback):
    """Sets the learning rate before each batch and records the smoothed loss after it."""

    learn: Any

    def __init__(
        self, phase: Phase, *, freezes_norms: bool, report: Report, should_stop: Callable[[], bool]
    ) -> None:
        self.phase, self.freezes_norms = phase, freezes_norms
        self.report, self.should_stop = report, should_stop
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.is_over = False
        self.average, self.reported_at = 0.0, 0.0

    def before_train(self) -> None:
        if self.freezes_norms:
            models.freeze_norms(self.learn.model)

    def before_batch(self) -> None:
        if self.should_stop():
            raise Stopped
        rate = FIRST_RATE * (LAST_RATE / FIRST_RATE) ** (len(self.rates) / N_STEPS)
        self.rates.append(rate)
        share = self.phase.lowest_lr_share
        self.learn.opt.set_hypers(lr=[rate * share, rate * math.sqrt(share), rate])

    def after_batch(self) -> None:
        self.average = SMOOTHING * self.average + (1 - SMOOTHING) * float(self.learn.loss.detach())
        loss = self.average / (1 - SMOOTHING ** len(self.rates))
        self.losses.append(loss)
        if time.monotonic() - self.reported_at >= REPORT_EVERY_S or len(self.rates) == N_STEPS:
            self.reported_at = time.monotonic()
            counted = progress_text.counted(len(self.rates), N_STEPS, "steps")
            message = f"{counted}, rate {self.rates[-1]:.1e}, loss {loss:.3f}"
            self.report("Finding the learning rate", len(self.rates), N_STEPS, message)
        if len(self.rates) >= N_STEPS or has_diverged(self.losses):
            self.is_over = True
            raise CancelFitException

    def before_validate(self) -> None:
        raise CancelValidException
