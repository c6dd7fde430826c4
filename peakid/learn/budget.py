"""What is decided by measuring before a training begins: how many images a batch, and how many epochs the time allows."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from peakid.learn import cost
from peakid.learn.cost import Loaders, PhaseCost
from peakid.learn.start import Start
from peakid.recipe.phase import Phase
from peakid.records import Report

LARGEST_BATCH = {
    "cpu": 32,
    "cuda": 256,
    "mps": 64,
}  # A CPU gains nothing by more; a GPU little, and steps are lost.
LEAST_BATCHES = 8  # An epoch of fewer steps learns too little.
RESERVE = 0.85  # Of a time budget: the measured batches are a sample of all.
PLAN_NAME = "plan.json"


def automatic_batch_size(n_train: int, device: torch.device) -> int:
    """Answer the largest power of two that leaves eight steps an epoch, at most what the kind of device gains by; at least 4."""
    size = 4
    while size * 2 <= min(LARGEST_BATCH.get(device.type, 32), n_train // LEAST_BATCHES):
        size *= 2
    return size


def shortened(
    phases: Sequence[Phase], costs: Sequence[PhaseCost], *, budget_s: float
) -> tuple[tuple[Phase, ...], list[str]]:
    """Cut the epochs of all phases by the same share until they fit into the time, and say so.

    A phase keeps at least one epoch: a recipe without its last phase would be another recipe.
    """
    wanted, extra = sum(each.seconds for each in costs), sum(each.extra_s for each in costs)
    share = max(0.0, RESERVE * budget_s - extra) / max(1e-9, wanted - extra)
    if share >= 1:
        return tuple(phases), []
    cut = tuple(phase.model_copy(update={"epochs": max(1, int(phase.epochs * share))}) for phase in phases)
    needs = sum(each.extra_s + phase.epochs * each.epoch_s for phase, each in zip(cut, costs, strict=True))
    told = ", ".join(
        f"{new.name} {new.epochs} instead of {old.epochs}" for new, old in zip(cut, phases, strict=True)
    )
    if needs > max(0.0, budget_s):
        return cut, [
            f"The time budget is too short: one epoch of each phase takes about {_minutes(needs)}. Epochs: {told}."
        ]
    return cut, [f"All epochs would take about {_minutes(wanted)}; to end in time there are fewer: {told}."]


@dataclass(frozen=True)
class Settler:
    """Measures what a recipe leaves open.

    Attributes:
        n: Images by split, `train` and `valid`, and `all` that are predicted in the end.
        started: When the time budget began, by `time.monotonic`.
    """

    start: Start
    loaders: Loaders
    n: dict[str, int]
    started: float
    report: Report
    should_stop: Callable[[], bool]

    def settle(self, folder: Path, identity: str) -> tuple[Start, list[str]]:
        """Answer the start with batch size and epochs settled, and sentences for the run; a resumed training keeps what it had."""
        recipe = self.start.recipe
        if self.start.is_linear or (recipe.batch_size and not recipe.max_minutes):
            return self.start, []
        decided = _kept(folder / PLAN_NAME, identity, self._decide)
        phases = tuple(
            phase.model_copy(update={"epochs": n})
            for phase, n in zip(self.start.phases, decided["epochs"], strict=True)
        )
        settled = recipe.model_copy(update={"batch_size": decided["batch_size"]})
        return dataclasses.replace(self.start, recipe=settled, phases=phases), decided["notes"]

    def _decide(self) -> dict[str, Any]:
        recipe, phases, notes = self.start.recipe, self.start.phases, []
        batch_size = recipe.batch_size or self._largest()
        if not recipe.batch_size:
            notes.append(
                f"{batch_size} images a batch, chosen for {self.n['train']} images to learn from on this device."
            )
        if recipe.max_minutes:
            costs = [
                cost.that_fits(lambda size, phase=phase: self._of(phase, size), batch_size)
                for phase in phases
            ]
            left_s = (
                recipe.max_minutes * 60
                - (time.monotonic() - self.started)
                - self.n["all"] * costs[-1].score_s
            )
            phases, told = shortened(phases, costs, budget_s=left_s / max(1, recipe.folds))
            notes += told
        return {"batch_size": batch_size, "epochs": [phase.epochs for phase in phases], "notes": notes}

    def _largest(self) -> int:
        """Answer the automatic batch size, halved until the dearest phase fits into the memory of a GPU."""
        device = self.start.device
        size = automatic_batch_size(self.n["train"], device)
        if device.type == "cpu":
            return size  # Its memory is large, and nothing measured keeps the training repeatable.
        dearest = max(self.start.phases, key=lambda phase: (phase.image_size_px or 0, phase.learns == "all"))
        return cost.that_fits(lambda size: self._of(dearest, size), size).batch_size

    def _of(self, phase: Phase, batch_size: int) -> PhaseCost:
        self.report("Measuring", 0, 0, f"{phase.name}, {batch_size} images a batch")
        return cost.of_phase(
            self.start.model(),
            self.loaders,
            self.start,
            phase,
            self.n,
            batch_size,
            should_stop=self.should_stop,
        )


def _kept(file: Path, identity: str, decide: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Answer what was decided for this training before, else decide and write it down: measured anew, it might differ."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["identity"] == identity:
            return document["decided"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # There is none, or half of one.
    decided = decide()
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(
        json.dumps({"identity": identity, "decided": decided}, ensure_ascii=False), encoding="utf-8"
    )
    partial.replace(file)
    return decided


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
