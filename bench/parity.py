"""Every export format against the run: `python bench/parity.py --data DIR --weights DIR --work DIR --arch A`.

A linear head (without weights of ImageNet: the whole network) is trained on photos of one data set, with
Peakid's own training. Each format is written from it at temperature 1.5; a fresh process reads the files and
predicts the validation photos from their bytes, and the run's stored predictions are brought to that
temperature. Then the same photos go through the Python predictor, the HTTP server, the bundle in an
environment without Peakid (`--python`: one with ONNX Runtime, NumPy and Pillow), where `verify.py` must pass
too, and through the page of the bundle in Chromium (`--chromium`). Accuracies are on the labels of these
photos. A network without a weights file in `--weights` is trained from random weights; the table says so.

What a case has is kept in `--work`: a run that was stopped, or stopped by `--seconds`, goes on where it was,
and nothing is trained, written or predicted again. One run works on a case at a time.
"""

import argparse
import contextlib
import fcntl
import json
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
warnings.simplefilter("ignore", FutureWarning)

import parity_ways
from parity_cases import SEED, TEMPERATURE, Case, Row, case_of, show

PACKAGES = ("torch", "onnx", "onnxruntime", "openvino", "litert-torch", "fastai", "timm", "numpy", "pillow")
IN_FULL = "torchscript, photos decoded in full"


class OutOfTime(Exception):
    """The seconds of this run are used up; the next one goes on."""


class Clock:
    """The CPU seconds that a run may take with its processes. 0 = no limit."""

    def __init__(self, seconds: float) -> None:
        self._most = seconds or float("inf")

    def check(self) -> None:
        used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        if sum(each.ru_utime + each.ru_stime for each in used) > self._most:
            raise OutOfTime


def write(case: Case, formats_asked: Sequence[str], clock: Clock) -> list[str]:
    """Write each format that has no row; return the formats that are there and have none."""
    from peakid.learn.export import formats, proof
    from peakid.learn.export.trained import TrainedModel
    from peakid.learn.network import model as models
    from peakid.recipe import export_formats

    known = case.rows()
    asked = [name for name in export_formats.FORMATS if name in formats_asked and name not in known]
    asked = [name for name in asked if export_formats.is_available(name)]
    left = [name for name in asked if not (case.folder / f"{name}.seconds").is_file()]
    if not left:
        return asked
    network, of_run = models.load(case.folder / "run")
    card = replace(of_run, temperature=TEMPERATURE)
    model = TrainedModel(
        network,
        card,
        case.folder / "run",
        calibration=lambda: proof.decoded([("", data) for data in case.photos("train")], card),
    )
    for name in left:
        clock.check()
        started = time.monotonic()
        with contextlib.redirect_stdout(sys.stderr):  # The converter of LiteRT tells each step.
            formats.WRITERS[name](model, case.out / export_formats.FILE_NAMES[name])
        if name == "onnx":
            write_card(case.out, card)
        (case.folder / f"{name}.seconds").write_text(f"{time.monotonic() - started:.1f}")
    return asked


def read_fresh(written: Mapping[str, list[str]], cases: Mapping[str, Case]) -> None:
    """Let one fresh process predict with the files of all cases, and compare what it found.

    Args:
        written: Formats to read, by the folder of the case.
    """
    from peakid.recipe import export_formats

    asked = {folder: names for folder, names in written.items() if names}
    if not asked:
        return
    command = [sys.executable, __file__, "--read", json.dumps(asked)]
    subprocess.run(command, check=True)
    for folder, names in asked.items():
        case = cases[folder]
        for name in [*names, *([IN_FULL] if "torchscript" in names else [])]:
            files = [case.out / each for each in export_formats.files_of(name)] if name in names else []
            megabytes = sum(file.stat().st_size for file in files) / 1e6
            seconds = float((case.folder / f"{name}.seconds").read_text()) if name in names else 0.0
            case.add(name, np.load(found_file(case.folder, name)), megabytes, seconds)
            found_file(case.folder, name).unlink()
            for file in files if name != "onnx" else []:
                file.unlink()  # Files of VGG are large.


def found_file(folder: Path, name: str) -> Path:
    return folder / f"found-{name.replace(', ', '-').replace(' ', '-')}.npy"


