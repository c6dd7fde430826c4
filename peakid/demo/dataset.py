"""Draw a data set of mountains with planted faults, like scraped photos, and write the truth about each file.

New users start with it, and tests and benchmarks measure against it: here it is known which labels are wrong.
"""

import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from peakid import files, progress_text
from peakid.demo import scenery
from peakid.demo.peaks import PEAKS
from peakid.records import Report, no_report

CLASS_NAMES = tuple(sorted(PEAKS))
# Pixels. Scraped photos have various shapes.
SIZES = ((320, 240), (320, 240), (360, 240), (320, 214), (300, 225))

Fault = Literal[
    "wrong_label",  # The picture shows another peak than its folder.
    "copy",         # The same bytes as `source_path`, in the same class.
    "conflict",     # The same bytes as `source_path`, in another class.
    "resaved",      # The same pixels as `source_path`, saved as PNG.
    "re_encoded",   # `source_path` made smaller and compressed harder.
    "cropped",      # `source_path` without its edges.
    "blurred",      # Out of focus.
    "dark",         # Underexposed to near black.
    "tiny",         # A thumbnail of about 40 pixels.
    "unrelated",    # Not a mountain.
    "truncated",    # Its last bytes are missing; it cannot be imported.
]  # fmt: skip

# Shares of all files, similar to real scraped photos of otters and summits; there is at least one of each.
FAULT_SHARES: dict[Fault, float] = {
    "wrong_label": 0.05,
    "copy": 0.02,
    "conflict": 0.01,
    "resaved": 0.01,
    "re_encoded": 0.03,
    "cropped": 0.02,
    "blurred": 0.015,
    "dark": 0.015,
    "tiny": 0.01,
    "unrelated": 0.02,
    "truncated": 0.0,
}
COPIES: tuple[Fault, ...] = ("copy", "conflict", "resaved", "re_encoded", "cropped")
CLASS_SHARES = (0.20, 0.16, 0.14, 0.20, 0.14, 0.16)  # In the order of CLASS_NAMES.


@dataclass(frozen=True)
class Truth:
    """The truth about one drawn file. `path` and `source_path` are relative to the photo folder.

    `drawn_class` is the peak in the picture (None: not a mountain), `given_label` the name of its folder.
    """

    path: str
    drawn_class: str | None
    given_label: str
    fault: Fault | None = None
    source_path: str | None = None


def draw(folder: Path, *, n_images: int, seed: int, report: Report = no_report) -> list[Truth]:
    """Draw `n_images` files into `folder/photos/<class>/` and the truth about them into `folder/truth.json`.

    The same seed gives the same bytes. Existing files are overwritten.
    """
    truths = plan(n_images, seed)
    for truth in truths:
        (folder / "photos" / truth.given_label).mkdir(parents=True, exist_ok=True)
    originals = [n for n, truth in enumerate(truths) if truth.source_path is None]
    copies = [n for n, truth in enumerate(truths) if truth.source_path is not None]
    n_done = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for some in (originals, copies):  # Copies need the original files.
            chosen, seeds = [truths[n] for n in some], [(seed, n) for n in some]
            for _ in pool.map(_draw_file, repeat(folder / "photos"), chosen, seeds):
                n_done += 1
                counted = progress_text.counted(n_done, n_images, "images")
                report("Drawing mountains", n_done, n_images, counted)
    document = {
        "seed": seed,
        "n_images": n_images,
        "class_names": CLASS_NAMES,
        "files": [asdict(truth) for truth in truths],
    }
    files.write_json(folder / "truth.json", document, indent=1)
    return truths


