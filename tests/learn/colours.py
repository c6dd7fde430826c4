"""Drawn datasets whose classes are colours: small enough to be learned in a second."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from peakid.learn.batches.data import TrainingImages

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
