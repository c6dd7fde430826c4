"""Pages run in Streamlit's AppTest through the shell, as in a browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from peakid.jobs import ledger, presence, process, queue, suggester, tasks
from peakid.recipe import architectures, weight_files
from peakid.store.workspace import Workspace
from peakid.web.figures import in_sight

MANIFESTS = manifest_scanner.scan_component_manifests()
SHELL = Path(__file__).resolve().parents[2] / "peakid" / "web" / "shell.py"


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Look through the installed packages for components once: for each page it takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: MANIFESTS)
        yield


@pytest.fixture
def open_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., AppTest]:
    """Open a page on the test's workspace: `open_page("review", queue="flagged")` with query parameters.

    It finds files named as the weights of three architectures, unless the test sets TORCH_HOME, and no
    installed package of weights. The process of the live head is not started. Tables that wait until they
    are in sight are drawn.
    """
    monkeypatch.setattr(weight_files, "packaged", lambda _architecture: [])
    monkeypatch.setattr(suggester, "ensure", lambda _workspace: None)
    monkeypatch.setattr(in_sight, "reached", lambda _key, *, height_px: True)  # No browser says so.
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("PEAKID_ACTOR", "anna")
    monkeypatch.delenv("PEAKID_WEIGHTS", raising=False)
    checkpoints = tmp_path / "torch-home" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for name in ("resnet18", "mobilenet_v3_small", "vit_b_16"):
        (checkpoints / architectures.find(name).weight_files[0]).touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))

    def opened(name: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=60)  # Seconds: a hang, also on a busy machine.
        app.query_params.update(query)
        if name != "overview":
            app.switch_page(f"../../pages/{name}.py")
        return app.run()

    return opened


@pytest.fixture
def no_worker(workspace: Workspace) -> Iterator[None]:
    """Hold the worker's lock, so that what a page submits stays in the queue."""
    lock = presence.take(workspace)
    assert lock is not None
    yield
    os.close(lock)


@pytest.fixture
def run_jobs(workspace: Workspace, no_worker: None) -> Callable[[], None]:
    """Return a function that runs the queued jobs in this process."""

    def run() -> None:
        for job in reversed(queue.list_jobs(workspace)):
            if job.state == "queued":
                work = ledger.claim(workspace, job.job_id, process.own())
                assert work is not None
                tasks.run(work)
                work.end("done")

    return run


@pytest.fixture
def text_of() -> Callable[[AppTest], str]:
    """Return all text of a page."""
    return _text_of


def _text_of(app: AppTest) -> str:
    """Return all text of a page, without the backslashes that escape markup in names."""
    kinds = ("title", "header", "markdown", "caption", "info", "success", "warning", "error")
    texts = [element.value for kind in kinds for element in getattr(app, kind)]
    texts += [f"{metric.label}: {metric.value}" for metric in app.metric]
    return "\n".join(texts).replace("\\", "")
