"""Import and start of training from an image store against local files: `python bench/object_store.py`.

The store is moto's S3 server in a process of its own, on this machine, with and without 30 ms added to each
request, as a store in another building has. Each round measures all places one after the other, in turns.
CPU time is that of this program and of the process that decodes, without the server.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

os.environ.update(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench", AWS_DEFAULT_REGION="us-east-1")

from bench import photos
from peakid.acquire import folder
from peakid.acquire.objects import importing
from peakid.learn.batches import data
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from peakid.store import images
from peakid.store import workspace as workspaces
from peakid.store.objects import image_stores, opening, reading
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl, parse

SIZE_PX, LATENCY_S = (640, 480), 0.03
SERVER = """
import logging, sys, threading
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


def served() -> "subprocess.Popen[str]":
    """Start the server, which ends with this process."""
    command = [sys.executable, "-c", SERVER]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    return process


def timed(work: Callable[[], object], server: int) -> tuple[float, float]:
    """Return seconds, and CPU seconds of this process and its children but the server."""
    before, began = cpu_s(server), time.monotonic()
    work()
    return time.monotonic() - began, cpu_s(server) - before


def cpu_s(server: int) -> float:
    here = psutil.Process()
    times = [each.cpu_times() for each in (here, *here.children()) if each.pid != server]
    return sum(each.user + each.system for each in times)


def slowed(url: StoreUrl, latency_s: float) -> None:
    """Let every object of the store take this much longer."""
    system = opening.file_system(url)
    contents = type(system).cat_file.__get__(system)

    def cat_file(path: str, **options: int) -> bytes:
        time.sleep(latency_s)
        return contents(path, **options)

    system.cat_file = cat_file if latency_s else contents


def imported(place: Path | StoreUrl, workspace: Workspace) -> None:
    if isinstance(place, StoreUrl):
        importing.import_store(workspace, place, actor="human:bench")
    else:
        folder.import_folder(workspace, place, in_place=True, actor="human:bench")


def prepared(workspace: Workspace) -> None:
    """Decode all photos into the pixel cache, after which the first epoch can start."""
    rows = workspace.query("SELECT digest FROM image ORDER BY digest")
    digests = [row["digest"] for row in rows]
    labels = np.arange(len(digests)) % 2
    of_training = data.TrainingImages(
        digests,
        labels,
        ["valid", "valid"] + ["train"] * (len(digests) - 2),
        ["a", "b"],
        lambda digest: images.read_bytes(workspace, digest),
        n_readers=images.n_readers(workspace),
    )
    options = {"cache_dir": workspace.cache_dir, "report": no_report, "should_stop": lambda: False}
    data.prepare_all(of_training, Recipe(image_size_px=160), [184], **options)


def measured(place: Path | StoreUrl, files: list[Path], at: Path, server: int) -> dict[str, float]:
    workspace = workspaces.create(at)
    import_s, import_cpu = timed(lambda: imported(place, workspace), server)
    for file in workspace.cache_dir.glob("objects/??/*"):
        file.unlink()
    start_s, start_cpu = timed(lambda: prepared(workspace), server)
    assert workspace.one("SELECT COUNT(*) FROM image")[0] == len(files)
    workspace.close()
    return {
        "import_a_second": len(files) / import_s,
        "import_cpu_ms": 1000 * import_cpu / len(files),
        "start_a_second": len(files) / start_s,
        "start_cpu_ms": 1000 * start_cpu / len(files),
    }


def measure(
    files: list[Path], root: Path, url: StoreUrl, rounds: int, scratch: Path, server: int
) -> list[dict]:
    places: list[tuple[str, Path | StoreUrl, float]] = [
        ("local", root, 0.0),
        ("store", url, 0.0),
        ("store 30 ms away", url, LATENCY_S),
    ]
    measured(root, files, scratch / "warm", server)
    rows = []
    for n in range(rounds):
        for name, place, latency_s in places[n % 3 :] + places[: n % 3]:
            slowed(url, latency_s)
            row = measured(place, files, scratch / f"{n}-{name}", server)
            rows.append({"round": n, "place": name, **row})
            print(
                "round {round}  {place:<17} import {import_a_second:6.0f} a second,"
                " {import_cpu_ms:5.1f} CPU ms each; start of training {start_a_second:6.0f},"
                " {start_cpu_ms:5.1f}".format(**rows[-1])
            )
    return rows


def read_alone(url: StoreUrl, n: int) -> dict[str, float]:
    """Objects a second without decoding, 30 ms away: one at a time, and several ahead."""
    slowed(url, LATENCY_S)
    found = [url.inside(path) for path in sorted(importing.listing.sizes(url))[:n]]
    one_s, _ = timed(lambda: [reading.fetch(each) for each in found], 0)
    ahead_s, _ = timed(lambda: list(reading.ahead(found, reading.fetch)), 0)
    return {"one at a time": n / one_s, "ahead": n / ahead_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    server = served()
    with tempfile.TemporaryDirectory() as made:
        scratch, url = Path(made), parse("s3://bench/photos")
        files = photos.draw(scratch / "photos", chosen.photos, SIZE_PX)
        opening.file_system(url).mkdir(url.bucket)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda file: image_stores.write(_at(url, scratch, file), file.read_bytes()), files))
        rows = measure(files, scratch / "photos", url, chosen.rounds, scratch, server.pid)
        alone = read_alone(url, min(200, len(files)))
        n_bytes = statistics.mean(file.stat().st_size for file in files)
    assert server.stdin is not None
    server.stdin.close()
    server.wait(10)
    median = {
        name: {
            key: statistics.median(row[key] for row in rows if row["place"] == name)
            for key in ("import_a_second", "import_cpu_ms", "start_a_second", "start_cpu_ms")
        }
        for name in ("local", "store", "store 30 ms away")
    }
    for name in ("store", "store 30 ms away"):
        for key in ("import_a_second", "start_a_second"):
            ratios = [
                next(r[key] for r in rows if (r["round"], r["place"]) == (n, name))
                / next(r[key] for r in rows if (r["round"], r["place"]) == (n, "local"))
                for n in range(chosen.rounds)
            ]
            median[name][f"{key}_of_local"] = statistics.median(ratios)
            span = f"{min(ratios):.2f}-{max(ratios):.2f}"
            print(f"{name}, {key}: {statistics.median(ratios):.2f} of local ({span})")
    print(f"read alone, 30 ms away: {alone}")
    libraries = {name: version(name) for name in ("s3fs", "fsspec", "moto", "pillow")}
    print(
        json.dumps(
            {
                "n_photos": len(files),
                "mean_bytes": round(n_bytes),
                "rounds": chosen.rounds,
                "rows": rows,
                "median": median,
                "read_alone_a_second": alone,
                "libraries": libraries,
                "python": platform.python_version(),
                "load": os.getloadavg(),
            }
        )
    )


def _at(url: StoreUrl, scratch: Path, file: Path) -> StoreUrl:
    return url.inside(str(file.relative_to(scratch / "photos")))


if __name__ == "__main__":
    main()
