"""Gradient descent through the phases of a recipe, epoch by epoch, each of which can be the last one a process lives to see."""

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
from peakid.learn.watch import History, Place, Plan, Watch
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics

OPTIMISERS: dict[str, Any] = {
    "adamw": Adam,
    "adam": partial(Adam, decouple_wd=False, eps=1e-8, sqr_mom=0.999),  # As torch.optim.Adam.
    "sgd": SGD,
}
GROUPS = 3  # Of rates: lower body, upper body, head.

FindRate = Callable[[Phase, DataLoaders], float]
"""Measures the peak rate of a phase on a model as it stands."""


class Loss(nn.CrossEntropyLoss):
    """Cross-entropy; `y_int` tells fastai's mixing that labels are numbers, of which two losses are mixed."""

    y_int = True


class Rates(Callback):
    """Sets rate and momentum before each step, from the phase and the place in it alone, so that a resumed phase goes on as it was."""

    learn: Any

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def before_batch(self) -> None:
        if not self.training:
            return
        phase, place, n_batches = self.watch.phase, self.watch.place, self.watch.plan.n_batches
        position = (place.epoch + place.batch / n_batches) / phase.epochs
        peak = place.rate or float(phase.base_lr)
        self.watch.rate = peak * phase.rate(position)
        shares = np.geomspace(
            phase.lowest_lr_share, 1.0, GROUPS
        )  # The lower the layer, the less it needs to learn.
        self.learn.opt.set_hypers(
            lr=[self.watch.rate * share for share in shares], mom=phase.momentum(position)
        )


class Parts(Callback):
    """Lets several parts of a batch, for which the memory is too small at once, take one step together."""

    learn: Any
    order = MixedPrecision.order - 4  # Before what it does with gradients.
    run_valid = False

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def after_loss(self) -> None:
        self.learn.loss_grad = self.learn.loss_grad / self.watch.place.n_parts

    def before_step(self) -> None:
        place, n_batches = self.watch.place, self.watch.plan.n_batches
        if (place.batch + 1) % place.n_parts and place.batch + 1 < n_batches:
            raise CancelBatchException


class Lasso(Callback):
    """Adds the sum of all weights' sizes to what is minimised."""

    learn: Any

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def before_backward(self) -> None:
        self.learn.loss_grad = self.learn.loss_grad + self.strength * sum(
            p.abs().sum() for p in self.learn.model.parameters()
        )


