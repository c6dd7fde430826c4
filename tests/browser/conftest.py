"""The real server on a free port, one for most tests of a process, and Chromium as its client."""

import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from peakid.resources import PROJECT_ROOT
from peakid.store import workspace as workspaces
from peakid.store.folders import recent_workspaces
from peakid.store.workspace import Workspace
from peakid.web import workspace_address
from tests.browser import server_process

START_TIMEOUT_S = 60
WAIT_TIMEOUT_MS = 20_000  # Two shared cores; a page settles in a tenth of it.
WINDOW: ViewportSize = {"width": 1280, "height": 800}  # The smallest supported size.
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a browser test once more when it fails; the summary counts it as `rerun`.

    They share a machine with other tests, and one in some thousand clicks comes while a page is being drawn.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed
    return report


# Debian's Chromium draws as if there were a GPU; in software, that takes a tenth more time. The tabs of one
# profile are of one process, which has compiled the scripts of Streamlit. It keeps what it compiled, and does
# not optimise code or collect garbage in further threads, whose cores other tests use: a tenth less time.
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu-rasterization", "--disable-gpu-compositing", "--process-per-site"),
    "--js-flags=--no-flush-bytecode --no-concurrent-recompilation --single-threaded-gc",
]


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
        *,
        script: Path = PROJECT_ROOT / "streamlit_app.py",
        state: Path | None = None,
    ) -> None:
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.state = state  # Its lists and secrets; None = those of the test.
        self._workspace = workspace
        self._script = script
        self._process: ForkServerProcess | None = None

    def start(self, workspace: Workspace | None = None) -> str:
        """Start it and return its address. It has received no request but for its health.

        Args:
            workspace: None = that of the test.
        """
        path = (workspace or self._workspace).path
        is_shared = self.state is not None  # What the first test that needs it has set is not for all.
        inherited = {k: v for k, v in os.environ.items() if not (is_shared and k.startswith("PEAKID_"))}
        environment = {
            "PEAKID_AUTO_EMBED": "0",
            **inherited,
            "PEAKID_WORKSPACE": str(path),
            "PEAKID_ACTOR": "anna",
            "PEAKID_WORKER_IDLE_S": "1",
            "PYTHONPATH": str(PROJECT_ROOT),
            **({} if self.state is None else {"XDG_STATE_HOME": str(self.state)}),
        }
        command = ["run", str(self._script)]
        log = self._workspace.path / "server.log"
        self._process = server_process.start([*command, "--server.port", str(self.port)], environment, log)
        _wait_until_healthy(self.address, self._process, log)
        return self.address

    def kill(self) -> None:
        """End it at once, in the middle of its work."""
        if self._process is not None:
            self._process.kill()
            self._process.join(20)

    def stop(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join(20)
            self.kill()


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


def go(page: Page, name: str) -> None:
    """Open a page through the navigation, which costs half of what its address does."""
    page.locator(f"[data-testid=stSidebarNavLink][href$='/{name}']").click()
    page.wait_for_url(re.compile(rf"/{name}(\?|$)"))
    page.wait_for_selector(SETTLED)


class SharedTab:
    """A tab for one test after the other: a new one compiles the scripts of Streamlit, 2 s of a core.

    Args:
        blank: An address of the shared server that answers with a text.
    """

    def __init__(self, browser: Browser, blank: str) -> None:
        self._browser = browser
        self._blank = blank
        self._context: BrowserContext | None = None
        self._page: Page | None = None

    def emptied(self) -> Page:
        """Return the tab without cookies and data, at the smallest supported size."""
        if self._context is None:
            self._context = self._browser.new_context(viewport=WINDOW)
            self._page = self._context.new_page()
        assert self._page is not None
        self._page.set_default_timeout(WAIT_TIMEOUT_MS)
        self._page.goto(self._blank)
        self._page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self._context.clear_cookies()
        return self._page

    def leave(self) -> None:
        """End what a test has open in it."""
        if self._context is None or self._page is None or self._page.is_closed():
            self.close()
            return
        for other in self._context.pages:
            if other is not self._page:
                other.close()
        self._page.unroute_all()
        self._page.mouse.move(0, 0)
        self._page.goto(self._blank)
        self._page.emulate_media(color_scheme="null", reduced_motion="null", media="null")
        if self._page.viewport_size != WINDOW:
            self._page.set_viewport_size(WINDOW)

    def close(self) -> None:
        if self._context is not None:
            self._context.close()
        self._context = self._page = None


@pytest.fixture(scope="session")
def shared_tab(chromium: Browser, shared_server: Server) -> Generator[SharedTab]:
    tab = SharedTab(chromium, f"{shared_server.address}/_stcore/health")
    yield tab
    tab.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, shared_tab: SharedTab) -> Generator[Page]:
    """The tab that the tests share, without cookies and data, at the smallest supported size.

    A test that adds a script to its page, or needs a second profile, takes `profile`.
    """
    yield shared_tab.emptied()
    if request.node.stash.get(FAILED, False):
        shared_tab.close()
    else:
        shared_tab.leave()


@pytest.fixture
def profile(chromium: Browser) -> Generator[BrowserContext]:
    """A browser profile of the test's own, at the smallest supported size."""
    context = chromium.new_context(viewport=WINDOW)
    context.set_default_timeout(WAIT_TIMEOUT_MS)
    yield context
    context.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(address: str, process: ForkServerProcess, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
        except urllib.error.HTTPError:  # It asks for the password.
            return
        except (urllib.error.URLError, OSError):
            assert process.is_alive(), log.read_text()
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text())
