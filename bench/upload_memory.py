"""Memory of the server during a large upload, with and without streaming: `python bench/upload_memory.py`.

A zip archive goes to the real server through Chromium, once as Peakid takes it (written to disk as it
arrives) and once as Streamlit alone does (the whole file in memory).
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
# The app without its middleware of that name: a request of any size is too small to be streamed.
UNSTREAMED = """
from peakid.web.server import streamed_uploads
streamed_uploads.StreamedUploads.__init__.__kwdefaults__["streamed_bytes"] = 10**18
from streamlit_app import app
"""


def write_archive(path: Path, mb: int) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("notes.bin", "w", force_zip64=True) as member:
        for _ in range(mb):
            member.write(os.urandom(2**20))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, *, is_streamed: bool) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    (folder / "unstreamed_app.py").write_text(UNSTREAMED)
    app = "streamlit_app:app" if is_streamed else "unstreamed_app:app"
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port)]
    environment = {
        **os.environ,
        "PEAKID_WORKSPACE": str(folder / "workspace"),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.2)
    raise TimeoutError("The server did not start.")


class Watch(threading.Thread):
    """Reads the memory of a process until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.peak_mb = 0.0
        self.is_stopped = threading.Event()

    def now_mb(self) -> float:
        return self.process.memory_info().rss / 2**20

    def run(self) -> None:
        while not self.is_stopped.wait(0.02):
            self.peak_mb = max(self.peak_mb, self.now_mb())


def measure(archive: Path, *, is_streamed: bool) -> dict[str, float]:
    """Upload an archive, have it stored for an import, and return what the server took, in MB and seconds."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        server, port = start(Path(name), is_streamed=is_streamed)
        chromium = shutil.which("chromium") or "chromium"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.set_default_timeout(240_000)
            page.goto(f"http://127.0.0.1:{port}/collect")
            page.get_by_text("Zip archive", exact=True).first.click()
            page.locator("input[type=file][accept*=zip]").wait_for(state="attached")
            time.sleep(2)
            watch = Watch(server.pid)
            before = watch.now_mb()
            watch.start()
            begun = time.perf_counter()
            with page.expect_response(
                lambda each: "upload_file" in each.url and each.request.method == "PUT"
            ):
                page.set_input_files("input[type=file][accept*=zip]", archive)
            seconds = time.perf_counter() - begun
            page.get_by_role("button", name="Preview").click()
            page.get_by_test_id("stAlert").first.wait_for()
            time.sleep(2)
            watch.is_stopped.set()
            return {
                "before_mb": before,
                "peak_mb": watch.peak_mb,
                "after_mb": watch.now_mb(),
                "upload_s": seconds,
            }
        finally:
            browser.close()
            server.terminate()
            server.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "photos.zip"
        write_archive(archive, chosen.mb)
        for way, is_streamed in (("streamed", True), ("streamlit", False)):
            runs = [measure(archive, is_streamed=is_streamed) for _ in range(chosen.repeats)]
            rows[way] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(f"{'':10} {'before':>8} {'peak':>8} {'after':>8}  MB {'upload':>8} s")
    for way, row in rows.items():
        print(
            f"{way:10} {row['before_mb']:8.0f} {row['peak_mb']:8.0f} {row['after_mb']:8.0f}     "
            f"{row['upload_s']:8.1f}"
        )
    gains = {way: row["peak_mb"] - row["before_mb"] for way, row in rows.items()}
    document = {"bench": "upload_memory", "mb": chosen.mb, "streamlit": version("streamlit"), "rows": rows}
    print(json.dumps({**document, "peak_ratio": gains["streamed"] / gains["streamlit"]}))


if __name__ == "__main__":
    main()
