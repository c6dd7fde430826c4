"""What is watched while fastai trains: progress, epochs, the best one, a wish to stop, a loss that is no number."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from fastai.callback.core import Callback, CancelFitException
from torch import Tensor, nn

from peakid.learn import gpu_load
from peakid.learn.batches.data import REPORT_EVERY_S
from peakid.learn.network import model as models
from peakid.learn.samples import Samples
from peakid.recipe.phase import Phase
from peakid.records import EpochMetrics, Report

# A batch with every layer learning costs this many batches with a frozen body (mobilenet_v2, CPU): only for the first guess.
BODY_COST = 3.0


@dataclass
class Place:
    """Where a training stands.

    Attributes:
        phase: Counted from 0.
        epoch: Epochs of this phase that are done.
        batch: Batches of the epoch at hand that are done.
        rate: Peak rate of this phase where the finder measured one.
        n_parts: Each batch of the recipe is taken in so many, because the memory holds no more at once.
    """

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    rate: float | None = None
    n_parts: int = 1


class Plan:
    """How many epochs and batches are to come, over all phases; a stop rule shortens it on the way."""

    def __init__(self, phases: Sequence[Phase], n_batches: int) -> None:
        self.phases, self.n_batches = phases, n_batches
        self.n_epochs = [phase.epochs for phase in phases]

    @property
    def total_epochs(self) -> int:
        return sum(self.n_epochs)

    @property
    def total_batches(self) -> int:
        return self.total_epochs * self.n_batches

    def left(self, place: Place) -> float:
        """Answer what is left, in batches of the present phase, which larger images and more layers make dearer."""
        left = 0.0
        for index in range(place.phase, len(self.phases)):
            done = place.epoch * self.n_batches + place.batch if index == place.phase else 0
            left += (
                (self.n_epochs[index] * self.n_batches - done) * self._cost(index) / self._cost(place.phase)
            )
        return left

    def _cost(self, index: int) -> float:
        phase = self.phases[index]
        return (1.0 if phase.learns == "head" else BODY_COST) * (phase.image_size_px or 1) ** 2


@dataclass
class History:
    """What a training has given so far. `best_state` lies on the CPU."""

    epochs: list[EpochMetrics] = field(default_factory=list)
    best: EpochMetrics | None = None
    best_state: dict[str, Tensor] = field(default_factory=dict)
    is_stopped: bool = False
    diverged_in: int | None = None
    is_collapsed: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return self.is_stopped or self.diverged_in is not None


class Watch(Callback):
    """The one callback that keeps what a training gives.

    The best epoch is the one with the lowest loss on valid, not the highest accuracy: among fifty valid images one
    image is two percent and several epochs tie, while the loss also weighs how sure each answer is.

    Args:
        prefix: Comes before the phase's name in what is reported, such as the number of the fold.
        n_before: Epochs that were reported before this training, by earlier folds.
        part: Which of how many models this is, counted from 0: progress goes over all of them.
        samples: Keeps what the model answers for a few valid images after each epoch.
    """

    learn: Any  # The Learner, set by fastai when it takes the callback.

    def __init__(
        self,
        *,
        report: Report,
        on_epoch: Callable[[EpochMetrics], None],
        should_stop: Callable[[], bool],
        prefix: str = "",
        n_before: int = 0,
        part: tuple[int, int] = (0, 1),
        samples: Samples | None = None,
    ) -> None:
        self.report, self.on_epoch, self.should_stop = report, on_epoch, should_stop
        self.prefix, self.n_before, self.part, self.samples = prefix, n_before, part, samples
        self.history, self.place = History(), Place()
        self.epoch_losses: list[float] = []  # Of the batches before a checkpoint that was resumed from.
        self.rate = 0.0  # Of the head in the newest batch; an epoch may be resumed after its last one.
        self.freezes_norms = False
        self.reported_at = 0.0

    def start_phase(self, plan: Plan, *, freezes_norms: bool, keep: Callable[[], None]) -> None:
        """Name the phase that follows. Frozen norms keep ImageNet's statistics: those of 32 images cost .27 of accuracy when tried.

        Args:
            keep: Called after each batch; writes a checkpoint when it is time for one.
        """
        self.plan, self.freezes_norms, self.keep = plan, freezes_norms, keep
        self.phase = plan.phases[self.place.phase]
        self.phase_started, self.phase_done = time.monotonic(), 0

    def before_train(self) -> None:
        self.epoch_started = time.monotonic()
        self.losses = [torch.tensor(loss) for loss in self.epoch_losses]
        if self.freezes_norms:
            models.hold_norms(self.learn.model)

    def before_validate(self) -> None:
        self.logits: list[Tensor] = []
        self.labels: list[Tensor] = []

    def before_batch(self) -> None:
        if self.should_stop():
            self.epoch_losses = self.losses_so_far()
            self.history.is_stopped = True
            raise CancelFitException

    def after_batch(self) -> None:
        if not self.learn.training:
            self.logits.append(self.learn.pred.detach().float())
            self.labels.append(self.learn.y.detach())
            return
        self.losses.append(self.learn.loss.detach())
        self.place.batch += 1
        self.phase_done += 1
        if time.monotonic() - self.reported_at >= REPORT_EVERY_S:
            self._tell()
        self.keep()

    def after_train(self) -> None:
        if self.phase_done:
            self._tell()

    def after_validate(self) -> None:
        logits, labels = torch.cat(self.logits), torch.cat(self.labels)  # (n, K), (n,)
        predicted = logits.argmax(dim=1)
        losses = self.losses_so_far()
        metrics = EpochMetrics(
            epoch=self.n_before + len(self.history.epochs) + 1,
            phase=self.prefix + self.phase.name,
            train_loss=sum(losses) / max(1, len(losses)),
            valid_loss=float(nn.functional.cross_entropy(logits, labels)),
            accuracy=float((predicted == labels).float().mean()),
            learning_rate=self.rate,
            seconds=time.monotonic() - self.epoch_started,
        )
        self.epoch_losses = []
        self._stop_if_diverged(metrics.valid_loss)
        if self.samples is not None:
            self.samples.keep(metrics.epoch, logits.softmax(dim=1).cpu())
        self._keep(metrics, is_collapsed=len(predicted.unique()) == 1 < len(labels.unique()))

    def losses_so_far(self) -> list[float]:
        """Answer the training loss of each batch of the epoch at hand."""
        return torch.stack([loss.cpu() for loss in self.losses]).tolist() if self.losses else []

    def _keep(self, metrics: EpochMetrics, *, is_collapsed: bool) -> None:
        self.history.epochs.append(metrics)
        if self.history.best is None or metrics.valid_loss < self.history.best.valid_loss:
            self.history.best, self.history.is_collapsed = metrics, is_collapsed
            self.history.best_state = {
                key: copy.deepcopy(value.detach().cpu())
                for key, value in self.learn.model.state_dict().items()
            }
        self.on_epoch(metrics)

    def _tell(self) -> None:
        self.reported_at = time.monotonic()
        loss = float(self.losses[-1])
        self._stop_if_diverged(loss)
        rate = self.phase_done / max(1e-9, self.reported_at - self.phase_started)  # Batches a second.
        number, n_parts = self.part
        left_s = (self.plan.left(self.place) + (n_parts - 1 - number) * self.plan.left(Place())) / rate
        epoch = min(self.plan.total_epochs, len(self.history.epochs) + 1)
        message = (
            f"{self.prefix}epoch {epoch} of {self.plan.total_epochs}, loss {loss:.3f}, {rate * self.learn.dls.train.bs:.0f} images/s, "
            f"{_duration(left_s)} left{gpu_load.told(self.learn.dls.device)}"
        )
        n_done = len(self.history.epochs) * self.plan.n_batches + self.place.batch
        total = self.plan.total_batches
        self.report("Training", number * total + min(n_done, total), n_parts * total, message)

    def _stop_if_diverged(self, loss: float) -> None:
        if not math.isfinite(loss):
            self.history.diverged_in = len(self.history.epochs) + 1
            raise CancelFitException


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
