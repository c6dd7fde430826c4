"""The ways to predict with an export for `bench/parity.py`: Python, HTTP, its bundle, and a browser."""

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
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


def of_predictor(photos: Sequence[bytes], out: Path) -> np.ndarray:
    from peakid.serve.predictor import Predictor

    predictor = Predictor(out)
    answers = predictor.predict(photos, top=len(predictor.class_names))
    return table(
        [{each.label: each.probability for each in answer.top} for answer in answers], predictor.class_names
    )


def of_server(photos: Sequence[bytes], out: Path) -> np.ndarray:
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
        for data in photos:
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


def unpacked(out: Path) -> Path:
    """Write the bundle of an export, and return where it is unpacked."""
    from peakid.serve.bundle import bundle
    from peakid.serve.bundle.model_card import ModelFacts

    folder = out / "bundle"
    if not (folder / "verify.py").is_file():
        bundle.write(out, out / "bundle.zip", ModelFacts(title="Parity"))
        with zipfile.ZipFile(out / "bundle.zip") as archive:
            archive.extractall(folder)
    return folder


def of_bundle(photos: Sequence[bytes], out: Path, python: str) -> np.ndarray:
    """Predict with the unpacked bundle in an environment without Peakid, where verify.py must pass."""
    folder, written = unpacked(out), out / "photos"
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir()
    for n, data in enumerate(photos):
        (written / f"{n:05d}").write_bytes(data)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    check = [python, "verify.py"]
    subprocess.run(check, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    command = [python, "-c", WITHOUT_PEAKID, str(written)]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return np.array(json.loads(done.stdout))


def of_page(photos: Sequence[bytes], out: Path, chromium: str) -> np.ndarray:
    """Predict with the page of the unpacked bundle in a browser, through a server for files only."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    server = subprocess.Popen(
        command, cwd=unpacked(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            while not answers(port, "/web/"):
                time.sleep(0.2)
            page.goto(f"http://127.0.0.1:{port}/web/")
            found = [page.evaluate(IN_BROWSER, base64.b64encode(data).decode()) for data in photos]
            browser.close()
        return np.array(found)
    finally:
        server.terminate()
        server.wait(30)


def table(found: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    return np.array([[answer[name] for name in names] for answer in found])


def ways(python: str, chromium: str) -> dict[str, Callable[[Sequence[bytes], Path], np.ndarray]]:
    """Return the ways that are asked for, by their names in the table."""
    found: dict[str, Callable[[Sequence[bytes], Path], np.ndarray]] = {
        "Python (Predictor)": of_predictor,
        "HTTP server": of_server,
    }
    if python:
        found["bundle without Peakid"] = lambda photos, out: of_bundle(photos, out, python)
    if chromium:
        found["page of the bundle in Chromium"] = lambda photos, out: of_page(photos, out, chromium)
    return found
