"""Sort thousands of photos into albums, against decoding them alone: `python bench/sort.py [--photos 5000]`.

Decoding alone is the limit: the files are read and decoded to the pixels of the model, in the same guarded
process and with the same number of threads as in sorting. Sorting also hashes, predicts, plans and copies.
"Decode in full" is Pillow without any of this: all pixels of a photo, in threads of this process. All run in
turns, in an order that changes, and each figure is the median of the rounds. CPU time is that of this process
and of the process that decodes: it says what sorting costs where the machine has other work.
The photos are drawn, or are those of --source, enlarged to --megapixels (several sizes are measured one after
the other; 0 = as they are) and saved with qualities of 75 to 95. Photos that get more than twice as many
pixels also get --grain, as a camera has it: without, their files are a third as large and decoded faster.
The model is timm's lite0 with random weights, or that of --export; where that has an int8 file, sorting with
it is timed too. "Sort again" has other rules, and nothing is new. With --keep, rounds of earlier runs count
too. The last table has what decoding is of sorting, by CPU time, for each size.
"""

import argparse
import io
import json
import math
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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import photos as drawn

from peakid.imaging import gate, hashed_photo, pixels
from peakid.serve import opening
from peakid.serve.albums import kept, photos, plan, writing
from peakid.serve.albums.journal import MODES, Mode
from peakid.serve.albums.plan import AlbumRules
from peakid.serve.predictor import Predictor

ARCH, N_CLASSES = "timm/tf_efficientnet_lite0", 6
N_DIFFERENT = 250  # Each photo is there several times under other names.
QUALITIES = (90, 75, 95, 85, 80)


@dataclass
class Timed:
    """Seconds of each part of one round, and the CPU seconds of all."""

    wall_s: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def seconds(self) -> float:
        return sum(self.wall_s.values())


@dataclass(frozen=True)
class Row:
    """One way with photos of one size: medians, and the ratios to decoding of each round."""

    photos_per_s: float
    cpu_ms: float
    ratios: list[float]
    cpu_ratios: list[float]


@dataclass(frozen=True)
class Measured:
    """The rounds with photos of one size."""

    megapixels: float
    kb_each: float
    n_photos: int
    rounds: list[dict[str, Timed]]

    def rows(self) -> dict[str, Row]:
        found = {}
        for name in self.rounds[0]:
            pairs = [(each[name], each["decode"]) for each in self.rounds if name in each]
            found[name] = Row(
                statistics.median(self.n_photos / way.seconds for way, _ in pairs),
                statistics.median(1000 * way.cpu_s / self.n_photos for way, _ in pairs),
                [alone.seconds / way.seconds for way, alone in pairs],
                [alone.cpu_s / way.cpu_s for way, alone in pairs],
            )
        return found

    def parts_s(self) -> dict[str, float]:
        sorts = [each["sort"].wall_s for each in self.rounds]
        return {name: statistics.median(each[name] for each in sorts) for name in sorts[0]}

    def to_json(self) -> dict[str, object]:
        rows = {name: asdict(row) for name, row in self.rows().items()}
        facts = {"megapixels": self.megapixels, "kb_each": self.kb_each, "n_rounds": len(self.rounds)}
        return {**facts, "rows": rows, "parts_s": self.parts_s()}


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


def different(given: argparse.Namespace, megapixels: float, place: Path) -> list[Path]:
    """Return the photos that are different, which are written where they are not there yet."""
    width, height = drawn.SIZE
    scale = (megapixels * 1e6 / (width * height)) ** 0.5
    size = (round(width * scale), round(height * scale)) if megapixels else None
    n = min(given.photos, given.different)
    if given.source:
        folder = place / f"{given.source.name}-{megapixels:g}-{given.grain:g}"
        return drawn.from_folder(given.source, folder, n, size, QUALITIES, grain=given.grain)
    return drawn.draw(place / f"drawn-{megapixels:g}", n, size or drawn.SIZE)


