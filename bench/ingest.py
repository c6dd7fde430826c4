"""Measure the CPU time of inspecting a photo, against other tools: `python bench/ingest.py --data FOLDER`.

FOLDER holds photos. Large ones (1 to 12 megapixels, with grain, JPEG quality 90) and small ones (150 to
500 px) are made from them. Tools that are not installed are left out: pip install imagededup cleanvision
imagehash.
"""

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.imaging import inspection

MEGAPIXELS = (1, 2, 3, 5, 8, 12)
SMALL_PX = (150, 200, 300, 400, 500)  # Long side.
PEERS = ("imagehash", "imagededup", "cleanvision")
SUFFIXES = (".jpg", ".jpeg", ".png")
Method = Callable[[Path], object]


def draw(sources: Sequence[Path], folder: Path, *, n_images: int, is_large: bool) -> list[Path]:
    """Write JPEGs of the sizes in turn; grain makes an enlarged photo as hard to decode as a real one."""
    drawn = []
    for n in range(n_images):
        with Image.open(sources[n % len(sources)]) as source:
            photo = source.convert("RGB")
        if is_large:
            scale = (MEGAPIXELS[n % len(MEGAPIXELS)] * 1e6 / (photo.width * photo.height)) ** 0.5
        else:
            scale = SMALL_PX[n % len(SMALL_PX)] / max(photo.size)
        size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
        values = np.asarray(photo.resize(size, Image.Resampling.BICUBIC)).astype(np.int16)
        grain = np.random.default_rng(n).normal(0, 4, values.shape[:2])[..., None]
        path = folder / f"{n:04}.jpg"
        Image.fromarray(np.clip(values + grain, 0, 255).astype(np.uint8)).save(path, quality=90)
        drawn.append(path)
    return drawn


def bare(path: Path) -> None:
    """Read and decode at a reduced scale, nothing else: no tool can do less."""
    image = Image.open(io.BytesIO(path.read_bytes()))
    image.draft("RGB", (256, 256))
    image.load()


def ours(path: Path) -> None:
    inspection.inspect(path.read_bytes())


def naive(path: Path) -> None:
    """Do what a script with Pillow and imagehash does: digest, thumbnail and two hashes of the image."""
    imagehash = importlib.import_module("imagehash")
    data = path.read_bytes()
    hashlib.sha256(data).hexdigest()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    imagehash.phash(image), imagehash.dhash(image)
    image.thumbnail((256, 256))
    image.save(io.BytesIO(), "JPEG")


def imagededup_phash() -> Method:
    hasher = importlib.import_module("imagededup.methods").PHash(verbose=False)
    return lambda path: hasher.encode_image(image_file=str(path))


def cleanvision(paths: Sequence[Path], kinds: dict[str, dict[str, object]] | None) -> None:
    lab = importlib.import_module("cleanvision").Imagelab(filepaths=[str(path) for path in paths])
    with contextlib.redirect_stdout(io.StringIO()):
        lab.find_issues(kinds, n_jobs=1, verbose=False)


def methods(missing: Sequence[str]) -> dict[str, Callable[[Sequence[Path]], object]]:
    def each(method: Method) -> Callable[[Sequence[Path]], object]:
        return lambda paths: [method(path) for path in paths]

    found: dict[str, Callable[[Sequence[Path]], object]] = {
        "scaled decode alone": each(bare),
        "peakid look": each(ours),
    }
    if "imagehash" not in missing:
        found["Pillow + imagehash"] = each(naive)
    if "imagededup" not in missing:
        found["imagededup phash"] = each(imagededup_phash())
    if "cleanvision" not in missing:
        found["cleanvision duplicates"] = lambda paths: cleanvision(
            paths, {"exact_duplicates": {}, "near_duplicates": {}}
        )
        found["cleanvision all issues"] = lambda paths: cleanvision(paths, None)
    if not {"imagehash", "cleanvision"} & set(missing):
        found["the last and imagehash"] = lambda paths: (
            cleanvision(paths, None),
            each(naive)(paths),
        )  # Nearest to the same work.
    return found


def cpu_ms(method: Callable[[Sequence[Path]], object], paths: Sequence[Path]) -> float:
    started = time.process_time()
    method(paths)
    return 1000 * (time.process_time() - started) / len(paths)


def measured(paths: Sequence[Path], missing: Sequence[str], n_rounds: int) -> dict[str, float]:
    """Return the median CPU ms per image. The methods take turns, so that a busy moment affects all."""
    found = methods(missing)
    for method in found.values():
        method(paths[:2])  # Neither imports nor a cold file cache are measured.
    rounds = [{name: cpu_ms(method, paths) for name, method in found.items()} for _ in range(n_rounds)]
    return {name: statistics.median(each[name] for each in rounds) for name in found}


def shown(title: str, row: dict[str, float]) -> None:
    print(f"\n{title}\n{'':<24}{'CPU ms / image':>16}{'against peakid':>16}")
    for name, value in row.items():
        print(f"{name:<24}{value:>16.2f}{value / row['peakid look']:>15.2f}x")


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of photos")
    parser.add_argument("--images", type=int, default=60, help="of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    sources = sorted(path for path in options.data.rglob("*") if path.suffix.lower() in SUFFIXES)[:200]
    if not sources:
        raise SystemExit(f"no photos in {options.data}")
    versions = {name: installed(name) for name in ("pillow", "numpy", "scipy", *PEERS)}
    missing = [name for name in PEERS if not versions[name]]
    print(f"Python {sys.version.split()[0]}, {platform.machine()}, {os.cpu_count()} cores; {versions}")
    print(f"missing: {missing or 'none'}")
    rows = {}
    for title, is_large in (("1-12 megapixels", True), ("150-500 px", False)):
        with tempfile.TemporaryDirectory() as folder:
            paths = draw(sources, Path(folder), n_images=options.images, is_large=is_large)
            rows[title] = measured(paths, missing, options.rounds)
        shown(f"{title}, {options.images} JPEGs, median of {options.rounds} rounds", rows[title])
    ratios = {
        title: {name: value / row["peakid look"] for name, value in row.items()}
        for title, row in rows.items()
    }
    print(
        json.dumps(
            {"bench": "ingest", "cpu_ms": rows, "ratios": ratios, "versions": versions, "missing": missing}
        )
    )


if __name__ == "__main__":
    main()
