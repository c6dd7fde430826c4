"""The prediction server beside a plain torch server and LitServe: `python bench/serve.py --data FOLDER`.

All three serve the same weights (timm's lite0 at 224 px, random unless --weights names a state_dict) and get
the same photos, one in each request, from 1, 8 and 32 clients whose connections stay open. The plain server
is what small applications do: one process, with Pillow, torchvision's transforms and the model in the
endpoint. LitServe is measured where it is installed, or where BENCH_LITSERVE_PATH says. Every round starts
with another server, and each figure is the median of the rounds. "CPU ms" is the time of all processes of a
server for one request, which other work on the machine changes less than the rate. With the defaults it takes
seven to eight minutes on two cores without other work.
"""

import argparse
import datetime
import http.client
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SIZE_PX, N_CLASSES, ARCH = 224, 6, "tf_efficientnet_lite0"
CLIENTS = (1, 8, 32)
NAMES = {"peakid": "Peakid", "plain": "torch + Starlette", "litserve": "LitServe"}

COMMON = f"""
import io, os, sys
import numpy as np, timm, torch
from PIL import Image
from torchvision import transforms
model = timm.create_model("{ARCH}", num_classes={N_CLASSES}).eval()
model.load_state_dict(torch.load(os.environ["BENCH_WEIGHTS"], weights_only=True))
prepare = transforms.Compose([
    transforms.Resize({SIZE_PX}), transforms.CenterCrop({SIZE_PX}), transforms.ToTensor(),
    transforms.Normalize([0.5] * 3, [0.5] * 3)])
names = [f"class {{n}}" for n in range({N_CLASSES})]
"""
PLAIN = (
    COMMON
    + """
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def predict(request):
    form = await request.form()
    image = Image.open(io.BytesIO(await form["file"].read())).convert("RGB")
    with torch.inference_mode():
        found = model(prepare(image)[None]).softmax(1)[0].tolist()
    pairs = sorted(zip(names, found), key=lambda each: -each[1])
    return JSONResponse({"prediction": pairs[0][0], "probabilities": pairs})
async def health(request):
    return JSONResponse({})
uvicorn.run(Starlette(routes=[Route("/predict", predict, methods=["POST"]), Route("/health", health)]),
            port=int(sys.argv[1]), log_level="error", access_log=False)
"""
)
LITSERVE = (
    COMMON
    + """
import litserve
from fastapi import UploadFile
class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = model
    def decode_request(self, request: UploadFile):
        return prepare(Image.open(io.BytesIO(request.file.read())).convert("RGB"))
    def batch(self, inputs):
        return torch.stack(inputs)
    def predict(self, batch):
        with torch.inference_mode():
            return self.model(batch).softmax(1)
    def unbatch(self, output):
        return list(output)
    def encode_response(self, output):
        pairs = sorted(zip(names, output.tolist()), key=lambda each: -each[1])
        return {"prediction": pairs[0][0], "probabilities": pairs}
if __name__ == "__main__":
    server = litserve.LitServer(Api(max_batch_size=8, batch_timeout=0.005), accelerator="cpu")
    server.run(port=int(sys.argv[1]), host="127.0.0.1", log_level="error", generate_client_file=False)
"""
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def in_two_parts(network):
    """Return timm's network as a body and a head, as a run has it: the same arithmetic."""
    from torch import nn

    class Part(nn.Module):
        def __init__(self, method: str) -> None:
            super().__init__()
            self.network, self.method = network, method

        def forward(self, features):
            return getattr(self.network, self.method)(features)

    return nn.Sequential(Part("forward_features"), Part("forward_head"))


def write_models(folder: Path, weights: Path | None) -> None:
    """Write the same weights for the peers and as an export of Peakid."""
    import timm
    import torch

    from peakid.export_records import NO_FIGURES
    from peakid.imaging import pixels
    from peakid.learn.export import export, formats
    from peakid.learn.network.model import Card

    torch.manual_seed(0)
    network = timm.create_model(ARCH, num_classes=N_CLASSES)
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True))
    torch.save(network.state_dict(), folder / "weights.pt")
    half = (0.5, 0.5, 0.5)
    names = [f"class {n}" for n in range(N_CLASSES)]
    card = Card(f"timm/{ARCH}", names, SIZE_PX, "crop", half, half, pixels.VERSION, {}, "", {})
    out = folder / "export"
    out.mkdir()
    trained = formats.TrainedModel(in_two_parts(network.eval()), card, folder)
    formats.WRITERS["onnx"](trained, out / "model.onnx")  # Without the proof, which needs a run.
    listed = export._listed(out / "model.onnx", "onnx")
    export._write_card(out / "card.json", card, [listed], {}, NO_FIGURES)


