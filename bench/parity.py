"""Every export format against the run: `python bench/parity.py --data DIR --weights DIR --arch NAME ...`.

A linear head (the small networks: the whole network) is trained on photos of one data set, with Peakid's own
training. Each format is written from it at temperature 1.5, read again, and predicts the validation photos
from their bytes; the run's stored predictions are brought to that temperature. Then the same photos go
through the Python predictor, the HTTP server, and the bundle in an environment without Peakid (`--python`:
one with ONNX Runtime, NumPy and Pillow), where `verify.py` must pass too, and through the page of the bundle
in Chromium (`--chromium`). Accuracies are on the labels of these photos. A network without a weights file in
`--weights` is trained for two epochs from random weights; the table says so.
"""

import argparse
import base64
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
warnings.simplefilter("ignore", FutureWarning)

SEED, TEMPERATURE, N_TRAIN, SMALL = 0, 1.5, 90, ("small_resnet", "plain_cnn")
SIZES_PX = {"timm/tf_efficientnet_lite0": 128, "vgg16": 64, "small_resnet": 64, "plain_cnn": 64}
OTHER_SIZE_PX = 96
WITHOUT_PEAKID = """
import json, pathlib, sys
from model import Model
model = Model()
photos = sorted(pathlib.Path(sys.argv[1]).iterdir())
found = [model.probabilities(each.read_bytes()).tolist() for each in photos]
assert "peakid" not in sys.modules
print(json.dumps(found))
"""
IN_BROWSER = """async (content) => {
  const { Model } = await import("model");
  globalThis.asked ??= await Model.load(async (name) =>
    new Uint8Array(await (await fetch(`../${name}`)).arrayBuffer()));
  return globalThis.asked.probabilities(Uint8Array.from(atob(content), (each) => each.charCodeAt(0)));
}"""


@dataclass(frozen=True)
class Row:
    """One way to predict, compared with the run."""

    arch: str
    weights: str
    dataset: str
    way: str
    n: int
    max_abs_diff: float
    agreement: float
    agreement_interval: tuple[float, float]
    accuracy: float
    accuracy_of_run: float
    megabytes: float = 0.0
    write_s: float = 0.0


@dataclass(frozen=True)
class Case:
    """A trained run and the photos to compare on: `expected` at the temperature, (n, K)."""

    arch: str
    weights: str
    dataset: str
    photos: list[bytes]
    expected: np.ndarray
    labels: np.ndarray

    def row(self, way: str, found: np.ndarray, megabytes: float = 0.0, write_s: float = 0.0) -> Row:
        from peakid.evaluate.intervals import wilson

        chosen, by_run = found.argmax(axis=1), self.expected.argmax(axis=1)
        same = chosen == by_run
        interval = wilson(int(same.sum()), len(same))
        accuracies = float((chosen == self.labels).mean()), float((by_run == self.labels).mean())
        difference = float(np.abs(found - self.expected).max())
        names = (self.arch, self.weights, self.dataset, way)
        agreed = float(same.mean()), (float(interval[0]), float(interval[1]))
        return Row(*names, len(found), difference, *agreed, *accuracies, megabytes, write_s)


def listed(dataset: str, data: Path, work: Path) -> list[tuple[str, Path]]:
    """Return (class, file) of a data set in an order that the seed decides."""
    if dataset == "demo":
        from peakid.demo import dataset as demo

        root = work / "demo" / "photos"
        if not root.is_dir():
            demo.draw(work / "demo", n_images=330, seed=SEED)
    else:
        root = data / {"otters": "otters", "intel6": "intel6/seg_train"}[dataset]
    found = sorted((file.parent.name, file) for file in root.glob("*/*") if file.is_file())
    return [found[n] for n in np.random.default_rng(SEED).permutation(len(found))]


def readable(files: Sequence[tuple[str, Path]], n: int) -> list[tuple[str, Path]]:
    from peakid.errors import UnreadableImage
    from peakid.imaging import gate, pixels

    found: list[tuple[str, Path]] = []
    for name, file in files:
        try:
            gate.call(pixels.preprocess, file.read_bytes(), size_px=32, resize="crop")
        except UnreadableImage:
            continue
        found.append((name, file))
        if len(found) == n:
            break
    return found


