"""Photos from a web server to files and to images, beside fastai and img2dataset: `python bench/collect.py`.

A local server of drawn photos waits before each answer, as servers elsewhere do. Four ways get the same URLs:
fastai's `download_images` with its default of 8 threads, img2dataset where BENCH_IMG2DATASET_PATH says where
it is installed, Peakid's client alone (files on the disk, as the peers), and a collection of Peakid (every
photo decoded, hashed and stored with its rows). Each runs in a process of its own; its CPU time and memory
(proportional set size) are those of this process and all that it starts, looked at ten times a second.
img2dataset starts processes for seconds before it fetches; "at work" leaves that out. The pace of a host is
lifted: with it, Peakid asks one host 8 times a second.
"""

import argparse
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
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

WAYS = ("fastai", "img2dataset", "peakid files", "peakid images")
N_DRAWN = 200


def draw(seed: int) -> bytes:
    """Return a JPEG of 640 x 480 pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(out, "JPEG", quality=92)
    return out.getvalue()


def serve(port: int, wait_s: float) -> None:
    """Serve `/N.jpg`: one of the drawn photos, with N at its end, so that each has a digest of its own."""
    import asyncio

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    photos = [draw(n) for n in range(N_DRAWN)]

    async def photo(request: Request) -> Response:
        await asyncio.sleep(wait_s)
        name = request.path_params["name"]
        number = int(name.removesuffix(".jpg"))
        return Response(photos[number % N_DRAWN] + number.to_bytes(4, "big"), media_type="image/jpeg")

    application = Starlette(routes=[Route("/{name}", photo)])
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="error", access_log=False)


def get(way: str, urls: Path, folder: Path) -> int:
    """Get all URLs of a list in one way; return how many became files or images."""
    if way == "fastai":
        from fastai.vision.utils import download_images

        download_images(folder / "photos", url_file=urls, max_pics=10**6)
        return len(list((folder / "photos").iterdir()))
    if way == "img2dataset":
        from img2dataset import download

        download(
            url_list=str(urls),
            output_folder=str(folder / "photos"),
            processes_count=2,
            thread_count=32,
            resize_mode="no",
            output_format="files",
            number_sample_per_shard=250,  # So that both processes have work.
        )
        return len(list((folder / "photos").rglob("*.jpg")))
    return peakid_files(urls, folder) if way == "peakid files" else peakid_images(urls, folder)


def peakid_files(urls: Path, folder: Path) -> int:
    import queue

    import anyio

    from peakid.acquire.collecting import fetching
    from peakid.store import workspace as workspaces

    workspace = workspaces.open_existing(folder / "workspace")
    fetching.MAX_WAITING_FILES = 10**6  # Nothing imports them here.
    results: fetching.Results = queue.SimpleQueue()
    anyio.run(
        lambda: fetching.fetch_all(workspace, 1, results, options=options(), sources={}, max_bytes=10**7)
    )
    return len(list(fetching.folder_of(workspace).iterdir()))


def peakid_images(urls: Path, folder: Path) -> int:
    from peakid.acquire.collecting import collect
    from peakid.records import no_report
    from peakid.store import workspace as workspaces

    workspace = workspaces.open_existing(folder / "workspace")
    found = collect.collect(workspace, "bench", options=options(), actor="human:bench", report=no_report)
    return found.n_new


def options():
    from peakid.acquire.fetching.client import ClientOptions
    from peakid.acquire.fetching.pace import Pace

    return ClientOptions(pace=Pace(per_s=100_000, n_at_once=32), allows=lambda _: True)


def prepared(urls: Path, folder: Path) -> None:
    """Create a workspace whose collection has the URLs: listing them is no part of the time."""
    from peakid.jobs.collecting import lists as collecting
    from peakid.store import workspace as workspaces

    workspace = workspaces.create(folder / "workspace")
    collecting.add_lists(workspace, "bench", [urls], class_name="photo", actor="human:bench")
    workspace.close()


def measured(way: str, urls: Path) -> dict[str, float]:
    """Run one way in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        if way.startswith("peakid"):
            prepared(urls, Path(name))
        command = [sys.executable, __file__, "--way", way, "--urls", str(urls), "--folder", name]
        environment = dict(os.environ)
        if way == "img2dataset":
            environment["PYTHONPATH"] = os.environ["BENCH_IMG2DATASET_PATH"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as own:
            watch = Watch(own.pid)
            watch.start()
            printed = own.communicate()[0].decode()
            watch.join()
        if own.returncode:
            raise SystemExit(f"{way} failed: {printed}")
        found = json.loads(printed.splitlines()[-1])
        at_work = seconds_at_work(Path(name)) if way == "img2dataset" else found["seconds"]
    return {**found, "at_work_s": at_work, "cpu_s": sum(watch.cpu_s.values()), "peak_mb": watch.peak_mb}


def seconds_at_work(folder: Path) -> float:
    """Return the seconds from the begin of img2dataset's first shard to the end of its last one."""
    stats = [json.loads(each.read_text()) for each in folder.rglob("*_stats.json")]
    return max(each["end_time"] for each in stats) - min(each["start_time"] for each in stats)


class Watch(threading.Thread):
    """Looks at a process and all that it starts, until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._process = psutil.Process(pid)
        self.cpu_s: dict[int, float] = {}
        self.peak_mb = 0.0

    def run(self) -> None:
        while True:
            try:
                if self._process.status() == psutil.STATUS_ZOMBIE:
                    return
                self._look([self._process, *self._process.children(recursive=True)])
            except psutil.NoSuchProcess:
                return
            time.sleep(0.1)

    def _look(self, processes: list[psutil.Process]) -> None:
        total = 0
        for each in processes:
            try:
                times = each.cpu_times()
                self.cpu_s[each.pid] = times.user + times.system
                total += each.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        self.peak_mb = max(self.peak_mb, total / 2**20)


def import_first(way: str) -> None:
    """Import what a way needs before its time begins: torch alone takes seconds."""
    if way == "fastai":
        import fastai.vision.utils  # noqa: F401
    elif way == "img2dataset":
        import img2dataset  # noqa: F401
    else:
        import peakid.acquire.collecting.collect  # noqa: F401


def run_one(way: str, urls: Path, folder: Path) -> None:
    import_first(way)
    started = time.perf_counter()
    n = get(way, urls, folder)
    print(json.dumps({"n": n, "seconds": time.perf_counter() - started}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait-ms", type=float, default=50)
    parser.add_argument("--port", type=int, default=8795)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--urls", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.port, given.wait_ms / 1000)
    elif given.way:
        run_one(given.way, given.urls, given.folder)
    else:
        compare(given)


def compare(given: argparse.Namespace) -> None:
    ways = [way for way in WAYS if way != "img2dataset" or os.environ.get("BENCH_IMG2DATASET_PATH")]
    command = [
        sys.executable,
        __file__,
        "--serve",
        "--port",
        str(given.port),
        "--wait-ms",
        str(given.wait_ms),
    ]
    server = subprocess.Popen(command)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    try:
        time.sleep(5)
        with tempfile.TemporaryDirectory() as name:
            urls = Path(name) / "urls_photo.txt"
            address = f"http://127.0.0.1:{given.port}"
            urls.write_text("\n".join(f"{address}/{n}.jpg" for n in range(given.photos)))
            for number in range(given.rounds):
                for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
                    found[way].append(measured(way, urls))
                    print(way, json.dumps(found[way][-1]), file=sys.stderr, flush=True)
    finally:
        server.terminate()
        server.wait()
    report(found, given)


def report(found: dict[str, list[dict[str, float]]], given: argparse.Namespace) -> None:
    print(f"Python {platform.python_version()}, fastai {version('fastai')}, httpx2 {version('httpx2')},")
    print(f"{os.cpu_count()} cores, {given.photos:,} photos, {given.wait_ms:g} ms before each answer")
    print("| | photos a second | to fastai | at work | CPU ms a photo | peak MB | got |")
    print("|---|---|---|---|---|---|---|")
    rows = {}
    base = statistics.median(given.photos / each["seconds"] for each in found["fastai"])
    for way, runs in found.items():
        median = {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        rate = statistics.median(given.photos / each["seconds"] for each in runs)
        at_work = statistics.median(given.photos / each["at_work_s"] for each in runs)
        rows[way] = {
            "per_s": rate,
            "per_s_at_work": at_work,
            "cpu_ms": 1000 * median["cpu_s"] / given.photos,
            **median,
        }
        print(
            f"| {way} | {rate:,.0f} | {rate / base:.2f} | {at_work:,.0f} | {rows[way]['cpu_ms']:.1f} |"
            f" {median['peak_mb']:,.0f} | {median['n']:,.0f} |"
        )
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    print(json.dumps({"bench": "collect", "photos": given.photos, "wait_ms": given.wait_ms, "rows": rows}))


if __name__ == "__main__":
    main()
