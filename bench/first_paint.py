"""Time to the first content of a page, against a one-line Streamlit app: `python bench/first_paint.py`."""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
READY = "[data-testid=stApp][data-test-script-state=notRunning]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(script: Path, workspace: Path) -> Iterator[str]:
    """Serve a script on a free loopback port until the block ends."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PEAKID_WORKSPACE": str(workspace)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_up(url)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_until_up(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"no server at {url} after a minute")


def seconds_to_paint(browser: Browser, url: str) -> float:
    """Open the page in a new browser context, as on a first visit, and wait until the script has drawn it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(READY)
    page.wait_for_selector("h1, h2, p")
    seconds = time.perf_counter() - started
    context.close()
    return seconds


def measured(browser: Browser, script: Path, n_visits: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, served(script, Path(folder) / "workspace") as url:
        times = [seconds_to_paint(browser, url) for _ in range(n_visits + 1)]
    return {"first visit after start": times[0], "median later visit": statistics.median(times[1:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5)
    n_visits = parser.parse_args().visits
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        bare = Path(folder) / "bare.py"
        bare.write_text('import streamlit as st\nst.title("One line")\n')
        rows = {
            "peakid": measured(browser, ROOT / "streamlit_app.py", n_visits),
            "one-line Streamlit app": measured(browser, bare, n_visits),
        }
        browser.close()
    print(
        f"streamlit {version('streamlit')}, Python {sys.version.split()[0]},"
        f" {os.cpu_count()} cores, {n_visits} visits"
    )
    for name, row in rows.items():
        print(f"{name:<24}" + "".join(f"  {what}: {seconds:5.2f} s" for what, seconds in row.items()))
    ratio = rows["peakid"]["median later visit"] / rows["one-line Streamlit app"]["median later visit"]
    print(f"ratio of medians: {ratio:.2f}")
    print(json.dumps({"bench": "first_paint", "seconds": rows, "ratio": ratio}))


if __name__ == "__main__":
    main()
