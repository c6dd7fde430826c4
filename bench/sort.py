"""Sort thousands of photos into albums, against decoding them alone: `python bench/sort.py [--photos 5000]`.

Decoding alone is the limit: the files are read and decoded to the pixels of the model, in the same guarded
process and with the same number of threads as in sorting. Sorting also hashes, predicts, plans and copies.
"Decode in full" is Pillow without any of this: all pixels of a photo, in threads of this process. All run in
turns, in an order that changes, and each figure is the median of the rounds. CPU time is that of this process
and of the process that decodes: it says what sorting costs where the machine has other work.
The photos are drawn and have two megapixels, or are those of --source, enlarged to --megapixels (0 = as they
are) and saved with qualities of 75 to 95. The model is timm's lite0 with random weights, or that of --export;
where that has an int8 file, sorting with it is timed too. "Sort again" has other rules, and nothing is new.
With --keep, rounds of earlier runs count too.
"""

import argparse
import io
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
from peakid.serve.albums.plan import AlbumRules
from peakid.serve.predictor import Predictor

ARCH, N_CLASSES = "timm/tf_efficientnet_lite0", 6
N_DRAWN, N_REAL = 250, 250  # Different photos; each is there several times under other names.


QUALITIES = (90, 75, 95, 85, 80)


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
    size = (round(width * scale), round(height * scale)) if given.megapixels else None
    if given.source:
        folder = folder.with_name(f"{given.source.name}-{given.megapixels:g}")
        return drawn.from_folder(given.source, folder, min(given.photos, N_REAL), size, QUALITIES)
    return drawn.draw(folder, min(given.photos, N_DRAWN), size or drawn.SIZE)


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


def decode_in_full(folder: Path) -> Timed:
    """Decode all pixels of each photo with Pillow, in a thread on each core."""

    def load(path: Path) -> None:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.convert("RGB")

    cpu, started = cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(load, sorted(folder.iterdir())))
    return Timed({"decode": time.perf_counter() - started}, cpu_seconds() - cpu)


def sort(folder: Path, predictor: Predictor, out: Path, *, threshold: float = 0.3) -> Timed:
    """Predict, plan and copy all photos of a folder, as `peakid sort` does."""
    cpu, times = cpu_seconds(), [time.perf_counter()]
    found, _ = kept.predict(predictor, folder, out)
    times.append(time.perf_counter())
    planned = plan.make(found, AlbumRules(threshold=threshold))
    times.append(time.perf_counter())
    done = writing.write(planned, folder, out)
    times.append(time.perf_counter())
    cpu = cpu_seconds() - cpu
    assert done.n_made + done.n_kept == len(found.paths)
    parts = zip(("predict", "plan", "write"), times[1:], times[:-1], strict=True)
    return Timed({name: end - start for name, end, start in parts}, cpu)


def sort_twice(folder: Path, predictor: Predictor, out: Path) -> dict[str, Timed]:
    first, again = sort(folder, predictor, out), sort(folder, predictor, out, threshold=0.5)
    shutil.rmtree(out)
    return {"sort": first, "sort again": again}


def has_int8(export: Path) -> bool:
    return any(each.format == "onnx-int8" for each in opening.card(export).files)


