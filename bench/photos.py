"""Photos to measure with: drawn mountains of two megapixels with grain. A seed draws the same bytes."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
from PIL import Image

from peakid.demo import scenery
from peakid.demo.dataset import CLASS_NAMES

SIZE = (1632, 1224)  # 2.0 megapixels.
WINDOW = 1.25  # A scene is drawn this many times larger, and photos are parts of it. One drawing takes 5 s.
GRAIN = 5.0  # Of 255, as a phone's camera has it; 470 KB a photo at quality 90.
SCENES_PER_CLASS = 2


def draw(folder: Path, n: int, size: tuple[int, int] = SIZE, seed: int = 0) -> list[Path]:
    """Write n JPEG photos into `folder/<class>/`, unless they exist. Return their paths in order."""
    files = [folder / CLASS_NAMES[i % len(CLASS_NAMES)] / f"{i:05d}.jpg" for i in range(n)]
    if all(file.is_file() for file in files):
        return files
    large = (round(size[0] * WINDOW), round(size[1] * WINDOW))
    rngs = [
        np.random.default_rng((seed, number)) for number in range(min(n, SCENES_PER_CLASS * len(CLASS_NAMES)))
    ]
    names = [CLASS_NAMES[number % len(CLASS_NAMES)] for number in range(len(rngs))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scenes = list(pool.map(scenery.draw, names, rngs, repeat(large)))
        list(pool.map(_photo, files, range(n), repeat(scenes), repeat(size), repeat(seed)))
    return files


def from_folder(
    source: Path,
    folder: Path,
    n: int,
    size: tuple[int, int] | None = SIZE,
    qualities: Sequence[int] = (90,),
    *,
    grain: float = 0.0,
) -> list[Path]:
    """Write n real photos, enlarged to `size` unless it is None, into `folder/<class>/`, unless they exist.

    A small set is taken several times, with the next quality each time.

    Args:
        grain: Standard deviation, of 255, of the noise in photos that get more than twice as many pixels.
            Without it an enlarged photo has a third of the bytes of a camera's, and is decoded faster.
    """
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    files = []
    for i in range(n):
        photo = found[i * len(found) // n] if n <= len(found) else found[i % len(found)]
        files.append(folder / photo.parent.name / f"{i:05d}.jpg")
        if files[-1].is_file():
            continue
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        with Image.open(photo) as image:
            shown = image.convert("RGB")
            is_enlarged = size is not None and size[0] * size[1] > 2 * shown.width * shown.height
            shown = shown.resize(size, Image.Resampling.BICUBIC) if size else shown
            if is_enlarged and grain:
                shown = _with_grain(np.asarray(shown, dtype=np.float32), np.random.default_rng(i), grain)
            files[-1].write_bytes(_jpeg(shown, qualities[i // len(found) % len(qualities)]))
    return files


def _photo(file: Path, number: int, scenes: list[Image.Image], size: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng((seed, 1, number))
    scene = scenes[number % len(scenes)]
    left, top = (int(rng.integers(0, room + 1)) for room in (scene.width - size[0], scene.height - size[1]))
    part = np.asarray(scene.crop((left, top, left + size[0], top + size[1])), dtype=np.float32)
    noise = rng.normal(0, GRAIN, (size[1], size[0], 1)).astype(np.float32)
    lit = part * rng.uniform(0.85, 1.15) + noise
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_jpeg(Image.fromarray(lit.clip(0, 255).astype(np.uint8))))


def _with_grain(picture: np.ndarray, rng: np.random.Generator, grain: float) -> Image.Image:
    """Return float32 pixels of shape (H, W, 3) with noise of brightness, as a camera's sensor gives it."""
    noise = rng.standard_normal((*picture.shape[:2], 1), dtype=np.float32) * np.float32(grain)
    return Image.fromarray((picture + noise).clip(0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
