"""What is recorded during a training: progress, metrics, the best epoch, a stop request, divergence."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from fastai.callback.core import Callback, CancelFitException
from torch import Tensor, nn

from peakid import progress_text
from peakid.learn.batches.data import REPORT_EVERY_S
from peakid.learn.network import model as models
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.learn.samples import Samples
from peakid.recipe import cost_guess
from peakid.recipe.phase import Phase
from peakid.records import EpochMetrics, Report
from peakid.run_records import RunWarning

FORWARD_SHARE = 1 / 3  # Of the time of a training step: a forward pass without a backward one.
STOPS, DIVERGES = 1, 2  # What the first rank tells the others before a batch.

try:
    from pynvml import NVMLError
except ImportError:  # A machine that was set up without nvidia-ml-py.
    NVMLError = RuntimeError


@dataclass
class Position:
    """The position of a training in its phases.

    Attributes:
        phase: Counted from 0.
        epoch: Finished epochs of this phase.
        batch: Finished batches of the current epoch.
        rate: Peak rate of this phase, where the LR finder measured one.
        n_parts: Each batch of the recipe is processed in this many parts, because memory is short.
    """

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    rate: float | None = None
    n_parts: int = 1


class EpochPlan:
    """How many epochs and batches the phases have; early stopping reduces them during the training."""

    def __init__(self, phases: Sequence[Phase], n_batches: int) -> None:
        self.phases, self.n_batches = phases, n_batches
        self.n_epochs = [phase.epochs for phase in phases]

    @property
    def total_epochs(self) -> int:
        return sum(self.n_epochs)

    @property
    def total_batches(self) -> int:
        return self.total_epochs * self.n_batches

    def left(self, position: Position) -> float:
        """Return the remaining work in batches of the current phase.

        Batches of other phases are weighted by their image size and by whether the body learns.
        """
        left = 0.0
        for index in range(position.phase, len(self.phases)):
            done = position.epoch * self.n_batches + position.batch if index == position.phase else 0
            n_batches = self.n_epochs[index] * self.n_batches - done
            left += n_batches * self._cost(index) / self._cost(position.phase)
        return left

    def _cost(self, index: int) -> float:
        return cost_guess.phase_cost(self.phases[index], image_size_px=1)


@dataclass
class History:
    """The result of a training so far.

    Attributes:
        best_state: Weights of the best epoch, on the CPU.
        diverged_in: The epoch in which the loss was no longer a number.
        is_collapsed: The best epoch predicts one class for every validation image.
        refit_state: Weights that were fitted again on train and validation, on the CPU; empty without them.
    """

    epochs: list[EpochMetrics] = field(default_factory=list)
    best: EpochMetrics | None = None
    best_state: dict[str, Tensor] = field(default_factory=dict)
    is_stopped: bool = False
    diverged_in: int | None = None
    is_collapsed: bool = False
    refit_state: dict[str, Tensor] = field(default_factory=dict)
    warnings: list[RunWarning] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return self.is_stopped or self.diverged_in is not None


class Watch(Callback):
    """The callback that records a training.

    The best epoch is the one with the lowest validation loss, not the highest accuracy: among fifty
    validation images one image is two percent and several epochs tie, while the loss also takes confidence
    into account.

    Args:
        prefix: Before the phase's name in what is recorded, such as the number of the fold.
        n_before: Epochs that earlier folds reported.
        part: Number of this model, from 0, and of all models: progress covers all of them.
        n_to_predict: Images that are predicted once after the training, of this and the later models.
        samples: Records predictions for a few validation images after each epoch.
        ranks: Those that train together: all of them stop at the same batch and record the same metrics.
    """

    learn: Any  # The Learner, set by fastai.

    def __init__(
        self,
        *,
        report: Report,
        on_epoch: Callable[[EpochMetrics], None],
        should_stop: Callable[[], bool],
        prefix: str = "",
        n_before: int = 0,
        part: tuple[int, int] = (0, 1),
        n_to_predict: int = 0,
        samples: Samples | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.report, self.on_epoch, self.should_stop = report, on_epoch, should_stop
        self.prefix, self.n_before, self.part, self.samples = prefix, n_before, part, samples
        self.n_to_predict, self.ranks = n_to_predict, ranks
        self.history, self.position = History(), Position()
        self.epoch_losses: list[float] = []  # Of the batches before the checkpoint that was resumed.
        self.rate = 0.0  # Of the head in the newest batch; an epoch may be resumed after its last one.
        self.freezes_norms = False
        self.reported_at = 0.0
        self.has_diverged = False  # In this epoch, as the first rank has seen it.

    def start_phase(self, plan: EpochPlan, *, freezes_norms: bool, keep: Callable[[], None]) -> None:
        """Prepare for the phase at the current position.

        Args:
            freezes_norms: Keep ImageNet's statistics in the body's BatchNorm layers.
            keep: Called after each batch; writes a checkpoint when one is due.
        """
        self.plan, self.freezes_norms, self.keep = plan, freezes_norms, keep
        self.phase = plan.phases[self.position.phase]
        self.phase_started, self.phase_done = time.monotonic(), 0

    def before_train(self) -> None:
        self.epoch_started = time.monotonic()
        self.losses = [torch.tensor(loss) for loss in self.epoch_losses]
        if self.freezes_norms:
            models.freeze_norms(self.learn.model)

    def before_validate(self) -> None:
        self.logits: list[Tensor] = []
        self.labels: list[Tensor] = []
        self.n_validated = 0

    def before_batch(self) -> None:
        stops = STOPS if self.should_stop() else 0
        flags = self.ranks.agreed(stops + DIVERGES * self.has_diverged)
        if flags & STOPS:
            self.epoch_losses = self.losses_so_far()
            self.history.is_stopped = True
            raise CancelFitException
        if flags & DIVERGES:
            self._stop_if_diverged(math.nan)

    def after_batch(self) -> None:
        if not self.learn.training:
            self.logits.append(self.learn.pred.detach().float())
            self.labels.append(self.learn.y.detach())
            self.n_validated += len(self.learn.y)
            if self.phase_done and time.monotonic() - self.reported_at >= REPORT_EVERY_S:
                n = self.learn.dls.valid.dataset.n_all
                n_done = min(self.n_validated * self.ranks.count, n)
                counted = progress_text.counted(n_done, n, "images")
                self._report(f"validating, {counted}")
            return
        loss = self.learn.loss.detach()
        self.losses.append(loss if self.ranks.is_alone else loss * self.learn.dls.train.weight)
        self.position.batch += 1
        self.phase_done += 1
        if time.monotonic() - self.reported_at >= REPORT_EVERY_S:
            self._report_progress()
        self.keep()

    def after_train(self) -> None:
        if self.phase_done:
            self._report_progress()

    def after_validate(self) -> None:
        n = self.learn.dls.valid.dataset.n_all
        logits = self.ranks.joined(torch.cat(self.logits), n)  # (n, K)
        labels = self.ranks.joined(torch.cat(self.labels), n)  # (n,)
        predicted = logits.argmax(dim=1)
        losses = self.losses_so_far()
        # All ranks choose the same best epoch and end early together, also where their arithmetic differs.
        metrics = self.ranks.of_first(
            lambda: EpochMetrics(
                epoch=self.n_before + len(self.history.epochs) + 1,
                phase=self.prefix + self.phase.name,
                train_loss=sum(losses) / max(1, len(losses)),
                valid_loss=float(nn.functional.cross_entropy(logits, labels)),
                accuracy=float((predicted == labels).float().mean()),
                learning_rate=self.rate,
                seconds=time.monotonic() - self.epoch_started,
            )
        )
        self.epoch_losses = []
        self._stop_if_diverged(metrics.valid_loss)
        if self.samples is not None:
            self.samples.add_epoch(metrics.epoch, logits.softmax(dim=1).cpu())
        self._add_epoch(metrics, is_collapsed=len(predicted.unique()) == 1 < len(labels.unique()))

    def losses_so_far(self) -> list[float]:
        """Return the training loss of each finished batch of the current epoch."""
        losses = torch.stack([loss.cpu() for loss in self.losses]).tolist() if self.losses else []
        return self.ranks.mean(losses)

    def _add_epoch(self, metrics: EpochMetrics, *, is_collapsed: bool) -> None:
        self.history.epochs.append(metrics)
        if self.history.best is None or metrics.valid_loss < self.history.best.valid_loss:
            self.history.best, self.history.is_collapsed = metrics, is_collapsed
            self.history.best_state = {
                key: copy.deepcopy(value.detach().cpu())
                for key, value in self.learn.model.state_dict().items()
            }
        self.on_epoch(metrics)

    def _report_progress(self) -> None:
        loss = float(self.losses[-1])
        if self.ranks.is_alone:
            self._stop_if_diverged(loss)
        self.has_diverged = not math.isfinite(loss)  # Several ranks stop before the next batch.
        loader, batch = self.learn.dls.train, self.position.batch
        n_seen = loader.n if batch >= self.plan.n_batches else min(batch * loader.bs, loader.n)
        self._report(f"{progress_text.counted(n_seen, loader.n, 'images')}, loss {loss:.3f}")

    def _report(self, doing: str) -> None:
        """Report the epoch, what is done in it, one rate, and the time until everything is predicted.

        Step and total count the batches of all epochs of all models.
        """
        self.reported_at = time.monotonic()
        dls, (number, n_parts) = self.learn.dls, self.part
        batches_per_s = self.phase_done / max(1e-9, self.reported_at - self.phase_started)
        images_per_s = batches_per_s * dls.train.bs
        left = self.plan.left(self.position) + (n_parts - 1 - number) * self.plan.left(Position())
        left_s = left / batches_per_s + FORWARD_SHARE * self.n_to_predict / images_per_s
        message = (
            f"{doing}, {images_per_s:.0f} images/s, {progress_text.time_left(left_s)}{gpu_usage(dls.device)}"
        )
        epoch, total = min(self.plan.total_epochs, len(self.history.epochs) + 1), self.plan.total_batches
        phase = f"Training {self.prefix}".rstrip() + f", epoch {epoch} of {self.plan.total_epochs}"
        n_done = len(self.history.epochs) * self.plan.n_batches + self.position.batch
        self.report(phase, number * total + min(n_done, total), n_parts * total, message)

    def _stop_if_diverged(self, loss: float) -> None:
        if not math.isfinite(loss):
            self.history.diverged_in = len(self.history.epochs) + 1
            raise CancelFitException


def gpu_usage(device: torch.device) -> str:
    """Return the end of a progress line: `, GPU 93 % busy, 11.2 of 139.8 GiB`; '' on a CPU.

    Without the library of the GPU's driver it has the memory only. A GPU that is idle waits for something.
    """
    if device.type == "mps":
        return f", GPU {_gib(torch.mps.driver_allocated_memory())} GiB"
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f", GPU{_busy(device)} {_gib(total - free)} of {_gib(total)} GiB"


def _busy(device: torch.device) -> str:
    try:
        return f" {torch.cuda.utilization(device)} % busy,"
    # No nvidia-ml-py, a GPU of another vendor, or a driver without counters.
    except (ImportError, RuntimeError, NVMLError):
        return ""


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f}"
