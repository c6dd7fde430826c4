"""Measure on a few batches what a phase costs: seconds, memory, and the largest batch that fits."""

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil
import torch
from fastai.callback.core import Callback as FitCallback
from fastai.callback.core import CancelFitException, CancelValidException
from fastai.data.core import DataLoaders
from torch import Tensor, nn

from peakid.learn import fit
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.rate_finder import N_STEPS
from peakid.learn.start import Start
from peakid.recipe.phase import Phase

N_TIMED = 3  # Batches, after one for warming up: the first is up to ten times slower.
LONG_S = 4.0  # A longer batch is timed only once: warming up is a small part of it.
# Images: on a CPU the time is proportional to their number, so a part of the batch is enough.
ENOUGH_ON_CPU = 16
N_SHOWN = 12

Loaders = Callable[[Phase, int], DataLoaders]
"""Returns the loaders of a phase for a batch size."""


@dataclass(frozen=True)
class PhaseCost:
    """What one phase costs.

    Attributes:
        batch_size: Images at once, fewer than requested where memory was short.
        epoch_s: Seconds of one epoch, training and validation.
        extra_s: Seconds of the LR finder before the first epoch, 0 without it.
        score_s: Seconds to predict one image.
        memory_mb: Peak memory in MB (10^6 bytes): of the GPU, or of the whole process on a CPU.
        shown: The first images of a batch as the model received them, uint8 (n, S, S, 3), n at most 12.
        labels: int64 of shape (n,).
    """

    name: str
    epochs: int
    image_size_px: int
    batch_size: int
    epoch_s: float
    extra_s: float
    score_s: float
    memory_mb: float
    shown: Tensor
    labels: Tensor

    @property
    def seconds(self) -> float:
        return self.extra_s + self.epochs * self.epoch_s


def of_phase(
    model: nn.Sequential,
    loaders: Loaders,
    start: Start,
    phase: Phase,
    n: Mapping[str, int],
    batch_size: int,
    *,
    should_stop: Callable[[], bool],
) -> PhaseCost:
    """Measure a phase on a few batches, then restore the model.

    Args:
        n: Images by split, `train` and `valid`, of the whole training; `loaders` may have a part of them.
        should_stop: Called before each batch.

    Raises:
        Stopped: If `should_stop` returns True.
        torch.OutOfMemoryError: If a batch does not fit.
    """
    dls = loaders(phase, min(batch_size, ENOUGH_ON_CPU) if start.device.type == "cpu" else batch_size)
    scale = batch_size / dls.train.bs
    before = copy.deepcopy(model.state_dict())
    if dls.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(dls.device)
    probe = _Probe(freezes_norms=start.found.is_pretrained, should_stop=should_stop)
    learner = fit.make_learner(model, dls, start.recipe, [probe])
    models.unfreeze(model, phase.n_blocks)
    try:
        for epoch in range(N_TIMED + 1):  # A small dataset has few batches per epoch.
            dls.train.begin_epoch(epoch, skip=0)
            learner.fit(1)
            if probe.is_over:
                break
        score_s = _score_s(model, dls)
    finally:
        model.load_state_dict(before)
    batch_s = probe.batch_s * scale
    return PhaseCost(
        name=phase.name,
        epochs=phase.epochs,
        image_size_px=phase.image_size_px or start.recipe.image_size_px,
        batch_size=batch_size,
        epoch_s=n["train"] / batch_size * batch_s + n["valid"] * score_s,
        extra_s=N_STEPS * batch_s if phase.base_lr == "finder" else 0.0,
        score_s=score_s,
        memory_mb=probe.memory_mb + (scale - 1) * (probe.memory_mb - probe.idle_mb),
        shown=_as_pixels(probe.shown, start),
        labels=probe.labels,
    )


def that_fits(measure: Callable[[int], PhaseCost], batch_size: int) -> PhaseCost:
    """Measure with `batch_size`, its half, its quarter and so on, until it fits into memory.

    A training does the same and accumulates the gradients of the parts, so an epoch has as many images as
    before.
    """
    while True:
        try:
            return measure(batch_size)
        except torch.OutOfMemoryError:
            if batch_size < 4:
                raise
            batch_size //= 2


def cut(measured: PhaseCost, epochs: int) -> PhaseCost:
    """Return the cost of a phase with another number of epochs."""
    return dataclasses.replace(measured, epochs=epochs)


def memory_mb(device: torch.device) -> float:
    """Return memory in MB (10^6 bytes): the peak on a CUDA GPU, current use of the process elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return psutil.Process().memory_info().rss / 1e6


class _Probe(FitCallback):
    """Times some batches and keeps the first images as the model receives them, augmented and mixed."""

    learn: Any
    order = 90  # After all callbacks that change a batch.

    def __init__(self, *, freezes_norms: bool, should_stop: Callable[[], bool]) -> None:
        self.freezes_norms, self.should_stop = freezes_norms, should_stop
        self.ends: list[float] = []
        self.idle_mb, self.memory_mb, self.is_over = 0.0, 0.0, False

    @property
    def batch_s(self) -> float:
        """Return the median seconds of a batch, without the first where there are others."""
        steps = [end - begin for begin, end in zip(self.ends, self.ends[1:], strict=False)]
        return median(steps[1:] or steps)

    def before_train(self) -> None:
        if self.freezes_norms:
            models.freeze_norms(self.learn.model)
        if not self.ends:
            self.idle_mb = self.memory_mb = memory_mb(self.learn.dls.device)
            self.ends.append(_now(self.learn.dls.device))

    def before_batch(self) -> None:
        if self.should_stop():
            raise Stopped
        if self.training and not hasattr(self, "shown"):
            self.shown = self.learn.x[:N_SHOWN].detach().float().cpu()
            self.labels = self.learn.y[:N_SHOWN].detach().cpu()

    def after_loss(self) -> None:
        self.memory_mb = max(self.memory_mb, memory_mb(self.learn.dls.device))

    def after_batch(self) -> None:
        self.ends.append(_now(self.learn.dls.device))
        if len(self.ends) > N_TIMED + 1 or self.ends[-1] - self.ends[-2] > LONG_S:
            self.is_over = True
            raise CancelFitException

    def before_validate(self) -> None:
        raise CancelValidException


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # Kernels run asynchronously.
    return time.perf_counter()


def _score_s(model: nn.Sequential, dls: DataLoaders) -> float:
    """Time one validation batch without gradients; return seconds per image."""
    images = next(iter(dls.valid))[0].as_subclass(Tensor)  # (n, 3, S, S)
    if dls.device.type == "cpu":
        images = images[:ENOUGH_ON_CPU]
    model.eval()
    began = _now(dls.device)
    with torch.inference_mode():
        model(images)
    return (_now(dls.device) - began) / len(images)


def _as_pixels(x: Tensor, start: Start) -> Tensor:
    """Turn the model's input, float32 (n, 3, S, S), back into uint8 pixels (n, S, S, 3)."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (start.card.mean, start.card.std))
    plain = x.as_subclass(Tensor) * std + mean  # (n, 3, S, S) in 0..1
    return (plain * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