def one_round(here: Path, export: Path, *, is_reversed: bool, skipped: Sequence[str]) -> dict[str, Timed]:
    predictor = Predictor(export, n_threads=1)
    ways: dict[str, Callable[[], dict[str, Timed]]] = {
        "decode": lambda: {"decode": decode(here / "photos", predictor)},
        "sort": lambda: sort_twice(here / "photos", predictor, here / "albums"),
        "decode and hash": lambda: {"decode and hash": decode(here / "photos", predictor, hashes=True)},
        "decode in full": lambda: {"decode in full": decode_in_full(here / "photos")},
    }
    if has_int8(export):
        small = Predictor(export, n_threads=1, is_int8=True)
        ways["sort --int8"] = lambda: {
            "sort --int8": sort_twice(here / "photos", small, here / "albums")["sort"]
        }
    found: dict[str, Timed] = {}
    for name in reversed(ways) if is_reversed else ways:
        if name not in skipped:
            found |= ways[name]()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], help="What is not timed: decode in full, ...")
    parser.add_argument("--size-px", type=int, default=160)
    parser.add_argument("--export", type=Path, help="An export to sort with. Default: lite0, random weights.")
    parser.add_argument("--source", type=Path, help="A folder of real photos. Default: drawn photos.")
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--work", type=Path, help="Where the photos are drawn, to keep them for another run.")
    parser.add_argument("--keep", type=Path, help="A file to which rounds are added.")
    given = parser.parse_args()
    rounds = (
        [json.loads(line) for line in given.keep.read_text().splitlines()] if _is_file(given.keep) else []
    )
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        here = Path(folder)
        first = different(given, (given.work or here) / "drawn")
        make_photos(first, here / "photos", given.photos)
        export = given.export or here / "export"
        if given.export is None:
            write_export(export, given.size_px)
        for path in first:
            path.read_bytes()  # Into the page cache.
        predictor = Predictor(export, n_threads=1)
        decode(here / "photos", predictor, most=200)  # Starts the process that decodes.
        for _ in range(given.rounds):
            made = one_round(here, export, is_reversed=len(rounds) % 2 == 1, skipped=given.skip)
            rounds.append({name: asdict(timed) for name, timed in made.items()})
            if given.keep:
                with given.keep.open("a") as kept_rounds:
                    kept_rounds.write(json.dumps(rounds[-1]) + "\n")
    report([{name: Timed(**each[name]) for name in each} for each in rounds], given, predictor.image_size_px)


def _is_file(file: Path | None) -> bool:
    return file is not None and file.is_file()


def report(rounds: Sequence[dict[str, Timed]], given: argparse.Namespace, size_px: int) -> None:
    """Print a table and the JSON line."""
    n, median = given.photos, statistics.median
    of = f"{n} photos of {given.megapixels:g} megapixels at {size_px} px"
    print(f"{of}, {len(rounds)} rounds, {os.cpu_count()} cores")
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "Pillow"))
    print(f"Python {platform.python_version()}, {versions}")
    print(f"{'':18}{'photos/s':>10}{'CPU ms/photo':>14}{'of the speed of decoding':>26}{'by CPU time':>20}")
    rows = {}
    for name in rounds[0]:
        these = [each for each in rounds if name in each]
        speeds = [n / each[name].seconds for each in these]
        cpu = [1000 * each[name].cpu_s / n for each in these]
        by_time = [each["decode"].seconds / each[name].seconds for each in these]
        by_cpu = [each["decode"].cpu_s / each[name].cpu_s for each in these]
        rows[name] = {
            "photos_per_s": median(speeds),
            "cpu_ms": median(cpu),
            "ratio": median(by_time),
            "ratios": by_time,
            "cpu_ratio": median(by_cpu),
            "cpu_ratios": by_cpu,
        }
        spread = f"{median(by_time):.2f} ({min(by_time):.2f}-{max(by_time):.2f})"
        cpu_spread = f"{median(by_cpu):.2f} ({min(by_cpu):.2f}-{max(by_cpu):.2f})"
        print(f"{name:18}{median(speeds):10.1f}{median(cpu):14.2f}{spread:>26}{cpu_spread:>20}")
    parts = {name: median(each["sort"].wall_s[name] for each in rounds) for name in rounds[0]["sort"].wall_s}
    print("sorting: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items()))
    found = {"n_photos": n, "megapixels": given.megapixels, "size_px": size_px, "n_rounds": len(rounds)}
    print(json.dumps({"bench": "sort", **found, "rows": rows, "parts_s": parts}))


if __name__ == "__main__":
    main()
