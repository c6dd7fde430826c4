"""Which learning rate a model bears: it is raised batch by batch while the loss is watched (Smith 2017), then all is put back."""

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

from peakid.errors import TrainingDiverged
from peakid.learn import fit
from peakid.learn.batches.data import REPORT_EVERY_S, Stopped
from peakid.learn.network import model as models
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import Report

N_STEPS = 100  # fastai's number; three epochs of the otters.
FIRST_RATE, LAST_RATE = 1e-7, 10.0  # From where nothing moves to where everything breaks, as fastai has it.
SMOOTHING = 0.98  # Of the loss from batch to batch; fastai's.
HOPELESS = 4.0  # Times the lowest loss so far: the rate is too high, and higher ones need not be tried.
UNSURE = (
    N_STEPS // 10
)  # Batches at first: a lucky one is no measure of what follows, and no rate so small breaks anything.
MIN_POINTS = 20  # The slide compares points 15 steps apart.


@dataclass(frozen=True)
class Sweep:
    """What was seen: peak rates, rising, and the smoothed loss at each; and the four rates that follow.

    Attributes:
        suggestions: `valley` (a third into the longest fall, the usual choice), `slide` (before the loss gets uneasy),
            `minimum` (a tenth of the rate with the lowest loss), `steep` (where the loss falls fastest).
    """

    rates: list[float]
    losses: list[float]
    suggestions: dict[str, float]


def sweep(
    model: nn.Sequential,
    dls: DataLoaders,
    recipe: Recipe,
    phase: Phase,
    *,
    freezes_norms: bool,
    report: Report,
    should_stop: Callable[[], bool],
) -> Sweep:
    """Raise the rate over a hundred batches, and leave the model as it was.

    Raises:
        Stopped: If `should_stop` says so.
        TrainingDiverged: If the loss breaks before anything was learned.
    """
    before = copy.deepcopy(model.state_dict())
    ramp = _Ramp(phase, freezes_norms=freezes_norms, report=report, should_stop=should_stop)
    learner = fit.make_learner(model, dls, recipe, [ramp])
    models.set_free(model, phase.n_blocks)
    for epoch in range(N_STEPS // len(dls.train) + 1):
        dls.train.begin_epoch(epoch, skip=0)
        learner.fit(1)
        if ramp.is_over:
            break
    model.load_state_dict(before)
    models.set_free(model, phase.n_blocks)
    return Sweep(ramp.rates, ramp.losses, suggestions(ramp.rates, ramp.losses))


def suggestions(rates: Sequence[float], losses: Sequence[float]) -> dict[str, float]:
    """Answer the four rates that fastai's finder suggests for a curve.

    Args:
        rates: Rising.
        losses: Smoothed, one a rate.

    Raises:
        TrainingDiverged: If the curve is too short to see anything in it.
    """
    start, end = (
        UNSURE,
        len(losses) - 5,
    )  # The first losses are hardly smoothed yet, the last ones break away.
    seen = [
        (rate, loss) for rate, loss in list(zip(rates, losses, strict=True))[start:end] if math.isfinite(loss)
    ]
    if len(seen) < MIN_POINTS:
        raise TrainingDiverged(
            f"The rate finder saw the loss break after {len(losses)} of {N_STEPS} batches: no rate can be read from that.",
            "Give a rate: --set base_lr=0.0001, or look at the weights that it starts from.",
        )
    x, y = torch.tensor([rate for rate, _ in seen]), torch.tensor([loss for _, loss in seen])
    methods: dict[str, Any] = {"valley": valley, "slide": slide, "minimum": minimum, "steep": steep}
    return {name: float(method(x, y, N_STEPS)[0]) for name, method in methods.items()}


def has_broken(losses: Sequence[float]) -> bool:
    """Tell whether the newest smoothed loss is no number, or far above the lowest: higher rates need not be tried.

    The first ones are no measure: smoothing has hardly begun, and one lucky batch would make all others look hopeless.
    """
    return not math.isfinite(losses[-1]) or losses[-1] > HOPELESS * min(losses[UNSURE:], default=math.inf)


class _Ramp(Callback):
    """Sets the rate before each batch and keeps the smoothed loss after it."""

    learn: Any

    def __init__(
        self, phase: Phase, *, freezes_norms: bool, report: Report, should_stop: Callable[[], bool]
    ) -> None:
        self.phase, self.freezes_norms, self.report, self.should_stop = (
            phase,
            freezes_norms,
            report,
            should_stop,
        )
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.is_over = False
        self.average, self.reported_at = 0.0, 0.0

    def before_train(self) -> None:
        if self.freezes_norms:
            models.hold_norms(self.learn.model)

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
            self.report(
                "Finding the rate", len(self.rates), N_STEPS, f"rate {self.rates[-1]:.1e}, loss {loss:.3f}"
            )
        if len(self.rates) >= N_STEPS or has_broken(self.losses):
            self.is_over = True
            raise CancelFitException

    def before_validate(self) -> None:
        raise CancelValidException