def read(folder: Path, names: Sequence[str]) -> None:
    """Predict the photos of a case with its files, as the fresh process does."""
    from peakid.learn.export import formats, proof
    from peakid.learn.network import model as models
    from peakid.recipe import export_formats

    _, of_run = models.load(folder / "run")
    card = replace(of_run, temperature=TEMPERATURE)
    photos = [file.read_bytes() for file in sorted((folder / "valid").iterdir())]
    batches = list(proof.decoded([("", data) for data in photos], card))
    for name in names:
        if found_file(folder, name).is_file():
            continue  # Of a process that was stopped.
        file = folder / "export" / export_formats.FILE_NAMES[name]
        predict = formats.READERS[name](file, card)
        if name == "torchscript":
            np.save(found_file(folder, IN_FULL), decoded_in_full(file, photos))
        np.save(found_file(folder, name), np.concatenate([predict(batch) for batch in batches]))


def decoded_in_full(file: Path, photos: Sequence[bytes]) -> np.ndarray:
    """Predict as an application for a scripted predictor does: a whole photo as a float tensor."""
    import torch

    from peakid.imaging import gate, pixels

    module, found = torch.jit.load(file), []
    with torch.inference_mode():
        for data in photos:
            photo = np.array(gate.call(pixels.decode, data))
            found.append(module(torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255)[0].numpy())
    return np.stack(found)


def write_card(out: Path, card: object) -> None:
    import hashlib

    sha256 = hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()
    files = [{"name": "model.onnx", "format": "onnx", "sha256": sha256, "bytes": 1}]
    facts = {"threshold": 0.0, "temperature": 1.0}
    document = {**asdict(card), "files": files, "facts": facts}  # ty: ignore[invalid-argument-type]
    (out / "card.json").write_text(json.dumps(document))


def compare(
    asked: Sequence[tuple[str, str]], arguments: argparse.Namespace, clock: Clock
) -> tuple[list[Row], bool]:
    """Return the rows of all cases, also of earlier runs, and whether none is missing."""
    cases: dict[str, Case] = {}
    written: dict[str, list[str]] = {}
    is_complete = False
    with contextlib.suppress(OutOfTime):
        for arch, dataset in asked:
            clock.check()
            case = case_of(arch, dataset, arguments)
            cases[str(case.folder)] = case
            for row in case.rows().values():
                show(row)
            written[str(case.folder)] = write(case, arguments.formats, clock)
        is_complete = True
    read_fresh(written, cases)
    if is_complete:
        is_complete = predict_all_ways(list(cases.values()), arguments, clock)
    return [row for case in cases.values() for row in case.rows().values()], is_complete


def predict_all_ways(cases: Sequence[Case], arguments: argparse.Namespace, clock: Clock) -> bool:
    """Predict in the ways that have no row; return whether all have one then."""
    with contextlib.suppress(OutOfTime):
        for case in cases:
            known = case.rows()
            for way, predict in parity_ways.ways(arguments.python, arguments.chromium).items():
                if way not in known:
                    clock.check()
                    case.add(way, predict(case.photos(), case.out))
        return True
    return False


@contextlib.contextmanager
def alone(work: Path, name: str) -> Generator[None]:
    """Wait until no other run works on a case."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / f"{name.replace('/', '-')}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    from peakid.recipe.export_formats import FORMATS

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="The folder with otters/ and intel6/.")
    parser.add_argument("--weights", type=Path, help="A folder of weights files.")
    parser.add_argument("--work", type=Path, help="Where the cases are kept, and the demo is drawn once.")
    parser.add_argument("--arch", nargs="+", default=[])
    parser.add_argument("--dataset", nargs="+", default=["otters", "intel6", "demo"])
    parser.add_argument("--formats", nargs="+", default=list(FORMATS))
    parser.add_argument("--images", type=int, default=200, help="Most validation photos.")
    parser.add_argument("--python", default="", help="A Python without Peakid, for the bundle.")
    parser.add_argument("--chromium", default="", help="A browser for the page of the bundle.")
    parser.add_argument(
        "--seconds", type=float, default=0, help="Start nothing after so much CPU time. 0: no limit."
    )
    parser.add_argument("--read", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        for folder, names in arguments.read.items():
            read(Path(folder), names)
        return
    if None in (arguments.data, arguments.weights, arguments.work) or not arguments.arch:
        parser.error("--data, --weights, --work and --arch are needed")
    print(
        "| network | data | px | way | n | largest difference | mean | same first choice (Wilson 95 %)"
        " | accuracy of the run | of this way | lost, won | MB | s to write |"
    )
    print("|---" * 13 + "|")
    clock = Clock(arguments.seconds)
    asked = [(arch, dataset) for arch in arguments.arch for dataset in arguments.dataset]
    with contextlib.ExitStack() as locks:
        for arch, dataset in asked:
            locks.enter_context(alone(arguments.work, f"{arch}-{dataset}"))
        rows, is_complete = compare(asked, arguments, clock)
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    found = {"seed": SEED, "versions": versions, "is_complete": is_complete}
    found["rows"] = [asdict(row) for row in rows]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