@dataclass(frozen=True)
class Fit:
    """One model on its way through the phases.

    Attributes:
        loaders: Gives the loaders of a phase with so many images a batch.
        phases: As planned, with sizes and strengths filled in.
        find_rate: Asked where a phase wants its rate measured.
        checkpoints: Where the state is kept.
    """

    model: nn.Sequential
    recipe: Recipe
    phases: tuple[Phase, ...]
    is_pretrained: bool
    loaders: Callable[[Phase, int], DataLoaders]
    find_rate: FindRate
    checkpoints: Checkpoints

    def run(self, watch: Watch) -> History:
        """Train to the end, or until someone asks to stop, from the newest checkpoint on."""
        learner = make_learner(
            self.model, self.loaders(self.phases[0], 2), self.recipe, [Rates(watch), Parts(watch), watch]
        )
        learner.create_opt()
        self._restore(learner, watch)
        for index in range(watch.place.phase, len(self.phases)):
            if index > watch.place.phase:
                watch.place = Place(phase=index, n_parts=watch.place.n_parts)
            while not self._is_phase_done(learner, watch):
                self._halve(watch)
            if watch.history.has_ended:
                break
        return watch.history

    def _is_phase_done(self, learner: Learner, watch: Watch) -> bool:
        """Run a phase to its end; False where the memory does not hold its batches."""
        try:
            self._run_phase(learner, watch)
        except torch.OutOfMemoryError:
            for callback in learner.cbs:
                if isinstance(callback, MixedPrecision) and torch.is_autocast_enabled("cuda"):
                    callback.autocast.__exit__(
                        None, None, None
                    )  # Else all that follows would be computed with half the bits.
            return False
        return True

    def _halve(self, watch: Watch) -> None:
        """Split each batch once more; the epoch at hand begins anew.

        Raises:
            OutOfMemory: If the parts are as small as they can be.
        """
        place, bs = watch.place, self.recipe.batch_size
        if bs // (place.n_parts * 2) < 2:  # BatchNorm has no deviation of one image.
            raise OutOfMemory(
                f"Two images of {watch.phase.image_size_px} px do not fit into the memory of this device with {self.recipe.arch}.",
                f"Use a smaller size or network: --set image_size_px={max(32, (watch.phase.image_size_px or 64) // 2)}",
            )
        place.n_parts, place.batch, watch.epoch_losses = place.n_parts * 2, 0, []
        watch.history.notes.append(
            f"{bs // (place.n_parts // 2)} images at once did not fit into memory in phase '{watch.phase.name}': {bs // place.n_parts} are "
            f"taken at once since, and their gradients added up."
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _run_phase(self, learner: Learner, watch: Watch) -> None:
        phase, place, history = self.phases[watch.place.phase], watch.place, watch.history
        learner.dls = self.loaders(phase, self.recipe.batch_size // place.n_parts)
        plan = self._plan(watch, len(learner.dls.train))
        clock = _Clock(self.recipe.checkpoint_every_min * 60, lambda: self._save(learner, watch))
        watch.start_phase(plan, freezes_norms=self.is_pretrained, keep=clock.tick)
        models.set_free(self.model, phase.n_blocks)
        if phase.base_lr == "finder" and place.rate is None and not self._is_rate_found(learner, watch):
            return
        while place.epoch < phase.epochs and not phase.is_over(_losses(history, place)):
            learner.dls.train.begin_epoch(len(history.epochs), skip=place.batch)
            learner.fit(1)
            if not history.has_ended:
                place.epoch, place.batch = place.epoch + 1, 0
            if history.diverged_in is None:
                self._save(learner, watch)
            if history.has_ended:
                return

    def _is_rate_found(self, learner: Learner, watch: Watch) -> bool:
        """Measure the phase's rate, and tell whether there was time for it."""
        try:
            rate = watch.place.rate = self.find_rate(watch.phase, learner.dls)
        except Stopped:
            watch.history.is_stopped = True
            return False
        watch.history.notes.append(
            f"Phase '{watch.phase.name}' learned at {rate:.1e}, which the finder measured."
        )
        return True

    def _plan(self, watch: Watch, n_batches: int) -> Plan:
        """Plan what is left; earlier phases took as many epochs as they took."""
        plan = Plan(self.phases, n_batches)
        index = watch.place.phase
        plan.n_epochs[:index] = [0] * index
        if index:
            plan.n_epochs[0] = len(watch.history.epochs) - watch.place.epoch
        return plan

    def _save(self, learner: Learner, watch: Watch) -> None:
        """Write a checkpoint; a full disk costs the checkpoint, not the training."""
        tensors, state = _of_optimiser(learner.opt)
        tensors |= {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in watch.history.best_state.items()}
        facts = {
            "place": dataclasses.asdict(watch.place),
            "epochs": [dataclasses.asdict(each) for each in watch.history.epochs],
            "best": watch.history.best.epoch if watch.history.best else None,
            "is_collapsed": watch.history.is_collapsed,
            "notes": watch.history.notes,
            "epoch_losses": watch.losses_so_far() if watch.place.batch else [],
            "rate": watch.rate,
            "optimiser": state,
        }
        try:
            self.checkpoints.save(tensors, facts)
        except OSError as error:
            note = f"A checkpoint could not be written ({error.strerror or error}): a killed training would begin from an earlier one."
            if note not in watch.history.notes:
                watch.history.notes.append(note)

    def _restore(self, learner: Learner, watch: Watch) -> None:
        """Put everything where the newest checkpoint had it, and tell again of the epochs that were done."""
        found = self.checkpoints.load()
        if found is None:
            return
        tensors, facts = found
        self.model.load_state_dict(_under("model.", tensors))
        _into_optimiser(learner.opt, tensors, facts["optimiser"])
        watch.place, watch.epoch_losses, watch.rate = (
            Place(**facts["place"]),
            facts["epoch_losses"],
            facts["rate"],
        )
        history = watch.history
        history.epochs = [EpochMetrics(**each) for each in facts["epochs"]]
        history.best = next((each for each in history.epochs if each.epoch == facts["best"]), None)
        history.best_state = _under("best.", tensors)
        history.is_collapsed, history.notes = facts["is_collapsed"], facts["notes"]
        for metrics in history.epochs:
            watch.on_epoch(metrics)


def make_learner(
    model: nn.Sequential, dls: DataLoaders, recipe: Recipe, callbacks: list[Callback]
) -> Learner:
    """Put model, data, loss, optimiser and what the recipe adds to each step together."""
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
        cbs=[TrainEvalCallback(), CastToTensor(), *callbacks, *_extras(recipe, device)],
    )


def _extras(recipe: Recipe, device: torch.device) -> list[Callback]:
    found: list[Callback] = []
    if recipe.mix != "none":
        found.append({"mixup": MixUp, "cutmix": CutMix}[recipe.mix](recipe.mix_strength))
    if recipe.l1:
        found.append(Lasso(recipe.l1))
    if recipe.max_gradient:
        found.append(GradientClip(recipe.max_gradient))
    if device.type == "cuda":
        found.append(ChannelsLast())
        if recipe.precision == "auto":
            found.append(MixedPrecision(AMPMode.BF16 if torch.cuda.is_bf16_supported() else AMPMode.FP16))
    return found


def _class_weights(dls: DataLoaders) -> Tensor:
    """Weigh each class by one over its size: float32 of shape (K,), 1 on average over the images."""
    counts = np.bincount(dls.train.dataset.labels)  # (K,); no class is empty in train.
    return torch.tensor(counts.sum() / (len(counts) * counts), dtype=torch.float32)


class _Clock:
    """Calls `act` when so many seconds have passed since it was made, or since the last time."""

    def __init__(self, every_s: float, act: Callable[[], None]) -> None:
        self.every_s, self.act, self.last = every_s, act, time.monotonic()

    def tick(self) -> None:
        if time.monotonic() - self.last >= self.every_s:
            self.act()
            self.last = time.monotonic()


def _losses(history: History, place: Place) -> list[float]:
    """Answer the losses on valid of the phase's epochs so far."""
    return [each.valid_loss for each in history.epochs[len(history.epochs) - place.epoch :]]


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _of_optimiser(opt: Any) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Split an optimiser's state into tensors by name, and for each parameter what is no tensor."""
    states = opt.state_dict()["state"]
    tensors = {
        f"opt.{i}.{key}": value
        for i, state in enumerate(states)
        for key, value in state.items()
        if isinstance(value, Tensor)
    }
    return tensors, [
        {key: value for key, value in state.items() if not isinstance(value, Tensor)} for state in states
    ]


def _into_optimiser(opt: Any, tensors: Mapping[str, Tensor], plain: list[dict[str, Any]]) -> None:
    states: list[dict[str, Any]] = [dict(each) for each in plain]
    for name, value in _under("opt.", tensors).items():
        index, key = name.split(".", 1)
        states[int(index)][key] = value
    devices = [p.device for p, *_ in opt.all_params()]
    placed = [
        {key: value.to(device) if isinstance(value, Tensor) else value for key, value in state.items()}
        for state, device in zip(states, devices, strict=True)
    ]
    opt.load_state_dict({"state": placed, "hypers": opt.hypers})
