"""Photos of a data set that was augmented before it came here: turned, recoloured, sheared, cropped."""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.edits import Edit, cropped, noise


def hue(image: Image.Image, degrees: float) -> Image.Image:
    """Turn the colours of a photo round the colour circle."""
    h, s, v = image.convert("HSV").split()
    turned = h.point([(value + round(degrees / 360 * 256)) % 256 for value in range(256)])
    return Image.merge("HSV", (turned, s, v)).convert("RGB")


def sheared(image: Image.Image, share: float) -> Image.Image:
    """Move the bottom of a photo aside by a share of its height; the corners left empty are black."""
    shift = share * image.height
    return image.transform(
        image.size, Image.Transform.AFFINE, (1, share, -shift / 2, 0, 1, 0), Image.Resampling.BICUBIC
    )


def turned(degrees: float) -> Edit:
    return lambda image, _: image.rotate(degrees, Image.Resampling.BICUBIC)


def together(image: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """Change a photo in every way at once.

    Args:
        strength: 0..1. At 1: turned by up to 45 degrees, hue by up to 180, sheared by .3, cropped to .6 of
            its sides, mirrored every other time, brighter or darker by half.
    """
    one = image
    if rng.random() < 0.5:
        one = ImageOps.mirror(one)
    one = one.rotate(float(rng.uniform(-45, 45)) * strength, Image.Resampling.BICUBIC)
    one = sheared(one, float(rng.uniform(-0.3, 0.3)) * strength)
    one = cropped(float(rng.uniform(0, 0.4)) * strength)(one, rng)
    one = hue(one, float(rng.uniform(-180, 180)) * strength)
    one = ImageEnhance.Brightness(one).enhance(float(1 + rng.uniform(-0.5, 0.5) * strength))
    one = ImageEnhance.Contrast(one).enhance(float(1 + rng.uniform(-0.4, 0.4) * strength))
    out = io.BytesIO()
    one.save(out, "JPEG", quality=85)
    return Image.open(out).convert("RGB")


EDITS: dict[str, Edit] = {
    "crop 40 %": cropped(0.40),
    "turn 15": turned(15),
    "turn 45": turned(45),
    "hue": lambda image, rng: hue(image, float(rng.uniform(60, 300))),
    "warm": lambda image, _: Image.merge(
        "RGB",
        [
            band.point([round(min(255, value * f)) for value in range(256)])
            for band, f in zip(image.split(), (1.3, 1.0, 0.6), strict=True)
        ],
    ),
    "mirrored, noise": lambda image, rng: noise(ImageOps.mirror(image), rng),
}
