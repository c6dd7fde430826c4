"""Estimate what a training will cost, and show images exactly as the model would receive them."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TypedDict

import numpy as np
import torch
from PIL import Image

from peakid.job_settings import JobSettings
from peakid.learn import budget, cost, linear_head
from peakid.learn import start as starting
from peakid.learn.batches import data, subsets
from peakid.learn.batches.data import TrainingImages
from peakid.learn.cost import N_SHOWN, N_TIMED, PhaseCost
from peakid.learn.network import predict
from peakid.learn.trainer import Trainer
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import Report
from peakid.run_records import StartingWeights

SCORED = 64  # Validation images that are timed.


@dataclass(frozen=True)
class Estimate:
    """What was measured on a few batches.

    Attributes:
        phases: In their order, epochs reduced to the recipe's time budget.
        decode_s: Seconds to decode all images at all sizes; near 0 where the pixel cache has them.
        predict_s: Seconds to predict all images in the end.
        notes: Sentences about what was chosen.
    """

    phases: list[PhaseCost]
    decode_s: float
    predict_s: float
    device: str
    starting_weights: StartingWeights
    notes: list[str]

    @property
    def seconds(self) -> float:
        """Return the total, without loading the libraries."""
        return self.decode_s + self.predict_s + sum(phase.seconds for phase in self.phases)

    @property
    def memory_mb(self) -> float:
        return max(phase.memory_mb for phase in self.phases)


def estimate(
    images: TrainingImages,
    recipe: Recipe,
    *,
    cache_dir: Path,
    settings: JobSettings,
    report: Report,
    should_stop: Callable[[], bool],
) -> Estimate:
    """Measure a few batches of each phase on a part of the images; nothing is kept except decoded pixels.

    Raises:
        Stopped: If `should_stop` returns True.
        DatasetError, TrainingError: As `train`.
        torch.OutOfMemoryError: If not even two images fit.
    """
    images = subsets.take_share(images, recipe.fraction, seed=recipe.seed, is_folded=bool(recipe.folds))
    report("Loading weights", 0, 0, recipe.arch)
    start = starting.begin(images, recipe, settings)
    n = _counts(images, recipe)
    batch_size = recipe.batch_size or budget.automatic_batch_size(n["train"], start.device)
    part = _sample(images, batch_size, recipe.seed)
    data.check(part)
    began = monotonic()
    pixels = starting.prepare_pixels(part, start, cache_dir=cache_dir, report=report, should_stop=should_stop)
    decode_s = (monotonic() - began) / len(part.digests) * len(images.digests)
    trainer = Trainer(start, pixels, report=report, on_epoch=lambda metrics: None, should_stop=should_stop)
    if start.is_linear:
        phases, notes = [_of_linear_head(trainer, part, len(images.digests))], []
    else:
        phases, notes = _of_phases(trainer, part, batch_size, n, decode_s)
    return Estimate(
        phases=phases,
        decode_s=decode_s,
        predict_s=len(images.digests) * phases[-1].score_s,
        device=starting.device_name(start.device),
        starting_weights=start.found.record,
        notes=notes,
    )


class SeenImage(TypedDict):
    """One image as the model would receive it. `file` is a name within the folder."""

    phase: str
    label: str
    file: str


def write_images(found: Estimate, images: TrainingImages, folder: Path) -> list[SeenImage]:
    """Write the images of each phase, as the model would receive them, as PNG files.

    Identical images of several phases are written once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, seen = list[SeenImage](), set[bytes]()
    for number, phase in enumerate(found.phases, start=1):
        key = phase.shown.numpy().tobytes()
        if key in seen:
            continue
        seen.add(key)
        shown = zip(phase.shown.numpy(), phase.labels.tolist(), strict=True)
        for n, (pixels, label) in enumerate(shown, start=1):
            file = f"phase-{number}-image-{n:02d}.png"
            Image.fromarray(pixels).save(folder / file)
            rows.append(SeenImage(phase=phase.name, label=images.class_names[label], file=file))
    return rows


def _counts(images: TrainingImages, recipe: Recipe) -> dict[str, int]:
    """Count training and validation images; in cross-validation, those of all folds together."""
    if not recipe.folds:
        return {"train": len(images.rows("train")), "valid": len(images.rows("valid"))}
    n = len(images.digests)
    return {"train": n * (recipe.folds - 2), "valid": n}


def _sample(images: TrainingImages, batch_size: int, seed: int) -> TrainingImages:
    """Select as many random images as are measured, at least one of each class."""
    order = np.random.default_rng(seed).permutation(len(images.digests))
    first = [order[images.labels[order] == k][0] for k in range(len(images.class_names))]
    train = list(dict.fromkeys([*first, *order.tolist()]))[: max(len(first), batch_size * (N_TIMED + 1))]
    valid = [row for row in order.tolist() if row not in set(train)][:SCORED] or train[:SCORED]
    part = subsets.select(images, [*train, *valid])
    return dataclasses.replace(part, splits=["train"] * len(train) + ["valid"] * len(valid))


def _of_phases(
    trainer: Trainer, part: TrainingImages, batch_size: int, n: dict[str, int], decode_s: float
) -> tuple[list[PhaseCost], list[str]]:
    start, costs = trainer.start, []
    for number, phase in enumerate(start.phases, start=1):
        n_phases = len(start.phases)
        text = f"phase {number} of {n_phases}: {phase.name}"
        trainer.report("Measuring training steps", number - 1, n_phases, text)
        costs.append(cost.that_fits(partial(_of_phase, trainer, part, phase, n), batch_size))
    if not start.recipe.max_minutes:
        return costs, []
    left_s = start.recipe.max_minutes * 60 - decode_s - n["train"] * costs[-1].score_s
    phases, notes = budget.shortened(start.phases, costs, budget_s=left_s)
    return [cost.cut(each, phase.epochs) for each, phase in zip(costs, phases, strict=True)], notes


def _of_phase(
    trainer: Trainer, part: TrainingImages, phase: Phase, n: dict[str, int], batch_size: int
) -> PhaseCost:
    return cost.of_phase(
        trainer.start.model(),
        partial(trainer.loaders, part),
        trainer.start,
        phase,
        n,
        batch_size,
        should_stop=trainer.should_stop,
    )


def _of_linear_head(trainer: Trainer, part: TrainingImages, n: int) -> PhaseCost:
    """Time the one forward pass per image that a linear head needs."""
    start = trainer.start
    began = monotonic()
    linear_head.embed(
        start.model(), trainer.canonical, start, report=trainer.report, should_stop=trainer.should_stop
    )
    image_s = (monotonic() - began) / len(trainer.canonical)
    return PhaseCost(
        name=start.phases[0].name,
        epochs=1,
        image_size_px=start.recipe.image_size_px,
        batch_size=predict.BATCH_SIZE,
        epoch_s=n * image_s,
        extra_s=0.0,
        score_s=0.0,  # The predictions follow from the same features.
        memory_mb=cost.memory_mb(start.device),
        shown=torch.from_numpy(np.array(trainer.canonical[:N_SHOWN])),
        labels=torch.from_numpy(part.labels[:N_SHOWN]),
    )