def make_photos(first: Sequence[Path], folder: Path, n: int) -> None:
    """Fill a folder with n photos; those after the first ones are hard links to them."""
    folder.mkdir()
    for number in range(n):
        os.link(first[number % len(first)], folder / f"{number:05d}.jpg")


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children, those that have ended included."""
    own = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    children = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    ended = sum(each.ru_utime + each.ru_stime for each in own)
    return ended + sum(each.user + each.system for each in children)


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


def decode_in_full(folder: Path) -> Timed:
    """Decode all pixels of each photo with Pillow, in a thread on each core."""

    def load(path: Path) -> None:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.convert("RGB")

    cpu, started = cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(load, sorted(folder.iterdir())))
    return Timed({"decode": time.perf_counter() - started}, cpu_seconds() - cpu)


def sort(folder: Path, predictor: Predictor, out: Path, mode: Mode, *, threshold: float = 0.3) -> Timed:
    """Predict, plan and write all photos of a folder, as `peakid sort` does."""
    cpu, times = cpu_seconds(), [time.perf_counter()]
    found, _ = kept.predict(predictor, folder, out)
    times.append(time.perf_counter())
    planned = plan.make(found, AlbumRules(threshold=threshold))
    times.append(time.perf_counter())
    done = writing.write(planned, folder, out, mode=mode)
    times.append(time.perf_counter())
    cpu = cpu_seconds() - cpu
    assert done.n_made + done.n_kept == len(found.paths)
    parts = zip(("predict", "plan", "write"), times[1:], times[:-1], strict=True)
    return Timed({name: end - start for name, end, start in parts}, cpu)


def sort_twice(folder: Path, predictor: Predictor, out: Path, mode: Mode) -> dict[str, Timed]:
    first, again = sort(folder, predictor, out, mode), sort(folder, predictor, out, mode, threshold=0.5)
    shutil.rmtree(out)
    return {"sort": first, "sort again": again}


def has_int8(export: Path) -> bool:
    return any(each.format == "onnx-int8" for each in opening.card(export).files)


def one_round(
    here: Path, export: Path, mode: Mode, *, is_reversed: bool, skipped: Sequence[str]
) -> dict[str, Timed]:
    predictor = Predictor(export, n_threads=1)
    ways: dict[str, Callable[[], dict[str, Timed]]] = {
        "decode": lambda: {"decode": decode(here / "photos", predictor)},
        "sort": lambda: sort_twice(here / "photos", predictor, here / "albums", mode),
        "decode and hash": lambda: {"decode and hash": decode(here / "photos", predictor, hashes=True)},
        "decode in full": lambda: {"decode in full": decode_in_full(here / "photos")},
    }
    if has_int8(export):
        small = Predictor(export, n_threads=1, is_int8=True)
        ways["sort --int8"] = lambda: {
            "sort --int8": sort_twice(here / "photos", small, here / "albums", mode)["sort"]
        }
    found: dict[str, Timed] = {}
    for name in reversed(ways) if is_reversed else ways:
        if name not in skipped:
            found |= ways[name]()
    return found


def measured(given: argparse.Namespace, megapixels: float, export: Path, place: Path) -> Measured:
    """Measure all ways with the photos of one size."""
    first = different(given, megapixels, place)
    rounds = earlier_rounds(given.keep, megapixels)
    if given.work:
        given.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        here = Path(folder)
        make_photos(first, here / "photos", given.photos)
        for path in first:
            path.read_bytes()  # Into the page cache.
        predictor = Predictor(export, n_threads=1)
        decode(here / "photos", predictor, most=200)  # Starts the process that decodes.
        for _ in range(given.rounds):
            is_reversed = len(rounds) % 2 == 1
            made = one_round(here, export, given.mode, is_reversed=is_reversed, skipped=given.skip)
            rounds.append(made)
            if given.keep:
                ways = {name: asdict(timed) for name, timed in made.items()}
                with given.keep.open("a") as kept_rounds:
                    kept_rounds.write(json.dumps({"megapixels": megapixels, "ways": ways}) + "\n")
    n_bytes = statistics.mean(path.stat().st_size for path in first)
    return Measured(megapixels, n_bytes / 1000, given.photos, rounds)


def earlier_rounds(file: Path | None, megapixels: float) -> list[dict[str, Timed]]:
    if file is None or not file.is_file():
        return []
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    ways = [each["ways"] for each in lines if each["megapixels"] == megapixels]
    return [{name: Timed(**each[name]) for name in each} for each in ways]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--different", type=int, default=N_DIFFERENT, help="Photos that are not the same.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], help="What is not timed: decode in full, ...")
    parser.add_argument("--size-px", type=int, default=160)
    parser.add_argument("--export", type=Path, help="An export to sort with. Default: lite0, random weights.")
    parser.add_argument("--source", type=Path, help="A folder of real photos. Default: drawn photos.")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[2.0], help="One size or several.")
    parser.add_argument("--grain", type=float, default=drawn.GRAIN, help="Of enlarged photos, of 255.")
    parser.add_argument("--mode", choices=MODES[:4], default="copy", help="How photos get into the albums.")
    parser.add_argument("--work", type=Path, help="Where the photos are written, to keep them.")
    parser.add_argument("--keep", type=Path, help="A file to which rounds are added.")
    given = parser.parse_args()
    if given.work:
        given.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        export = given.export or Path(folder) / "export"
        if given.export is None:
            write_export(export, given.size_px)
        print(f"{given.photos} photos at {opening.card(export).image_size_px} px, {os.cpu_count()} cores")
        versions = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "Pillow"))
        print(f"Python {platform.python_version()}, {versions}")
        sizes = []
        for megapixels in given.megapixels:
            sizes.append(measured(given, megapixels, export, given.work or Path(folder)))
            report(sizes[-1])
    report_shares(sizes)
    found = {"n_photos": given.photos, "mode": given.mode, "grain": given.grain}
    print(json.dumps({"bench": "sort", **found, "sizes": [each.to_json() for each in sizes]}))


def report(size: Measured) -> None:
    """Print a table of all ways for one size."""
    n_kb = f"{size.kb_each:,.0f} KB a photo"
    print(f"\n{size.megapixels:g} megapixels, {n_kb}, {len(size.rounds)} rounds")
    print(f"{'':18}{'photos/s':>10}{'CPU ms/photo':>14}{'of the speed of decoding':>26}{'by CPU time':>20}")
    for name, row in size.rows().items():
        by_time, by_cpu = (_spread(each) for each in (row.ratios, row.cpu_ratios))
        print(f"{name:18}{row.photos_per_s:10.1f}{row.cpu_ms:14.2f}{by_time:>26}{by_cpu:>20}")
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in size.parts_s().items())
    print(f"sorting: {parts}")


def report_shares(sizes: Sequence[Measured]) -> None:
    """Print what decoding is of sorting, for each size."""
    columns = ("decode", "sort", "share", "sort --int8", "share", "decode in full", "of sort")
    print("\nCPU ms a photo, and decoding as a share of sorting")
    print(f"{'megapixels':>10}{'KB':>8}" + "".join(f"{each:>16}" for each in columns))
    for each in sizes:
        cpu = {name: row.cpu_ms for name, row in each.rows().items()}
        alone, whole = cpu["decode"], cpu["sort"]
        small, full = (cpu.get(name, math.nan) for name in ("sort --int8", "decode in full"))
        values = (alone, whole, alone / whole, small, alone / small, full, full / whole)
        print(f"{each.megapixels:10g}{each.kb_each:8,.0f}" + "".join(f"{value:16.2f}" for value in values))


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    main()
