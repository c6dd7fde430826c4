"""Gradient descent through the phases of a recipe, with checkpoints to resume a killed training."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback, CancelBatchException, TrainEvalCallback
from fastai.callback.fp16 import AMPMode, MixedPrecision
from fastai.callback.mixup import CutMix, MixUp
from fastai.callback.training import GradientClip
from fastai.data.core import DataLoaders
from fastai.learner import CastToTensor, Learner
from fastai.optimizer import SGD, Adam
from torch import Tensor, nn

from peakid.errors import OutOfMemory
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.network.checkpoint import Checkpoints
from peakid.learn.ranks.averaging import Averaging
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.learn.watch import EpochPlan, History, Position, Watch
from peakid.recipe.phase import Phase
from peakid.recipe.ranks import LEAST_IMAGES
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics
from peakid.remedies import action
from peakid.run_records import RunWarning

OPTIMISERS: dict[str, Any] = {
    "adamw": Adam,
    "adam": partial(Adam, decouple_wd=False, eps=1e-8, sqr_mom=0.999),  # As torch.optim.Adam.
    "sgd": SGD,
}
GROUPS = 3  # Of learning rates: lower body, upper body, head.

FindRate = Callable[[Phase, DataLoaders], float]
"""Measures the peak learning rate of a phase on the current model."""


class Loss(nn.CrossEntropyLoss):
    """Cross-entropy; `y_int` tells fastai's MixUp that labels are integers, so that it mixes two losses."""

    y_int = True


class RateSchedule(Callback):
    """Sets learning rate and momentum before each step.

    They depend on the phase and the position in it alone, so that a resumed phase continues as it would have.
    """

    learn: Any

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def before_batch(self) -> None:
        if not self.training:
            return
        phase, position, n_batches = self.watch.phase, self.watch.position, self.watch.plan.n_batches
        done = (position.epoch + position.batch / n_batches) / phase.epochs  # In 0..1.
        peak = position.rate or float(phase.base_lr)
        self.watch.rate = peak * phase.rate(done)
        shares = np.geomspace(phase.lowest_lr_share, 1.0, GROUPS)  # Lower layers need less change.
        rates = [self.watch.rate * share for share in shares]
        self.learn.opt.set_hypers(lr=rates, mom=phase.momentum(done))


class GradientAccumulation(Callback):
    """Accumulates the gradients of the parts of a batch that does not fit into memory, then takes a step."""

    learn: Any
    order = MixedPrecision.order - 4  # Before it changes gradients.
    run_valid = False

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def after_loss(self) -> None:
        self.learn.loss_grad = self.learn.loss_grad / self.watch.position.n_parts

    def before_step(self) -> None:
        batch, n_parts = self.watch.position.batch + 1, self.watch.position.n_parts
        if batch % n_parts and batch < self.watch.plan.n_batches:
            raise CancelBatchException


class L1Penalty(Callback):
    """Adds the sum of the absolute values of all weights to the loss."""

    learn: Any

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def before_backward(self) -> None:
        self.learn.loss_grad = self.learn.loss_grad + self.strength * sum(
            p.abs().sum() for p in self.learn.model.parameters()
        )