def trained(arch: str, dataset: str, arguments: argparse.Namespace, folder: Path) -> tuple[Case, list[bytes]]:
    """Train, and return the case with the bytes of the training photos."""
    from peakid.job_settings import JobSettings
    from peakid.learn import train
    from peakid.learn.batches.data import TrainingImages
    from peakid.learn.export import export
    from peakid.recipe import architectures, weight_files
    from peakid.recipe.recipe import Recipe
    from peakid.records import no_report

    chosen = readable(listed(dataset, arguments.data, arguments.work), N_TRAIN + arguments.images)
    names = sorted({name for name, _ in chosen})
    content = {f"{n:05d}": file.read_bytes() for n, (_, file) in enumerate(chosen)}
    splits = ["train" if n < N_TRAIN else "valid" for n in range(len(chosen))]
    labels = np.array([names.index(name) for name, _ in chosen])
    images = TrainingImages(list(content), labels, splits, names, content.__getitem__)
    named = arch.partition("_")[0]
    files = [*weight_files.packaged(architectures.find(arch)), *arguments.weights.glob(f"*{named}*")]
    file = next(iter(files), None)
    values = {"arch": arch, "image_size_px": SIZES_PX.get(arch, OTHER_SIZE_PX), "device": "cpu", "seed": SEED}
    is_pretrained = file is not None and arch not in SMALL
    values |= {"pretrained": str(file) if is_pretrained else "none"}
    values |= {"method": "linear-head"} if is_pretrained else {"scratch_epochs": 3 if arch in SMALL else 2}
    result = train.train(
        images,
        Recipe.model_validate(values),
        folder=folder,
        cache_dir=folder.parent / "cache",
        settings=JobSettings(),
        report=no_report,
        on_epoch=lambda metrics: None,
        should_stop=lambda: False,
    )
    digests, pred_probs = result.pred_probs["valid"]
    weights = "trained here" if arch in SMALL else "ImageNet" if file else "2 epochs from random"
    photos = [content[digest] for digest in digests]
    expected = export.scaled(np.asarray(pred_probs), TEMPERATURE)
    label_of = dict(zip(content, labels, strict=True))
    case = Case(arch, weights, dataset, photos, expected, np.array([label_of[digest] for digest in digests]))
    return case, [content[digest] for digest, split in zip(content, splits, strict=True) if split == "train"]


def of_formats(case: Case, training: list[bytes], folder: Path, out: Path) -> list[Row]:
    """Write, read and compare each format; leave ONNX and the card in `out`."""
    from peakid.learn.export import formats, proof
    from peakid.learn.export.trained import TrainedModel
    from peakid.learn.network import model as models
    from peakid.recipe import export_formats

    network, of_run = models.load(folder)
    card = replace(of_run, temperature=TEMPERATURE)
    batches = list(proof.decoded([("", data) for data in case.photos], card))
    model = TrainedModel(
        network, card, folder, calibration=lambda: proof.decoded([("", data) for data in training], card)
    )
    rows = []
    for name in export_formats.FORMATS:
        if not export_formats.is_available(name):
            continue
        files = [out / each for each in export_formats.files_of(name)]
        started = time.monotonic()
        formats.WRITERS[name](model, files[0])
        seconds = time.monotonic() - started
        predict = formats.READERS[name](files[0], card)
        found = np.concatenate([predict(batch) for batch in batches])
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        rows.append(shown(case.row(name, found, megabytes, seconds)))
        if name == "torchscript":
            in_full = decoded_in_full(files[0], case.photos)
            rows.append(shown(case.row("torchscript, photos decoded in full", in_full)))
        for file in files if name != "onnx" else []:
            file.unlink()  # Files of VGG are large.
    write_card(out, card)
    return rows


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


def of_predictor(case: Case, out: Path) -> np.ndarray:
    from peakid.serve.predictor import Predictor

    predictor = Predictor(out)
    answers = predictor.predict(case.photos, top=len(predictor.class_names))
    return table(
        [{each.label: each.probability for each in answer.top} for answer in answers], predictor.class_names
    )