def plan(n_images: int, seed: int) -> list[Truth]:
    """Choose the content, the path and the fault of each file; the list is sorted by path."""
    rng = np.random.default_rng(seed)
    faults = _faults(n_images)
    n_originals = n_images - sum(faults[fault] for fault in COPIES)
    drawn = rng.permutation(_shared_out(n_originals, CLASS_SHARES))
    kinds: list[Fault | None] = [
        fault for fault in faults if fault not in COPIES for _ in range(faults[fault])
    ]
    kinds += [None] * (n_originals - len(kinds))
    numbers: Iterator[int] = iter(rng.permutation(n_images).tolist())
    originals = [
        _original(rng, CLASS_NAMES[shown], kind, next(numbers))
        for shown, kind in zip(drawn, kinds, strict=True)
    ]
    sound = [truth for truth in originals if truth.fault is None]
    chosen = iter(rng.permutation(len(sound)).tolist() * 2)
    copies = [
        _copy(rng, sound[next(chosen)], fault, next(numbers))
        for fault in COPIES
        if sound
        for _ in range(faults[fault])
    ]
    return sorted(originals + copies, key=lambda truth: truth.path)


def _faults(n_images: int) -> Counter[Fault]:
    """Return the number of files with each fault; a small data set has none."""
    counts: Counter[Fault] = Counter()
    for fault, share in FAULT_SHARES.items():
        counts[fault] = max(1, round(n_images * share)) if n_images >= 4 * len(FAULT_SHARES) else 0
    return counts


def _shared_out(n: int, shares: Sequence[float]) -> np.ndarray:
    ends = np.round(np.cumsum(shares) / sum(shares) * n).astype(int)
    return np.repeat(np.arange(len(shares)), np.diff(ends, prepend=0))


def _original(rng: np.random.Generator, drawn: str, fault: Fault | None, number: int) -> Truth:
    given = _another(rng, drawn) if fault == "wrong_label" else drawn
    return Truth(f"{given}/{number:06d}.jpg", None if fault == "unrelated" else drawn, given, fault)


def _copy(rng: np.random.Generator, source: Truth, fault: Fault, number: int) -> Truth:
    given = _another(rng, source.given_label) if fault == "conflict" else source.given_label
    suffix = "png" if fault == "resaved" else "jpg"
    return Truth(f"{given}/{number:06d}.{suffix}", source.drawn_class, given, fault, source.path)


def _another(rng: np.random.Generator, name: str) -> str:
    others = [other for other in CLASS_NAMES if other != name]
    return others[rng.integers(len(others))]


