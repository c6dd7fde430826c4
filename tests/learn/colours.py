"""Drawn datasets whose classes are colours: small enough to be learned in a second."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from peakid.learn.batches import data
from peakid.learn.batches.data import Prepared, TrainingImages
from peakid.recipe.recipe import Recipe
from peakid.records import no_report

COLOURS = {"moss": (40, 160, 60), "rust": (190, 70, 40), "sky": (70, 130, 220)}
ARCH = "mobilenet_v3_small"


def drawn(class_name: str, seed: int) -> bytes:
    """Draw a noisy 60 x 45 image in the colour of its class."""
    noise = np.random.default_rng(seed).normal(0, 25, (45, 60, 3))
    out = io.BytesIO()
    Image.fromarray((noise + COLOURS[class_name]).clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def images_of(rows: Sequence[tuple[str, str]]) -> TrainingImages:
    """Make a dataset of (class name, split) rows; image i is drawn with seed i and called `image-i`."""
    names = sorted({name for name, _ in rows})
    content = {f"image-{i}": drawn(name, i) for i, (name, _) in enumerate(rows)}
    labels = np.array([names.index(name) for name, _ in rows])
    return TrainingImages(list(content), labels, [split for _, split in rows], names, content.__getitem__)


def prepare(
    images: TrainingImages,
    recipe: Recipe,
    cache_dir: Path,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Prepared:
    """Decode the images at the recipe's size."""
    train_px = data.with_margin(recipe.image_size_px, recipe.augment)
    prepared = data.prepare_all(
        images, recipe, [train_px], cache_dir=cache_dir, report=no_report, should_stop=should_stop
    )
    return prepared[train_px]