def start(name: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    if name == "peakid":
        command = [sys.executable, "-m", "peakid", "serve", str(folder / "export"), "--port", str(port)]
    else:
        script = folder / f"{name}_server.py"
        script.write_text(PLAIN if name == "plain" else LITSERVE)
        command = [sys.executable, str(script), str(port)]
    extra = os.environ.get("BENCH_LITSERVE_PATH", "") if name == "litserve" else ""
    path = os.pathsep.join(each for each in (extra, str(ROOT)) if each)
    environment = {**os.environ, "PYTHONPATH": path, "BENCH_WEIGHTS": str(folder / "weights.pt")}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return process
        except OSError:
            pass
        time.sleep(0.2)
    stop(process)
    raise RuntimeError(f"{name} does not start")


def stop(process: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
    for child in children:
        if child.is_running():
            child.kill()


def body_of(photo: bytes, field: str) -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.jpg"\r\n'
    return head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--x--\r\n"


def load(
    port: int, bodies: Sequence[bytes], n_clients: int, *, seconds: float, n_requests: int | None = None
) -> tuple[float, list[float]]:
    """Send requests for some seconds, or a number of them; return requests a second and their times in s."""
    times: list[list[float]] = [[] for _ in range(n_clients)]
    end, left = time.monotonic() + seconds, [n_requests or 0]
    lock = threading.Lock()

    def client(number: int) -> None:
        rng = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            if n_requests is None and time.monotonic() > end:
                return
            if n_requests is not None:
                with lock:
                    left[0] -= 1
                    if left[0] < 0:
                        return
            began = time.perf_counter()
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            connection.request("POST", "/predict", rng.choice(bodies), headers)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise RuntimeError(f"status {response.status}")
            times[number].append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(n_clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flat = [each for part in times for each in part]
    return len(flat) / (time.monotonic() - began), flat


def memory_mb(process: subprocess.Popen[bytes]) -> float:
    """Return the memory of a server with its children, shared pages counted once."""
    parent = psutil.Process(process.pid)
    return sum(each.memory_full_info().pss for each in [parent, *parent.children(recursive=True)]) / 2**20


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of CPU that a server with its children has used."""
    parent = psutil.Process(process.pid)
    times = [each.cpu_times() for each in [parent, *parent.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


@dataclass(frozen=True)
class Measured:
    """What one measurement found: requests a second, CPU seconds a request, and the time of each in s."""

    rate: float
    cpu_s: float
    times: list[float]


Found = dict[tuple[str, int], list[Measured]]
"""By server and number of clients, one for each round."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="A folder of photos.")
    parser.add_argument("--weights", type=Path, help="A state_dict of the network.")
    parser.add_argument("--seconds", type=float, default=5, help="Of each measurement.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=10_000, help="For the memory; 0 = not measured.")
    parser.add_argument("--servers", nargs="*", default=list(NAMES))
    arguments = parser.parse_args()
    files = sorted(each for each in arguments.data.rglob("*") if each.is_file())
    photos = [each.read_bytes() for each in random.Random(0).sample(files, min(60, len(files)))]
    photos = [each for each in photos if each[:2] == b"\xff\xd8"]
    found: Found = {}
    memory: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_models(folder, arguments.weights)
        for number in range(arguments.rounds):
            first = number % len(arguments.servers)
            for server in arguments.servers[first:] + arguments.servers[:first]:
                measure(server, folder, photos, arguments, found)
        if arguments.requests:
            memory = steady(folder, photos, arguments.requests)
    report(found, memory, arguments)


def measure(
    server: str,
    folder: Path,
    photos: Sequence[bytes],
    arguments: argparse.Namespace,
    found: Found,
) -> None:
    port = free_port()
    try:
        process = start(server, folder, port)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return
    try:
        bodies = [body_of(each, "request" if server == "litserve" else "file") for each in photos]
        load(port, bodies, 4, seconds=2)
        for n_clients in CLIENTS:
            before = cpu_s(process)
            rate, times = load(port, bodies, n_clients, seconds=arguments.seconds)
            used = (cpu_s(process) - before) / max(1, len(times))
            found.setdefault((server, n_clients), []).append(Measured(rate, used, times))
    finally:
        stop(process)


def steady(folder: Path, photos: Sequence[bytes], n_requests: int) -> dict[str, list[float]]:
    """Return the memory of Peakid's server after each tenth of the requests, in MB."""
    port = free_port()
    process = start("peakid", folder, port)
    try:
        bodies = [body_of(each, "file") for each in photos]
        taken = []
        for _ in range(10):
            load(port, bodies, 8, seconds=0, n_requests=n_requests // 10)
            taken.append(memory_mb(process))
        return {"peakid": taken}
    finally:
        stop(process)


def report(
    found: Found,
    memory: dict[str, list[float]],
    arguments: argparse.Namespace,
) -> None:
    rows = []
    for (server, n_clients), rounds in found.items():
        times = np.array([each for part in rounds for each in part.times]) * 1000
        rows.append(
            {
                "server": server,
                "clients": n_clients,
                "requests_per_s": round(statistics.median(each.rate for each in rounds), 1),
                "cpu_ms": round(statistics.median(each.cpu_s for each in rounds) * 1000, 1),
                **{f"p{p}_ms": round(float(np.percentile(times, p)), 1) for p in (50, 95, 99)},
            }
        )
    base = {row["clients"]: row["requests_per_s"] for row in rows if row["server"] == "peakid"}
    titles = (
        f"{'server':20} {'clients':>7} {'req/s':>7} {'CPU ms':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}"
    )
    print(f"{titles} {'Peakid is':>10}")
    for row in sorted(rows, key=lambda each: (each["clients"], each["server"])):
        row["ratio"] = round(base.get(row["clients"], 0) / row["requests_per_s"], 2)
        print(
            f"{NAMES[row['server']]:20} {row['clients']:7} {row['requests_per_s']:7.1f} {row['cpu_ms']:7.1f}"
            f" {row['p50_ms']:8.1f} {row['p95_ms']:8.1f} {row['p99_ms']:8.1f} {row['ratio']:9.2f}x"
        )
    if memory:
        print("Memory over the requests (MB):", *(round(each) for each in memory["peakid"]))
    shown = ("torch", "onnxruntime", "starlette", "uvicorn", "timm", "litserve")
    path = [*sys.path, *filter(None, [os.environ.get("BENCH_LITSERVE_PATH")])]
    versions = {each.name: each.version for each in distributions(path=path) if each.name in shown}
    document = {
        "bench": "serve",
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}",
        "versions": versions,
        "rounds": arguments.rounds,
        "rows": rows,
        "memory_mb": [round(each, 1) for each in memory.get("peakid", [])],
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