def _draw_file(photos: Path, truth: Truth, seed: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    if truth.source_path is not None:
        data = _copied((photos / truth.source_path).read_bytes(), truth.fault, rng)
    else:
        data = _photographed(truth, rng)
    (photos / truth.path).write_bytes(data)


def _photographed(truth: Truth, rng: np.random.Generator) -> bytes:
    size = SIZES[rng.integers(len(SIZES))]
    image = _unrelated(rng, size) if truth.drawn_class is None else scenery.draw(truth.drawn_class, rng, size)
    if truth.fault == "blurred":
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(5, 8)))
    elif truth.fault == "dark":
        image = image.point([round(value * 0.09) for value in range(256)] * 3)
    elif truth.fault == "tiny":
        image = image.resize((40, 30), Image.Resampling.LANCZOS)
    data = _jpeg(image, quality=int(rng.integers(82, 94)))
    return data[: len(data) * 2 // 3] if truth.fault == "truncated" else data


def _copied(data: bytes, fault: Fault | None, rng: np.random.Generator) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    if fault == "resaved":
        out = io.BytesIO()
        image.save(out, "PNG", optimize=False, compress_level=6)
        return out.getvalue()
    if fault == "re_encoded":
        scale = rng.uniform(0.55, 0.9)
        size = (round(image.width * scale), round(image.height * scale))
        return _jpeg(image.resize(size, Image.Resampling.BICUBIC), quality=50)
    if fault == "cropped":
        left, top, right, low = rng.uniform(0.02, 0.10, 4)
        return _jpeg(image.crop((*_at(image, left, top), *_at(image, 1 - right, 1 - low))), quality=85)
    return data


def _at(image: Image.Image, across: float, down: float) -> tuple[int, int]:
    return round(image.width * across), round(image.height * down)


def _jpeg(image: Image.Image, *, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=False, progressive=False, subsampling="4:2:0")
    return out.getvalue()


def _unrelated(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw an unrelated result of a web search: a shelf of books, a cup, a chart or a poster."""
    kind = int(rng.integers(4))
    image = Image.new("RGB", size, tuple(150 + (value - 128) // 3 for value in _colour(rng)))
    (_books, _cup, _chart, _poster)[kind](ImageDraw.Draw(image), rng, *size)
    x, y = np.linspace(0, 1, size[0])[None, :], np.linspace(0, 1, size[1])[:, None]
    lamp = np.hypot(x - rng.random(), y - rng.random())
    light = (1.15 - rng.uniform(0.2, 0.7) * lamp)[..., None]
    lit = np.asarray(image) * light + rng.normal(0, 3, (size[1], size[0], 1))
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    grey = float(rng.uniform(50, 200))  # Halfway between a grey and a bright colour.
    red, green, blue = (round((grey + value) / 2) for value in rng.integers(20, 235, 3).tolist())
    return red, green, blue


def _books(pen: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, height: int) -> None:
    n_shelves = int(rng.integers(1, 5))
    lift = rng.uniform(0, height / (n_shelves + 1))
    for row in range(n_shelves):
        room = height / n_shelves
        floor, x = room * (row + 1) - lift, rng.uniform(0, width * 0.3)
        end = width * rng.uniform(0.6, 1.0)
        while x < end - 12:
            thick, tall = rng.uniform(8, 34), rng.uniform(0.4, 0.85) * room
            pen.rectangle((x, floor - tall, x + thick, floor - 6), fill=_colour(rng))
            pen.rectangle((x, floor - tall * 0.8, x + thick, floor - tall * 0.74), fill=(225, 205, 150))
            x += thick + rng.choice((1.5, 1.5, 1.5, 26.0))
        pen.rectangle((0, floor - 6, width, floor), fill=(110, 76, 48))


def _cup(pen: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, height: int) -> None:
    edge = height * rng.uniform(0.5, 0.8)
    pen.rectangle((0, edge, width, height), fill=(130, 92, 60))
    x, wide = width * rng.uniform(0.05, 0.6), width * rng.uniform(0.14, 0.34)
    low = edge + height * rng.uniform(0.05, 0.18)
    top, colour = low - wide * rng.uniform(0.9, 1.4), _colour(rng)
    pen.ellipse(
        (x + wide * 0.7, top + wide * 0.25, x + wide * 1.35, top + wide * 0.8), outline=colour, width=9
    )
    pen.rounded_rectangle((x, top, x + wide, low), radius=14, fill=colour)
    pen.ellipse((x, top - 12, x + wide, top + 12), fill=tuple(round(value * 0.6) for value in colour))
    pen.ellipse((x + 5, top - 8, x + wide - 5, top + 9), fill=(62, 38, 24))


def _chart(pen: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, height: int) -> None:
    pen.rectangle((12, 12, width - 12, height - 12), fill=(250, 250, 248), outline=(120, 120, 120))
    n_bars = int(rng.integers(5, 9))
    for n in range(n_bars):
        x = 30 + n * (width - 60) / n_bars
        pen.rectangle(
            (x, height - 30 - rng.uniform(0.1, 0.7) * height, x + (width - 60) / n_bars * 0.7, height - 30),
            fill=_colour(rng),
        )
    pen.line((24, height - 30, width - 24, height - 30), fill=(40, 40, 40), width=2)


def _poster(pen: ImageDraw.ImageDraw, rng: np.random.Generator, width: int, height: int) -> None:
    for _ in range(int(rng.integers(7, 14))):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(14, 70)
        box = (x - radius, y - radius, x + radius, y + radius)
        (pen.ellipse if rng.random() < 0.6 else pen.rectangle)(box, fill=_colour(rng))