@dataclass(frozen=True)
class Fit:
    """The training of one model through its phases.

    Attributes:
        phases: As planned, with sizes and strengths filled in.
        loaders: Returns the loaders of a phase for a batch size.
        find_rate: Called where the LR finder measures a phase's peak rate.
        ranks: Those that train together; the first one reads and writes checkpoints.
        n_parts: Into how many parts batches are split at least, because memory was too short before.
    """

    model: nn.Sequential
    recipe: Recipe
    phases: tuple[Phase, ...]
    is_pretrained: bool
    loaders: Callable[[Phase, int], DataLoaders]
    find_rate: FindRate
    checkpoints: Checkpoints
    ranks: Ranks = ALONE
    n_parts: int = 1

    def run(self, watch: Watch) -> History:
        """Train from the newest checkpoint to the end, or until a stop is requested."""
        callbacks: list[Callback] = [RateSchedule(watch), GradientAccumulation(watch), watch]
        callbacks += [] if self.ranks.is_alone else [Averaging()]
        learner = make_learner(self.model, self.loaders(self.phases[0], 2), self.recipe, callbacks)
        learner.create_opt()
        self._restore(learner, watch)
        while watch.position.n_parts < self.n_parts:
            self._halve(watch)
        for index in range(watch.position.phase, len(self.phases)):
            if index > watch.position.phase:
                watch.position = Position(phase=index, n_parts=watch.position.n_parts)
            while not self._is_phase_done(learner, watch):
                self._halve(watch)
            if watch.history.has_ended:
                break
        return watch.history

    def _is_phase_done(self, learner: Learner, watch: Watch) -> bool:
        """Run a phase to its end; return False where its batches do not fit into memory."""
        try:
            self._run_phase(learner, watch)
        except torch.OutOfMemoryError:
            if not self.ranks.is_alone:
                raise  # The others wait for this one: all of them start again, with smaller parts.
            for callback in learner.cbs:
                if isinstance(callback, MixedPrecision) and torch.is_autocast_enabled("cuda"):
                    # Otherwise everything after the error would run in half precision.
                    callback.autocast.__exit__(None, None, None)
            return False
        return True

    def _halve(self, watch: Watch) -> None:
        """Split each batch once more; the current epoch starts again.

        Raises:
            OutOfMemory: If the parts cannot be smaller.
        """
        position, bs = watch.position, self.recipe.batch_size
        phase = self.phases[position.phase]
        if bs // (position.n_parts * 2 * self.ranks.count) < LEAST_IMAGES:
            raise OutOfMemory(
                f"Two images of {phase.image_size_px} px do not fit into the memory of this device with "
                f"{self.recipe.arch}.",
                "Use a smaller image size or network.",
                action("set_recipe", key="image_size_px", value=max(32, (phase.image_size_px or 64) // 2)),
            )
        position.n_parts, position.batch, watch.epoch_losses = position.n_parts * 2, 0, []
        text = (
            f"A batch of {bs // (position.n_parts // 2)} images did not fit into memory in phase "
            f"'{phase.name}': since then, gradients of batches of {bs // position.n_parts} are accumulated."
        )
        watch.history.warnings.append(RunWarning("low_memory", text))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _run_phase(self, learner: Learner, watch: Watch) -> None:
        phase, position, history = self.phases[watch.position.phase], watch.position, watch.history
        learner.dls = self.loaders(phase, self.recipe.batch_size // position.n_parts)
        plan = self._plan(watch, len(learner.dls.train))
        every_s = self.recipe.checkpoint_every_min * 60
        timer = _Timer(every_s, lambda: self._save(learner, watch), self.ranks)
        watch.start_phase(plan, freezes_norms=self.is_pretrained, keep=timer.tick)
        models.unfreeze(self.model, phase.n_blocks)
        if phase.base_lr == "finder" and position.rate is None and not self._is_rate_found(learner, watch):
            return
        while position.epoch < phase.epochs and not phase.is_over(_valid_losses(history, position)):
            learner.dls.train.begin_epoch(len(history.epochs), skip=position.batch)
            learner.fit(1)
            if not history.has_ended:
                position.epoch, position.batch = position.epoch + 1, 0
            if history.diverged_in is None:
                self._save(learner, watch)
            if history.has_ended:
                return

    def _is_rate_found(self, learner: Learner, watch: Watch) -> bool:
        """Measure the phase's learning rate; return False if a stop was requested meanwhile."""
        try:
            rate = watch.position.rate = self.find_rate(watch.phase, learner.dls)
        except Stopped:
            watch.history.is_stopped = True
            return False
        text = f"Phase '{watch.phase.name}': the LR finder measured a peak learning rate of {rate:.1e}."
        watch.history.warnings.append(RunWarning("chosen_setting", text))
        return True

    def _plan(self, watch: Watch, n_batches: int) -> EpochPlan:
        """Plan the remaining phases; earlier phases count with the epochs that they really had."""
        plan = EpochPlan(self.phases, n_batches)
        index = watch.position.phase
        plan.n_epochs[:index] = [0] * index
        if index:
            plan.n_epochs[0] = len(watch.history.epochs) - watch.position.epoch
        return plan

    def _save(self, learner: Learner, watch: Watch) -> None:
        """Write a checkpoint; if the disk is full, the training continues without it."""
        epoch_losses = watch.losses_so_far() if watch.position.batch else []
        if not self.ranks.is_first:
            return
        tensors, state = _optimiser_state(learner.opt)
        tensors |= {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in watch.history.best_state.items()}
        facts = {
            "position": dataclasses.asdict(watch.position),
            "epochs": [dataclasses.asdict(each) for each in watch.history.epochs],
            "best": watch.history.best.epoch if watch.history.best else None,
            "is_collapsed": watch.history.is_collapsed,
            "warnings": [dataclasses.asdict(each) for each in watch.history.warnings],
            "epoch_losses": epoch_losses,
            "rate": watch.rate,
            "optimiser": state,
        }
        try:
            self.checkpoints.save(tensors, facts)
        except OSError as error:
            text = (
                f"A checkpoint could not be written ({error.strerror or error}): a killed training would "
                "resume from an earlier one."
            )
            warning = RunWarning("no_checkpoint", text)
            if warning not in watch.history.warnings:
                watch.history.warnings.append(warning)

    def _restore(self, learner: Learner, watch: Watch) -> None:
        """Restore the newest checkpoint, and report its finished epochs again."""
        found = self.ranks.of_first(self.checkpoints.load)
        if found is None:
            return
        tensors, facts = found
        self.model.load_state_dict(_with_prefix("model.", tensors))
        _load_optimiser(learner.opt, tensors, facts["optimiser"])
        watch.position = Position(**facts["position"])
        watch.epoch_losses, watch.rate = facts["epoch_losses"], facts["rate"]
        history = watch.history
        history.epochs = [EpochMetrics(**each) for each in facts["epochs"]]
        history.best = next((each for each in history.epochs if each.epoch == facts["best"]), None)
        history.best_state = _with_prefix("best.", tensors)
        history.is_collapsed = facts["is_collapsed"]
        history.warnings = [RunWarning(**each) for each in facts["warnings"]]
        for metrics in history.epochs:
            watch.on_epoch(metrics)


def make_learner(
    model: nn.Sequential, dls: DataLoaders, recipe: Recipe, callbacks: list[Callback]
) -> Learner:
    """Return a Learner with the recipe's loss, optimiser and callbacks.

    Args:
        callbacks: In addition to the recipe's own.
    """
    device = dls.device
    weight = _class_weights(dls).to(device) if recipe.balance == "weighted" else None
    return Learner(
        dls,
        model.to(device),
        loss_func=Loss(weight=weight, label_smoothing=recipe.label_smoothing),
        opt_func=OPTIMISERS[recipe.optimiser],
        splitter=models.parameter_groups,
        wd=recipe.weight_decay,
        train_bn=False,
        default_cbs=False,
        cbs=[TrainEvalCallback(), CastToTensor(), *callbacks, *_recipe_callbacks(recipe, device)],
    )


def _recipe_callbacks(recipe: Recipe, device: torch.device) -> list[Callback]:
    found: list[Callback] = []
    if recipe.mix != "none":
        found.append({"mixup": MixUp, "cutmix": CutMix}[recipe.mix](recipe.mix_strength))
    if recipe.l1:
        found.append(L1Penalty(recipe.l1))
    if recipe.max_gradient:
        found.append(GradientClip(recipe.max_gradient))
    if device.type == "cuda":
        found.append(ChannelsLast())
        if recipe.precision == "auto":
            found.append(MixedPrecision(AMPMode.BF16 if torch.cuda.is_bf16_supported() else AMPMode.FP16))
    return found


def _class_weights(dls: DataLoaders) -> Tensor:
    """Return one over the size of each class: float32 of shape (K,), 1 on average over the images."""
    counts = np.bincount(dls.train.dataset.labels)  # (K,); no class is empty in train.
    return torch.tensor(counts.sum() / (len(counts) * counts), dtype=torch.float32)


class _Timer:
    """Calls `act` once per `every_s` seconds of the first rank, when `tick` is called on all of them."""

    def __init__(self, every_s: float, act: Callable[[], None], ranks: Ranks) -> None:
        self.every_s, self.act, self.ranks, self.last = every_s, act, ranks, time.monotonic()

    def tick(self) -> None:
        if self.ranks.agreed(time.monotonic() - self.last >= self.every_s):
            self.act()
            self.last = time.monotonic()


def _valid_losses(history: History, position: Position) -> list[float]:
    """Return the validation losses of the current phase's finished epochs."""
    return [each.valid_loss for each in history.epochs[len(history.epochs) - position.epoch :]]


def _with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _optimiser_state(opt: Any) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Split an optimiser's state into tensors by name, and the other values of each parameter."""
    states = opt.state_dict()["state"]
    tensors = {
        f"opt.{i}.{key}": value
        for i, state in enumerate(states)
        for key, value in state.items()
        if isinstance(value, Tensor)
    }
    others = [
        {key: value for key, value in state.items() if not isinstance(value, Tensor)} for state in states
    ]
    return tensors, others


def _load_optimiser(opt: Any, tensors: Mapping[str, Tensor], plain: list[dict[str, Any]]) -> None:
    states: list[dict[str, Any]] = [dict(each) for each in plain]
    for name, value in _with_prefix("opt.", tensors).items():
        index, key = name.split(".", 1)
        states[int(index)][key] = value
    devices = [p.device for p, *_ in opt.all_params()]
    placed = [
        {key: value.to(device) if isinstance(value, Tensor) else value for key, value in state.items()}
        for state, device in zip(states, devices, strict=True)
    ]
    opt.load_state_dict({"state": placed, "hypers": opt.hypers})
