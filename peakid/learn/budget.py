"""Choose by measuring what a recipe leaves open: batch size, and the epochs that a time budget allows."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TypedDict

import torch

from peakid import files
from peakid.learn import cost
from peakid.learn.cost import Loaders, PhaseCost
from peakid.learn.start import Start
from peakid.recipe import run_files
from peakid.recipe.phase import Phase
from peakid.records import Report
from peakid.run_records import RunWarning

# By device: a CPU gains nothing from larger batches; a GPU little, and an epoch has fewer steps.
LARGEST_BATCH = {"cpu": 32, "cuda": 256, "mps": 64}
LEAST_BATCHES = 8  # An epoch of fewer steps learns too little.
RESERVE = 0.85  # Share of a time budget that is planned: the measured batches are only a sample.


class Plan(TypedDict):
    """What was chosen for a training, with sentences that say so."""

    batch_size: int
    epochs: list[int]
    notes: list[str]


def automatic_batch_size(n_train: int, device: torch.device) -> int:
    """Return the largest power of two with eight steps per epoch, from 4 to the device's limit."""
    size = 4
    while size * 2 <= min(LARGEST_BATCH.get(device.type, 32), n_train // LEAST_BATCHES):
        size *= 2
    return size


def shortened(
    phases: Sequence[Phase], costs: Sequence[PhaseCost], *, budget_s: float
) -> tuple[tuple[Phase, ...], list[str]]:
    """Reduce the epochs of all phases by the same share until they fit into the time.

    A phase keeps at least one epoch: a recipe without its last phase would be another recipe.

    Returns:
        The phases, and a sentence if they were shortened.
    """
    total, extra = sum(each.seconds for each in costs), sum(each.extra_s for each in costs)
    share = max(0.0, RESERVE * budget_s - extra) / max(1e-9, total - extra)
    if share >= 1:
        return tuple(phases), []
    cut = tuple(phase.model_copy(update={"epochs": max(1, int(phase.epochs * share))}) for phase in phases)
    needs = sum(each.extra_s + phase.epochs * each.epoch_s for phase, each in zip(cut, costs, strict=True))
    changes = ", ".join(
        f"{new.name} {new.epochs} instead of {old.epochs}" for new, old in zip(cut, phases, strict=True)
    )
    if needs > max(0.0, budget_s):
        note = f"The time budget is too short: one epoch of each phase takes about {_minutes(needs)}."
        return cut, [f"{note} Epochs: {changes}."]
    note = f"All epochs would take about {_minutes(total)}; to end in time, they were reduced"
    return cut, [f"{note}: {changes}."]


@dataclass(frozen=True)
class Planner:
    """Chooses the batch size and the epochs that a recipe leaves open.

    Attributes:
        n: Images by split, `train` and `valid`, and `all`, which are predicted in the end.
        started: Start of the time budget, by `time.monotonic`.
        n_ranks: How many share each batch. It is chosen as for one: the training is the same.
    """

    start: Start
    loaders: Loaders
    n: dict[str, int]
    started: float
    report: Report
    should_stop: Callable[[], bool]
    n_ranks: int = 1

    def complete(self, folder: Path, identity: str) -> tuple[Start, list[RunWarning]]:
        """Return the start with batch size and epochs filled in, and notes for the run.

        A resumed training keeps what was chosen when it began.
        """
        recipe = self.start.recipe
        if self.start.is_linear or (recipe.batch_size and not recipe.max_minutes):
            return self.start, []
        plan = _load_or_decide(folder / run_files.PLAN, identity, self._decide)
        phases = tuple(
            phase.model_copy(update={"epochs": n})
            for phase, n in zip(self.start.phases, plan["epochs"], strict=True)
        )
        completed = recipe.model_copy(update={"batch_size": plan["batch_size"]})
        notes = [RunWarning("chosen_setting", note) for note in plan["notes"]]
        return dataclasses.replace(self.start, recipe=completed, phases=phases), notes

    def _decide(self) -> Plan:
        recipe, phases, notes = self.start.recipe, self.start.phases, list[str]()
        batch_size = recipe.batch_size or self._largest()
        if not recipe.batch_size:
            notes.append(
                f"Batch size {batch_size}, chosen for {self.n['train']} training images on this device."
            )
        if recipe.max_minutes:
            costs = [
                cost.that_fits(lambda size, phase=phase: self._measure(phase, size), batch_size)
                for phase in phases
            ]
            elapsed_s, predict_s = (
                time.monotonic() - self.started,
                self.n["all"] / self.n_ranks * costs[-1].score_s,
            )
            left_s = recipe.max_minutes * 60 - elapsed_s - predict_s
            phases, shortening = shortened(phases, costs, budget_s=left_s / max(1, recipe.folds))
            notes += shortening
        return Plan(batch_size=batch_size, epochs=[phase.epochs for phase in phases], notes=notes)

    def _largest(self) -> int:
        """Return the automatic batch size, halved until the most expensive phase fits into GPU memory."""
        device = self.start.device
        size = automatic_batch_size(self.n["train"], device)
        if device.type == "cpu":
            return size  # Its memory is large, and without measuring the training stays repeatable.
        largest = max(self.start.phases, key=lambda phase: (phase.image_size_px or 0, phase.learns == "all"))
        return cost.that_fits(lambda size: self._measure(largest, size), size).batch_size

    def _measure(self, phase: Phase, batch_size: int) -> PhaseCost:
        self.report("Measuring a training step", 0, 0, f"{phase.name}, batch size {batch_size}")
        return cost.of_phase(
            self.start.model(),
            self.loaders,
            self.start,
            phase,
            {split: ceil(n / self.n_ranks) for split, n in self.n.items()},
            batch_size,
            should_stop=self.should_stop,
        )


def _load_or_decide(file: Path, identity: str, decide: Callable[[], Plan]) -> Plan:
    """Return the plan that this training already has, else make one and write it: a new one might differ."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["identity"] == identity:
            return document["decided"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # There is none, or a damaged one.
    plan = decide()
    files.write_json(file, {"identity": identity, "decided": plan})
    return plan


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
