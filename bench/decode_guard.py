"""Decode hostile files by every route, and photos with and without the guard: `python bench/decode_guard.py`

Each file goes through an import, `predict`, and the image routes of the page, each in a process of its own.
Memory is that of this process and of the one that decodes for it together, looked at every 20 ms. `--data
FOLDER` has real photos; without it photos are drawn.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import photos

from tests import hostile_images

ROUTES = ("import", "predict", "page")
LIMIT_BYTES = 1.2e9
# Two attempts of 5 s each, and the starts of Python and the libraries on a busy machine. A page asks twice.
LIMIT_S = {"import": 45.0, "predict": 45.0, "page": 80.0}
SIZE_PX = 224
GOOD_PX = 640


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of real photos")
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--only", help="name of one hostile file")
    parser.add_argument("--one", nargs=2, metavar=("ROUTE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(options.one[0], Path(options.one[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        hostile = _hostile(Path(folder), options.only)
        cost = {} if options.only else _cost_of_guard(Path(folder), options.data, options.photos)
    bad = [
        row
        for row in hostile
        if row["bytes"] > LIMIT_BYTES or row["s"] > LIMIT_S[row["route"]] or not row["next"]
    ]
    document = {"bench": "decode_guard", "hostile": hostile, "cost": cost, "bad": bad, "machine": _machine()}
    print(json.dumps(document))
    sys.exit(bool(bad))


def _hostile(folder: Path, only: str | None) -> list[dict[str, object]]:
    rows = []
    for name, make in hostile_images.bombs().items():
        if only in (None, name):
            file = folder / name.replace(" ", "_")
            file.write_bytes(make())
            for route in ROUTES:
                row = {
                    "file": name,
                    "route": route,
                    "file_bytes": file.stat().st_size,
                    **_watched(route, file),
                }
                rows.append(row)
                mb = row["bytes"] / 1e6
                print(f"{name:13} {route:8} {mb:6.0f} MB {row['s']:5.1f} s  {row['result']}", flush=True)
    return rows


def _watched(route: str, file: Path) -> dict[str, object]:
    """Run one file by one route in a process of its own; add its peak memory, with all its children."""
    began = time.monotonic()
    command = [sys.executable, __file__, "--one", route, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peaks = [0]
    watch = threading.Thread(target=_watch, args=(psutil.Process(process.pid), peaks))
    watch.start()
    out, _ = process.communicate()
    watch.join()
    return {**json.loads(out.splitlines()[-1]), "bytes": peaks[0], "s": time.monotonic() - began}


def _watch(process: psutil.Process, peaks: list[int]) -> None:
    held = 1
    while held:
        held = sum(_held(each) for each in [process, *_children(process)])
        peaks[0] = max(peaks[0], held)
        time.sleep(0.02)


def _held(process: psutil.Process) -> int:
    """Return the memory of a process, 0 once it has ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _one(route: str, file: Path) -> dict[str, object]:
    """Decode a hostile file and then a good one by one route."""
    good = _jpeg()
    with tempfile.TemporaryDirectory() as folder:
        result, is_next = {"import": _import, "predict": _predict, "page": _page}[route](
            Path(folder), file.read_bytes(), good
        )
    return {"result": result, "next": is_next}


def _import(folder: Path, hostile: bytes, good: bytes) -> tuple[str, bool]:
    from peakid.acquire.folder import import_folder
    from peakid.store.workspace import create

    (folder / "photos").mkdir()
    (folder / "photos" / "a").write_bytes(hostile)
    (folder / "photos" / "b.jpg").write_bytes(good)
    report = import_folder(create(folder / "workspace"), folder / "photos", actor="human:bench")
    refused = {row.path: f"{row.reason}: {row.detail}" for row in report.rejections}
    return refused.get("a", "read"), "b.jpg" not in refused


def _predict(folder: Path, hostile: bytes, good: bytes) -> tuple[str, bool]:
    from peakid.serve.predictor import Predictor

    first, second = Predictor(export(folder / "export")).predict([hostile, good])
    return str(first.error or "read"), second.error is None


