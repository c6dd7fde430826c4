"""The real server on a free port, one for most tests of a process, and Chromium as its client."""

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

from peakid.resources import PROJECT_ROOT
from peakid.store import workspace as workspaces
from peakid.store.folders import recent_workspaces
from peakid.store.workspace import Workspace
from peakid.web import workspace_address

START_TIMEOUT_S = 60
WAIT_TIMEOUT_MS = 20_000  # Two shared cores; a page settles in a tenth of it.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a browser test once more when it fails; the summary counts it as `rerun`.

    They share a machine with other tests, and one in some thousand clicks comes while a page is being drawn.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=1))


# Debian's Chromium draws as if there were a GPU; in software, that takes a tenth more time.
ARGUMENTS = ["--no-sandbox", "--disable-gpu-rasterization", "--disable-gpu-compositing"]


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        expect.set_options(timeout=WAIT_TIMEOUT_MS)
        yield browser
        browser.close()


class Server:
    """The server on the workspace of a test. Its address stays the same after a restart."""

    def __init__(
        self,
        workspace: Workspace,
        script: Path = PROJECT_ROOT / "streamlit_app.py",
        *,
        state: Path | None = None,
    ) -> None:
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.state = state  # Its lists and secrets; None = those of the test.
        self._workspace = workspace
        self._script = script
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, workspace: Workspace | None = None) -> str:
        """Start it and return its address. It has received no request but for its health.

        Args:
            workspace: None = that of the test.
        """
        path = (workspace or self._workspace).path
        environment = {
            "PEAKID_AUTO_EMBED": "0",
            **os.environ,
            "PEAKID_WORKSPACE": str(path),
            "PEAKID_ACTOR": "anna",
            "PEAKID_WORKER_IDLE_S": "1",
            "PYTHONPATH": str(PROJECT_ROOT),
            **({} if self.state is None else {"XDG_STATE_HOME": str(self.state)}),
        }
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(self._script),
            "--server.port",
            str(self.port),
        ]
        log = (self._workspace.path / "server.log").open("wb")
        self._process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        _wait_until_healthy(self.address, self._process, Path(log.name))
        return self.address

    def kill(self) -> None:
        """End it at once, in the middle of its work."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)


@pytest.fixture
def server(workspace: Workspace) -> Generator[Server]:
    """A server that a test can start, kill and start again."""
    server = Server(workspace)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """One server for the tests that need none of their own. It knows the workspaces of its list."""
    folder = tmp_path_factory.mktemp("shared-server")
    server = Server(workspaces.create(folder / "workspace"), state=folder / "state")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def serve(workspace: Workspace, shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Return the address of the workspace of the test at the shared server, when called.

    A test that kills its server, sets its environment or needs its first request takes `server`.
    """

    def served() -> str:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(shared_server.state))
            recent_workspaces.note(workspace.path)
        return f"{shared_server.address}/w/{workspace_address.key_of(workspace.path)}"

    return served


@pytest.fixture
def serve_script(workspace: Workspace, tmp_path: Path) -> Generator[Callable[[str], str]]:
    """Serve a script instead of the app: `serve_script("import streamlit ...")` returns its address."""
    script = tmp_path / "script.py"
    server = Server(workspace, script)

    def served(text: str) -> str:
        script.write_text(text, encoding="utf-8")
        return server.start()

    yield served
    server.stop()


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
        except urllib.error.HTTPError:  # It asks for the password.
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text())
