"""What is watched while fastai trains: progress, epochs, the best one, a wish to stop, a loss that is no number."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from fastai.callback.core import Callback, CancelFitException
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from peakid.learn.data import REPORT_EVERY_S
from peakid.records import EpochMetrics, Report

# A batch with every layer learning costs this many batches with a frozen body (mobilenet_v2, CPU): only for the first guess.
BODY_COST = 3.0


@dataclass
class Plan:
    """How many epochs and batches are to come, over both phases."""

    n_epochs: dict[str, int]
    n_batches: int  # In one epoch.

    @property
    def total_epochs(self) -> int:
        return sum(self.n_epochs.values())

    @property
    def total_batches(self) -> int:
        return self.total_epochs * self.n_batches


@dataclass
class History:
    """What a training has given so far. `best_state` lies on the CPU."""

    epochs: list[EpochMetrics] = field(default_factory=list)
    best: EpochMetrics | None = None
    best_state: dict[str, Tensor] = field(default_factory=dict)
    is_stopped: bool = False
    diverged_in: int | None = None
    is_collapsed: bool = False


class Watch(Callback):
    """The one callback of a training.

    The best epoch is the one with the lowest loss on valid, not the highest accuracy: among fifty valid images one
    image is two percent and several epochs tie, while the loss also weighs how sure each answer is.
    """

    learn: Any  # The Learner, set by fastai when it takes the callback.

    def __init__(self, plan: Plan, *, report: Report, on_epoch: Callable[[EpochMetrics], None], should_stop: Callable[[], bool]) -> None:
        self.plan, self.report, self.on_epoch, self.should_stop = plan, report, on_epoch, should_stop
        self.history = History()
        self.phase, self.freezes_norms = "", False
        self.n_done = 0
        self.reported_at = 0.0

    def start_phase(self, phase: str, *, freezes_norms: bool) -> None:
        """Name the phase that follows. Frozen norms keep ImageNet's statistics: those of 32 images cost .27 of accuracy when tried."""
        self.phase, self.freezes_norms = phase, freezes_norms
        self.phase_started, self.phase_done = time.monotonic(), 0

    def before_train(self) -> None:
        self.epoch_started, self.losses = time.monotonic(), []
        if self.freezes_norms:
            for layer in self.learn.model[0].modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()

    def before_validate(self) -> None:
        self.logits: list[Tensor] = []
        self.labels: list[Tensor] = []

    def before_batch(self) -> None:
        if self.should_stop():
            self.history.is_stopped = True
            raise CancelFitException

    def after_batch(self) -> None:
        if not self.learn.training:
            self.logits.append(self.learn.pred.detach().float())
            self.labels.append(self.learn.y.detach())
            return
        self.losses.append(self.learn.loss.detach())
        self.n_done += 1
        self.phase_done += 1
        if time.monotonic() - self.reported_at >= REPORT_EVERY_S:
            self._tell()

    def after_train(self) -> None:
        if self.losses:
            self._tell()

    def after_validate(self) -> None:
        logits, labels = torch.cat(self.logits), torch.cat(self.labels)  # (n, K), (n,)
        predicted = logits.argmax(dim=1)
        metrics = EpochMetrics(
            epoch=len(self.history.epochs) + 1,
            phase=self.phase,
            train_loss=float(torch.stack(self.losses).mean()),
            valid_loss=float(nn.functional.cross_entropy(logits, labels)),
            accuracy=float((predicted == labels).float().mean()),
            learning_rate=float(self.learn.opt.hypers[-1]["lr"]),
            seconds=time.monotonic() - self.epoch_started,
        )
        self._stop_if_diverged(metrics.valid_loss)
        self._keep(metrics, is_collapsed=len(predicted.unique()) == 1 < len(labels.unique()))

    def _keep(self, metrics: EpochMetrics, *, is_collapsed: bool) -> None:
        self.history.epochs.append(metrics)
        if self.history.best is None or metrics.valid_loss < self.history.best.valid_loss:
            self.history.best, self.history.is_collapsed = metrics, is_collapsed
            self.history.best_state = {key: copy.deepcopy(value.detach().cpu()) for key, value in self.learn.model.state_dict().items()}
        self.on_epoch(metrics)

    def _tell(self) -> None:
        self.reported_at = time.monotonic()
        loss = float(self.losses[-1])
        self._stop_if_diverged(loss)
        rate = self.phase_done / max(1e-9, self.reported_at - self.phase_started)  # Batches a second.
        epoch = min(self.plan.total_epochs, (self.n_done - 1) // self.plan.n_batches + 1)
        message = (
            f"epoch {epoch} of {self.plan.total_epochs}, loss {loss:.3f}, {rate * self.learn.dls.train.bs:.0f} images/s, "
            f"{_duration(self._batches_left() / rate)} left"
        )
        self.report("Training", self.n_done, self.plan.total_batches, message)

    def _batches_left(self) -> float:
        """Answer what is left, in batches of the present phase."""
        left = self.plan.total_batches - self.n_done
        if self.phase != "head":
            return left
        body = self.plan.n_epochs.get("body", 0) * self.plan.n_batches
        return left - body + body * BODY_COST

    def _stop_if_diverged(self, loss: float) -> None:
        if not math.isfinite(loss):
            self.history.diverged_in = len(self.history.epochs) + 1
            raise CancelFitException


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