def _page(folder: Path, hostile: bytes, good: bytes) -> tuple[str, bool]:
    """Ask for the thumbnail, which is missing, and the picture as a JPEG; the rows are those of TIFFs."""
    from dataclasses import replace

    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from peakid.imaging import inspection
    from peakid.store import images
    from peakid.store.workspace import create
    from peakid.web import routes

    workspace, said = create(folder / "workspace"), []
    client = TestClient(Starlette(routes=routes.build(lambda _request: workspace)))
    for data in (hostile, good):
        digest = inspection.digest_of(data)
        row = replace(inspection.inspect(good), digest=digest, format="TIFF")
        images.store(workspace, row, data)
        images.thumbnail_path(workspace, digest).unlink()
        with workspace.transaction() as connection:
            images.add(connection, row)
        answers = [client.get(f"/{kind}/{digest}") for kind in ("thumb", "image")]
        said.append(" and ".join(str(answer.status_code) for answer in answers))
    return said[0], said[1] == "200 and 200"


def export(folder: Path) -> Path:
    """Write an export whose probabilities are the shares of red, green and blue."""
    import onnx
    from onnx import TensorProto, helper

    from peakid.imaging import pixels

    folder.mkdir()
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Softmax", ["means"], ["probabilities"]),
    ]
    inputs = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIZE_PX, SIZE_PX, 3])
    outputs = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    graph = helper.make_graph(nodes, "shares", [inputs], [outputs], [axes])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        folder / "model.onnx",
    )
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    card = {
        "class_names": ["red", "green", "blue"],
        "image_size_px": SIZE_PX,
        "resize": "crop",
        "pixels_version": pixels.VERSION,
        "files": [{"name": "model.onnx", "format": "onnx", "sha256": sha256, "bytes": 1}],
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def _cost_of_guard(folder: Path, data: Path | None, n: int) -> dict[str, float]:
    """Return photos a second with and without the guard: medians of five turns, taken alternately."""
    from peakid.imaging import gate, pixels
    from peakid.serve.predictor import Predictor

    files = photos.from_folder(data, folder / "p", n) if data else photos.draw(folder / "p", n)
    read = [file.read_bytes() for file in files]
    tiffs = [_as_tiff(each) for each in read[: n // 6]]
    predictor = Predictor(export(folder / "export"))

    def in_process() -> None:
        for each in read:
            predictor.pred_probs(pixels.preprocess(each, size_px=SIZE_PX, resize="crop")[None])

    def one_by_one() -> None:
        for each in read:
            predictor.predict([each])

    works: dict[str, tuple[int, Callable[[], object]]] = {
        "predict, in this process, one by one": (n, in_process),
        "predict, guarded, one by one": (n, one_by_one),
        "predict, guarded, together": (n, lambda: predictor.predict(read)),
        "TIFF to JPEG, in this process": (
            len(tiffs),
            lambda: [pixels.as_jpeg(t, longest_px=4096) for t in tiffs],
        ),
        "TIFF to JPEG, guarded": (
            len(tiffs),
            lambda: [gate.call(pixels.as_jpeg, t, longest_px=4096) for t in tiffs],
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in works}
    predictor.predict(read[:2])  # Starts the process.
    for _ in range(5):
        for name, (n_done, work) in works.items():
            began = time.monotonic()
            work()
            rates[name].append(n_done / (time.monotonic() - began))
    found = {name: statistics.median(each) for name, each in rates.items()}
    for name, rate in found.items():
        print(f"{name:38} {rate:6.1f} photos/s  ({min(rates[name]):.1f} to {max(rates[name]):.1f})")
    return found


def _as_tiff(data: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(out, "TIFF")
    return out.getvalue()


def _jpeg() -> bytes:
    coarse = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((GOOD_PX, GOOD_PX)).save(out, "JPEG")
    return out.getvalue()


def _machine() -> str:
    import PIL

    return f"{os.cpu_count()} cores, Python {platform.python_version()}, Pillow {PIL.__version__}"


if __name__ == "__main__":
    main()
