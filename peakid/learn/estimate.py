"""What a training would take, told before it begins, and the images exactly as the model would receive them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from PIL import Image

from peakid.learn import budget, cost, fraction, linear_head
from peakid.learn import start as starting
from peakid.learn.batches import data
from peakid.learn.batches.data import TrainingImages
from peakid.learn.cost import N_SHOWN, N_TIMED, PhaseCost
from peakid.learn.learning import Learning
from peakid.learn.network import predict
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import Report

SCORED = 64  # Valid images that are timed.


@dataclass(frozen=True)
class Estimate:
    """What was measured on a few batches.

    Attributes:
        phases: In their order, epochs cut to the recipe's time budget.
        decode_s: Seconds to decode all images at all sizes; near 0 where the pixel cache holds them.
        predict_s: Seconds to predict all images in the end.
        notes: Sentences on what was chosen.
    """

    phases: list[PhaseCost]
    decode_s: float
    predict_s: float
    device: str
    pretrained: str
    notes: list[str]

    @property
    def seconds(self) -> float:
        """Answer the whole, without loading the libraries."""
        return self.decode_s + self.predict_s + sum(phase.seconds for phase in self.phases)

    @property
    def memory_mb(self) -> float:
        return max(phase.memory_mb for phase in self.phases)


def estimate(
    images: TrainingImages,
    recipe: Recipe,
    *,
    cache_dir: Path,
    weights_dir: Path | None,
    report: Report,
    should_stop: Callable[[], bool],
) -> Estimate:
    """Measure a few batches of each phase on a part of the images; nothing is trained or kept but decoded pixels.

    Raises:
        Stopped: If `should_stop` says so.
        DatasetError, TrainingError: As `train`.
        torch.OutOfMemoryError: If not even two images fit.
    """
    images = fraction.take(images, recipe.fraction, seed=recipe.seed, is_folded=bool(recipe.folds))
    report("Loading weights", 0, 0, recipe.arch)
    start = starting.begin(images, recipe, weights_dir)
    n = _counts(images, recipe)
    batch_size = recipe.batch_size or budget.automatic_batch_size(n["train"], start.device)
    part = _sample(images, batch_size, recipe.seed)
    data.check(part)
    began = monotonic()
    views = starting.views(part, start, cache_dir=cache_dir, report=report, should_stop=should_stop)
    decode_s = (monotonic() - began) / len(part.digests) * len(images.digests)
    learning = Learning(start, views, report=report, on_epoch=lambda metrics: None, should_stop=should_stop)
    if start.is_linear:
        phases, notes = [_of_linear(learning, part, len(images.digests))], []
    else:
        phases, notes = _of_phases(learning, part, batch_size, n, decode_s)
    predict_s = len(images.digests) * phases[-1].score_s
    return Estimate(phases, decode_s, predict_s, starting.device_name(start.device), start.found.note, notes)


def write_images(found: Estimate, images: TrainingImages, folder: Path) -> list[dict[str, str]]:
    """Write what each phase shows the model as PNG files, one an image; answer `{phase, label, file}` for each, names within `folder`.

    Phases that show the same size at the same strength are written once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, seen = [], set()
    for number, phase in enumerate(found.phases, start=1):
        key = phase.shown.numpy().tobytes()
        if key in seen:
            continue
        seen.add(key)
        for place, (pixels, label) in enumerate(
            zip(phase.shown.numpy(), phase.labels.tolist(), strict=True), start=1
        ):
            file = f"phase-{number}-image-{place:02d}.png"
            Image.fromarray(pixels).save(folder / file)
            rows.append({"phase": phase.name, "label": images.class_names[label], "file": file})
    return rows


def _counts(images: TrainingImages, recipe: Recipe) -> dict[str, int]:
    """Count the images that are learned from and scored by; in cross-validation, those of all folds together."""
    if not recipe.folds:
        return {"train": len(images.rows("train")), "valid": len(images.rows("valid"))}
    n = len(images.digests)
    return {"train": n * (recipe.folds - 2), "valid": n}


def _sample(images: TrainingImages, batch_size: int, seed: int) -> TrainingImages:
    """Take as many images as are measured, in a random order, and at least one of each class."""
    order = np.random.default_rng(seed).permutation(len(images.digests))
    first = [order[images.labels[order] == k][0] for k in range(len(images.class_names))]
    train = list(dict.fromkeys([*first, *order.tolist()]))[: max(len(first), batch_size * (N_TIMED + 1))]
    valid = [row for row in order.tolist() if row not in set(train)][:SCORED] or train[:SCORED]
    part = fraction.only(images, [*train, *valid])
    return TrainingImages(
        part.digests,
        part.labels,
        ["train"] * len(train) + ["valid"] * len(valid),
        part.class_names,
        part.read,
        part.groups,
    )


def _of_phases(
    learning: Learning, part: TrainingImages, batch_size: int, n: dict[str, int], decode_s: float
) -> tuple[list[PhaseCost], list[str]]:
    start, costs = learning.start, []
    for number, phase in enumerate(start.phases, start=1):
        learning.report("Measuring", number, len(start.phases), phase.name)
        costs.append(cost.that_fits(partial(_of_phase, learning, part, phase, n), batch_size))
    if not start.recipe.max_minutes:
        return costs, []
    left_s = start.recipe.max_minutes * 60 - decode_s - n["train"] * costs[-1].score_s
    phases, notes = budget.shortened(start.phases, costs, budget_s=left_s)
    return [cost.cut(each, phase.epochs) for each, phase in zip(costs, phases, strict=True)], notes


def _of_phase(
    learning: Learning, part: TrainingImages, phase: Phase, n: dict[str, int], batch_size: int
) -> PhaseCost:
    loaders, stop = partial(learning.loaders, part), learning.should_stop
    return cost.of_phase(
        learning.start.model(), loaders, learning.start, phase, n, batch_size, should_stop=stop
    )


def _of_linear(learning: Learning, part: TrainingImages, n: int) -> PhaseCost:
    """Time the one look at each image that a linear head takes."""
    start = learning.start
    began = monotonic()
    linear_head.embed(
        start.model(), learning.canonical, start, report=learning.report, should_stop=learning.should_stop
    )
    look_s = (monotonic() - began) / len(learning.canonical)
    return PhaseCost(
        name=start.phases[0].name,
        epochs=1,
        image_size_px=start.recipe.image_size_px,
        batch_size=predict.BATCH_SIZE,
        epoch_s=n * look_s,
        extra_s=0.0,
        score_s=look_s,
        memory_mb=cost.memory_mb(start.device),
        shown=torch.from_numpy(np.array(learning.canonical[:N_SHOWN])),
        labels=torch.from_numpy(part.labels[:N_SHOWN]),
    )
