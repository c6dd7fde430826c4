"""Sort thousands of photos into albums, against decoding them alone: `python bench/sort.py [--photos 5000]`.

Decoding alone is the limit: the files are read and decoded to the pixels of the model, in the same guarded
process and with the same number of threads as in sorting. Sorting also hashes, predicts, plans and copies.
Both run in turns, in an order that changes, and each figure is the median of the rounds. CPU time is that of
this process and of the process that decodes: it says what sorting costs where the machine has other work.
The photos are drawn and have two megapixels, or are those of --source, enlarged to --megapixels. The model is
timm's lite0 with random weights, or that of --export.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import photos as drawn

from peakid.imaging import gate, hashed_photo, pixels
from peakid.serve.albums import photos, plan, writing
from peakid.serve.albums.plan import AlbumRules
from peakid.serve.predictor import Predictor

ARCH, N_CLASSES = "timm/tf_efficientnet_lite0", 6
N_DRAWN, N_REAL = 250, 60  # Different photos; each is there several times under other names.


@dataclass
class Timed:
    """Seconds of each part of one round, and the CPU seconds of all."""

    wall_s: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def seconds(self) -> float:
        return sum(self.wall_s.values())


def write_export(folder: Path, size_px: int) -> None:
    """Write an export of a network with random weights."""
    import torch

    from peakid.export_records import ExportFigures
    from peakid.learn.export import export, formats
    from peakid.learn.network import model as models
    from peakid.learn.network.model import Card

    torch.manual_seed(0)
    network = models.build(ARCH, n_classes=N_CLASSES).eval()
    half, names = (0.5, 0.5, 0.5), [f"class {n}" for n in range(N_CLASSES)]
    card = Card(ARCH, names, size_px, "crop", half, half, pixels.VERSION, {}, "", {})
    folder.mkdir()
    formats.WRITERS["onnx"](formats.TrainedModel(network, card, folder), folder / "model.onnx")
    listed = [export._listed(folder / "model.onnx", "onnx")]
    export._write_card(folder / "card.json", card, listed, {}, ExportFigures())


def different(given: argparse.Namespace, folder: Path) -> list[Path]:
    """Return the photos that are different, which are written where they are not there yet."""
    width, height = drawn.SIZE
    scale = (given.megapixels * 1e6 / (width * height)) ** 0.5
    size = (round(width * scale), round(height * scale))
    if given.source:
        return drawn.from_folder(given.source, folder, min(given.photos, N_REAL), size)
    return drawn.draw(folder, min(given.photos, N_DRAWN), size)


def make_photos(first: Sequence[Path], folder: Path, n: int) -> None:
    """Fill a folder with n photos; those after the first ones are hard links to them."""
    folder.mkdir()
    for number in range(n):
        os.link(first[number % len(first)], folder / f"{number:05d}.jpg")


def cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    return own.ru_utime + own.ru_stime + sum(each.user + each.system for each in children)


def in_turn(paths: Sequence[Path], submit: Callable[[Path], Future]) -> None:
    """Decode files, with as many in work as sorting has."""
    waiting: deque[Future] = deque()
    for path in paths:
        waiting.append(submit(path))
        if len(waiting) == photos.AHEAD:
            waiting.popleft().result()
    for each in waiting:
        each.result()


def decode(folder: Path, predictor: Predictor, *, hashes: bool = False, most: int | None = None) -> Timed:
    """Only read and decode at most so many photos; with `hashes`, also hash."""
    work = hashed_photo.read if hashes else pixels.preprocess
    asked = {"size_px": predictor.image_size_px, "resize": predictor.resize}
    cpu, started = cpu_seconds(), time.perf_counter()
    in_turn(sorted(folder.iterdir())[:most], lambda path: gate.submit_file(work, path, **asked))
    return Timed({"decode": time.perf_counter() - started}, cpu_seconds() - cpu)


def sort(folder: Path, predictor: Predictor, out: Path) -> Timed:
    """Predict, plan and copy all photos of a folder."""
    cpu, times = cpu_seconds(), [time.perf_counter()]
    found = photos.predict(predictor, folder)
    times.append(time.perf_counter())
    planned = plan.make(found, AlbumRules(threshold=0.3))
    times.append(time.perf_counter())
    done = writing.write(planned, folder, out)
    times.append(time.perf_counter())
    cpu = cpu_seconds() - cpu
    assert done.n_made == len(found.paths)
    shutil.rmtree(out)
    parts = zip(("predict", "plan", "write"), times[1:], times[:-1], strict=True)
    return Timed({name: end - start for name, end, start in parts}, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-hashes", action="store_true", help="Do not time decoding and hashing.")
    parser.add_argument("--size-px", type=int, default=160)
    parser.add_argument("--export", type=Path, help="An export to sort with. Default: lite0, random weights.")
    parser.add_argument("--source", type=Path, help="A folder of real photos. Default: drawn photos.")
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--work", type=Path, help="Where the photos are drawn, to keep them for another run.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        here = Path(folder)
        first = different(given, (given.work or here) / "drawn")
        make_photos(first, here / "photos", given.photos)
        if given.export is None:
            write_export(here / "export", given.size_px)
        predictor = Predictor(given.export or here / "export", n_threads=1)
        ways: dict[str, Callable[[], Timed]] = {
            "decode": lambda: decode(here / "photos", predictor),
            "decode and hash": lambda: decode(here / "photos", predictor, hashes=True),
            "sort": lambda: sort(here / "photos", predictor, here / "albums"),
        }
        if given.without_hashes:
            del ways["decode and hash"]
        for path in first:
            path.read_bytes()  # Into the page cache.
        decode(here / "photos", predictor, most=200)  # Starts the process that decodes.
        rounds = []
        for number in range(given.rounds):
            order = list(ways) if number % 2 == 0 else list(reversed(ways))
            rounds.append({name: ways[name]() for name in order})
    report(rounds, given, predictor.image_size_px)


def report(rounds: Sequence[dict[str, Timed]], given: argparse.Namespace, size_px: int) -> None:
    """Print a table and the JSON line."""
    n, median = given.photos, statistics.median
    of = f"{n} photos of {given.megapixels:g} megapixels at {size_px} px"
    print(f"{of}, {len(rounds)} rounds, {os.cpu_count()} cores")
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "Pillow"))
    print(f"Python {platform.python_version()}, {versions}")
    print(f"{'':18}{'photos/s':>10}{'CPU ms/photo':>14}")
    rows = {}
    for name in rounds[0]:
        speed = median(n / each[name].seconds for each in rounds)
        cpu = median(1000 * each[name].cpu_s / n for each in rounds)
        rows[name] = {"photos_per_s": speed, "cpu_ms": cpu}
        print(f"{name:18}{speed:10.1f}{cpu:14.2f}")
    parts = {name: median(each["sort"].wall_s[name] for each in rounds) for name in rounds[0]["sort"].wall_s}
    ratios = [each["decode"].seconds / each["sort"].seconds for each in rounds]
    cpu_ratios = [each["decode"].cpu_s / each["sort"].cpu_s for each in rounds]
    print(f"sorting at {median(ratios):.2f} of the speed of decoding ({min(ratios):.2f}-{max(ratios):.2f})")
    print(f"by CPU time {median(cpu_ratios):.2f} ({min(cpu_ratios):.2f}-{max(cpu_ratios):.2f})")
    print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items()))
    found = {
        "bench": "sort",
        "n_photos": n,
        "megapixels": given.megapixels,
        "size_px": size_px,
        "rows": rows,
        "parts_s": parts,
    }
    print(json.dumps({**found, "ratio": median(ratios), "ratios": ratios, "cpu_ratio": median(cpu_ratios)}))


if __name__ == "__main__":
    main()
