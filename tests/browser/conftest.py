"""The real server on a free port with a workspace of its own, and Chromium before it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from peakid.workspace import PROJECT_ROOT, Workspace

START_TIMEOUT_S = 60
WAIT_TIMEOUT_MS = 20_000  # Two shared cores; a page settles in a tenth of it.


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        expect.set_options(timeout=WAIT_TIMEOUT_MS)
        yield browser
        browser.close()


@pytest.fixture
def serve(workspace: Workspace) -> Generator[Callable[[], str]]:
    """Start the server on the test's workspace; answers its address. Nothing has been asked of it but its health."""
    processes: list[subprocess.Popen[bytes]] = []

    def served() -> str:
        port = _free_port()
        environment = {**os.environ, "PEAKID_WORKSPACE": str(workspace.path), "PEAKID_ACTOR": "anna", "PEAKID_WORKER_IDLE_S": "1"}
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        log = (workspace.path / "server.log").open("wb")
        processes.append(subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT))
        _wait_until_healthy(f"http://127.0.0.1:{port}", processes[-1], Path(log.name))
        return f"http://127.0.0.1:{port}"

    yield served
    for process in processes:
        process.terminate()
        process.wait(20)


@pytest.fixture
def page(chromium: Browser) -> Generator[Page]:
    """A fresh browser profile at the smallest supported size."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT_TIMEOUT_MS)
    yield page
    context.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text())
