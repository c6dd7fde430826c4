"""Drawn pictures whose predictions travel with a bundle: they prove a model without photos of anybody.

They differ in format, orientation, size and transparency, where two implementations of preprocessing differ.
"""

import io

import numpy as np
from PIL import Image

SEED = 20
N_SCENES = 8


def pictures() -> dict[str, bytes]:
    """Return the pictures by file name; the same on every machine of one Pillow."""
    rng = np.random.default_rng(SEED)
    found = {
        f"scene{n}.jpg": _saved(_scene(rng, width, height), "JPEG", quality=90)
        for n, (width, height) in enumerate(_SIZES[:N_SCENES])
    }
    turned = Image.Exif()
    turned[0x0112] = 6
    found["turned.jpg"] = _saved(_scene(rng, 640, 480), "JPEG", exif=turned)
    found["large.jpg"] = _saved(_scene(rng, 3000, 2000), "JPEG", quality=80)
    found["grey.png"] = _saved(_scene(rng, 300, 420).convert("L"), "PNG")
    found["palette.png"] = _saved(_scene(rng, 256, 256).quantize(64), "PNG")
    clear = _scene(rng, 320, 240).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((320, 240)))
    found["transparent.png"] = _saved(clear, "PNG")
    found["small.png"] = _saved(_scene(rng, 40, 30), "PNG")
    found["picture.webp"] = _saved(_scene(rng, 500, 333), "WEBP", lossless=True)
    return found


_SIZES = ((640, 480), (480, 640), (500, 500), (1024, 300), (300, 1024), (1600, 1200), (224, 224), (333, 217))


def _scene(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Draw hills of smooth noise under a sky, with texture."""
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    fine = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    return Image.blend(coarse, fine, 0.35)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