def of_server(case: Case, out: Path) -> np.ndarray:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    names = json.loads((out / "card.json").read_text())["class_names"]
    command = [sys.executable, "-m", "peakid", "serve", str(out), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not answers(port) and time.monotonic() < deadline:
            time.sleep(0.3)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        found = []
        for data in case.photos:
            head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
            body = head + b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--x--\r\n"
            connection.request(
                "POST",
                f"/predict?top={len(names)}",
                body,
                {"Content-Type": "multipart/form-data; boundary=x"},
            )
            document = json.loads(connection.getresponse().read())
            [answer] = document["predictions"] if isinstance(document, dict) else document
            found.append({each["label"]: each["probability"] for each in answer["top"]})
        return table(found, names)
    finally:
        server.terminate()
        server.wait(30)


def answers(port: int, path: str = "/health") -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False


def of_bundle(case: Case, out: Path, python: str) -> np.ndarray:
    """Predict with the unpacked bundle in an environment without Peakid, where verify.py must pass."""
    from peakid.serve.bundle import bundle
    from peakid.serve.bundle.model_card import ModelFacts

    folder = out / "bundle"
    bundle.write(out, out / "bundle.zip", ModelFacts(title=case.dataset))
    with zipfile.ZipFile(out / "bundle.zip") as archive:
        archive.extractall(folder)
    photos = out / "photos"
    photos.mkdir()
    for n, data in enumerate(case.photos):
        (photos / f"{n:05d}").write_bytes(data)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    check = [python, "verify.py"]
    subprocess.run(check, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    command = [python, "-c", WITHOUT_PEAKID, str(photos)]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return np.array(json.loads(done.stdout))


def of_page(case: Case, out: Path, chromium: str) -> np.ndarray:
    """Predict with the page of the unpacked bundle in a browser, through a server for files only."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    server = subprocess.Popen(
        command, cwd=out / "bundle", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            while not answers(port, "/web/"):
                time.sleep(0.2)
            page.goto(f"http://127.0.0.1:{port}/web/")
            found = [page.evaluate(IN_BROWSER, base64.b64encode(data).decode()) for data in case.photos]
            browser.close()
        return np.array(found)
    finally:
        server.terminate()
        server.wait(30)


def table(found: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    return np.array([[answer[name] for name in names] for answer in found])


def shown(row: Row) -> Row:
    size = f" | {row.megabytes:.1f} | {row.write_s:.0f}" if row.megabytes else " | | "
    print(
        f"| {row.arch} ({row.weights}) | {row.dataset} | {row.way} | {row.n} | {row.max_abs_diff:.1e}"
        f" | {row.agreement:.1%} ({row.agreement_interval[0]:.1%}-{row.agreement_interval[1]:.1%})"
        f" | {row.accuracy_of_run:.1%} | {row.accuracy:.1%}{size} |",
        flush=True,
    )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="The folder with otters/ and intel6/.")
    parser.add_argument("--weights", type=Path, required=True, help="A folder of weights files.")
    parser.add_argument("--work", type=Path, required=True, help="Where the demo is drawn once.")
    parser.add_argument("--arch", nargs="+", required=True)
    parser.add_argument("--dataset", nargs="+", default=["otters", "intel6", "demo"])
    parser.add_argument("--images", type=int, default=200, help="Most validation photos.")
    parser.add_argument("--python", default="", help="A Python without Peakid, for the bundle.")
    parser.add_argument("--chromium", default="", help="A browser for the page of the bundle.")
    arguments = parser.parse_args()
    print(
        "| network | data | way | n | largest difference | same first choice (Wilson 95 %)"
        " | accuracy of the run | of this way | MB | s to write |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows: list[Row] = []
    for arch in arguments.arch:
        for dataset in arguments.dataset:
            with tempfile.TemporaryDirectory() as text:
                folder, out = Path(text) / "run", Path(text) / "export"
                out.mkdir()
                case, training = trained(arch, dataset, arguments, folder)
                rows += of_formats(case, training, folder, out)
                ways: dict[str, Callable[[], np.ndarray]] = {
                    "Python (Predictor)": lambda case=case, out=out: of_predictor(case, out),
                    "HTTP server": lambda case=case, out=out: of_server(case, out),
                }
                if arguments.python:
                    ways["bundle without Peakid"] = lambda case=case, out=out: of_bundle(
                        case, out, arguments.python
                    )
                    if arguments.chromium:
                        ways["page of the bundle in Chromium"] = lambda case=case, out=out: of_page(
                            case, out, arguments.chromium
                        )
                rows += [shown(case.row(way, predict())) for way, predict in ways.items()]
    packages = ("torch", "onnx", "onnxruntime", "fastai", "timm", "numpy", "pillow")
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    print(json.dumps({"seed": SEED, "versions": versions, "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
