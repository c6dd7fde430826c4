"""Measure recall and precision of finding edited photos: `python bench/edits.py`."""

import argparse
import contextlib
import functools
import importlib.util
import io
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.curate.duplicates import aligned, hash_search, pair_search
from peakid.errors import UnreadableImage
from peakid.imaging import hashes, inspection, pixels

# Photos from the web repeat each other. Of a pair within this distance only one is an original.
TWIN_DISTANCE = 20
COLLECTIONS = ("summits14_raw", "cene_demo", "otters", "mountainid", "intel6/seg_train")
Method = Callable[[list[Image.Image]], Iterator[tuple[int, int]]]
Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def cropped(share: float) -> Edit:
    """Cut `share` off the width and off the height, the rest lying anywhere."""

    def edit(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        wide, high = round(image.width * (1 - share)), round(image.height * (1 - share))
        left, top = (
            int(rng.integers(0, image.width - wide + 1)),
            int(rng.integers(0, image.height - high + 1)),
        )
        return image.crop((left, top, left + wide, top + high))

    return edit


def gamma(image: Image.Image, _rng: np.random.Generator) -> Image.Image:
    return image.point([round(255 * (value / 255) ** 1.7) for value in range(256)] * 3)


def noise(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image).astype(np.float32)
    return Image.fromarray(np.clip(pixels + rng.normal(0, 15, pixels.shape), 0, 255).astype(np.uint8))


def watermark(image: Image.Image, _rng: np.random.Generator) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text(
        (image.width // 10, image.height // 2), "PHOTO ARCHIVE", "white", font_size=max(10, image.width // 10)
    )
    return Image.blend(image, marked, 0.6)


def border(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.expand(image, round(max(image.size) * 0.05), str(rng.choice(["black", "white"])))


EDITS: dict[str, Edit] = {
    "resize to half": lambda image, _: image.resize(
        (image.width // 2, image.height // 2), Image.Resampling.BICUBIC
    ),
    "resize to double": lambda image, _: image.resize(
        (image.width * 2, image.height * 2), Image.Resampling.BICUBIC
    ),
    "recompress q30": lambda image, _: jpeg(image, 30),
    "recompress q10": lambda image, _: jpeg(image, 10),
    "crop 5 %": cropped(0.05),
    "crop 10 %": cropped(0.10),
    "crop 20 %": cropped(0.20),
    "flip": lambda image, _: ImageOps.mirror(image),
    "turn 90": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
    "turn 180": lambda image, _: image.transpose(Image.Transpose.ROTATE_180),
    "brightness": lambda image, _: ImageEnhance.Brightness(image).enhance(1.5),
    "contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(1.6),
    "gamma": gamma,
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(max(image.size) / 128)),
    "noise": noise,
    "watermark": watermark,
    "border": border,
    "grey": lambda image, _: ImageOps.grayscale(image).convert("RGB"),
    "format change": lambda image, _: Image.open(io.BytesIO(_webp(image))).convert("RGB"),
    "rotate 5": lambda image, _: image.rotate(5, Image.Resampling.BICUBIC),
}


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=70)
    return out.getvalue()


# ---- the originals and what is looked for -----------------------------------------------------------


def originals(data: Path, n_images: int) -> list[Image.Image]:
    """Take photos from each collection in turn, except those that any method finds similar to another."""
    rng = np.random.default_rng(0)
    files = [
        list(rng.permutation(sorted(path for path in (data / name).rglob("*") if path.is_file())))
        for name in COLLECTIONS
    ]
    chosen: list[Image.Image] = []
    held = np.empty((0, 2), np.uint64)
    for path in (path for group in itertools.zip_longest(*files) for path in group if path is not None):
        try:
            image = pixels.decode(path.read_bytes())
        except UnreadableImage:
            continue
        own = hashes.unpack([hashes.of(grey(image))[0]])[0, :1]
        if len(hash_search.compare(own, held, radius=TWIN_DISTANCE)[0]) == 0:
            chosen.append(image)
            held = np.concatenate([held, own])
        if len(chosen) == n_images:
            break
    return chosen


def grey(image: Image.Image) -> Image.Image:
    """Shrink and grey a picture as its import does."""
    small = Image.open(io.BytesIO(inspection.inspect(encoded(image, "PNG")).thumbnail))
    return small.convert("L")


def encoded(image: Image.Image, format: str = "JPEG") -> bytes:
    out = io.BytesIO()
    image.save(out, format, **({"quality": 92} if format == "JPEG" else {"compress_level": 1}))
    return out.getvalue()


@dataclass(frozen=True)
class Found:
    """What one method found: edits by kind, and the number of pairs of different photos it matched."""

    hits: dict[str, int]
    n_false: int


def judged(pairs: Iterable[tuple[int, int]], names: list[str], n_originals: int) -> Found:
    """Count pairs (original, edit): row `n_originals * (k + 1) + i` is edit k of original i."""
    hits, n_false = dict.fromkeys(names, 0), 0
    for a, b in {(min(pair), max(pair)) for pair in pairs}:
        if a % n_originals != b % n_originals:
            n_false += 1
        elif a < n_originals <= b:
            hits[names[b // n_originals - 1]] += 1
    return Found(hits, n_false)


def peakid(everything: list[Image.Image]) -> Iterator[tuple[int, int]]:
    """As `peakid scan`, with the candidates of a workspace of up to 5,000 images."""
    greys = [grey(image) for image in everything]
    whole, parts = zip(*(hashes.of(each) for each in greys), strict=True)
    turned = hashes.unpack(whole)
    table = pair_search.HashSet(
        np.ascontiguousarray(turned[:, 0]), hashes.unpack(parts, n_hashes=hashes.N_PARTS)
    )

    @functools.lru_cache(2048)
    def view(row: int, orientation: int) -> aligned.ComparedPicture:
        return aligned.ComparedPicture(hashes.turned(greys[row], orientation))

    pair_search.DOUBTFUL, pair_search.PARTS = ((10**9, 40),), ((10**9, 32),)
    for begin in range(0, len(greys), 256):
        end = min(begin + 256, len(greys))
        yield from ((pair.row, pair.earlier) for pair in table.pairs(begin, end, turned[begin:end], view))


def by_imagehash(name: str, radius: int) -> Method:
    def method(everything: list[Image.Image]) -> Iterator[tuple[int, int]]:
        import imagehash

        rows = [getattr(imagehash, name)(image).hash.ravel() for image in everything]
        yield from within(np.packbits(np.array(rows), axis=1).view(">u8").astype(np.uint64), radius)

    return method


def by_imagededup(name: str, radius: int) -> Method:
    def method(everything: list[Image.Image]) -> Iterator[tuple[int, int]]:
        from imagededup import methods

        hasher = getattr(methods, name)(verbose=False)
        rows = [int(hasher.encode_image(image_array=np.asarray(image)), 16) for image in everything]
        yield from within(np.array(rows, dtype=np.uint64)[:, None], radius)

    return method


def by_cleanvision(everything: list[Image.Image]) -> Iterator[tuple[int, int]]:
    from cleanvision import Imagelab

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for n, image in enumerate(everything):
            image.save(f"{folder}/{n:06}.png", compress_level=1)
        lab = Imagelab(data_path=folder, verbose=False)
        lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
        for kind in ("exact_duplicates", "near_duplicates"):
            for found in lab.info[kind]["sets"]:
                yield from itertools.combinations([int(Path(path).stem) for path in found], 2)


def within(rows: np.ndarray, radius: int) -> Iterator[tuple[int, int]]:
    q, t, _ = hash_search.compare(rows, rows, radius=radius)
    yield from zip(q[q > t].tolist(), t[q > t].tolist(), strict=True)


METHODS: dict[str, tuple[str, Method]] = {
    "peakid": ("peakid", peakid),
    "imagehash phash 8": ("imagehash", by_imagehash("phash", 8)),
    "imagehash phash 10": ("imagehash", by_imagehash("phash", 10)),
    "imagehash dhash 8": ("imagehash", by_imagehash("dhash", 8)),
    "imagehash ahash 5": ("imagehash", by_imagehash("average_hash", 5)),
    "imagehash whash 5": ("imagehash", by_imagehash("whash", 5)),
    "imagededup PHash 10": ("imagededup", by_imagededup("PHash", 10)),
    "imagededup DHash 10": ("imagededup", by_imagededup("DHash", 10)),
    "imagededup AHash 10": ("imagededup", by_imagededup("AHash", 10)),
    "imagededup WHash 10": ("imagededup", by_imagededup("WHash", 10)),
    "cleanvision": ("cleanvision", by_cleanvision),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder with the collections of photos",
    )
    parser.add_argument("--images", type=int, default=150)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"no photos at {arguments.data}: give a folder with --data")
    rng = np.random.default_rng(1)
    base = originals(arguments.data, arguments.images)
    if not base:
        raise SystemExit(
            f"no photos in {arguments.data}: --data is the folder that holds {', '.join(COLLECTIONS)}"
        )
    everything = base + [edit(image, rng) for edit in EDITS.values() for image in base]
    names, n = list(EDITS), len(base)
    n_pairs = len(everything) * (len(everything) - 1) // 2 - n * len(EDITS) * (len(EDITS) + 1) // 2
    print(
        f"{n} originals, {len(names)} edits of each, {n_pairs:,} pairs of different photos;"
        f" {os.cpu_count()} cores"
    )
    rows: dict[str, Found] = {}
    for name, (package, method) in METHODS.items():
        if package != "peakid" and importlib.util.find_spec(package) is None:
            print(f"{name}: {package} is not installed")
            continue
        started = time.perf_counter()
        rows[name] = found = judged(method(everything), names, n)
        right = sum(found.hits.values())
        recall, precision = right / (n * len(names)), right / max(1, right + found.n_false)
        release = "" if package == "peakid" else version(package)
        line = f"recall {recall:.3f}  precision {precision:.4f}  false pairs {found.n_false:>8,}"
        print(f"{name:<22}{release:<14}{line}  {time.perf_counter() - started:.0f} s", flush=True)
    print(f"\n{'recall by kind':<18}" + "".join(f"{name[-15:]:>17}" for name in rows))
    for edit in names:
        print(f"{edit:<18}" + "".join(f"{found.hits[edit] / n:>17.2f}" for found in rows.values()))
    print(
        json.dumps(
            {
                "bench": "edits",
                "rows": {name: {"hits": f.hits, "false": f.n_false} for name, f in rows.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
