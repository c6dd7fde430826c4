"""Fixtures for tests of jobs: images that block a job, and processes that are all ended after a test."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from peakid import settings
from peakid.acquire import folder
from peakid.jobs import child, presence, queue
from peakid.store import images
from peakid.store.workspace import Workspace
from tests import forked


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Undo what `child.run` sets for its process: the tests after these read the environment."""
    yield
    settings._of_job = None
    settings.current.cache_clear()


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Wait for a state, never for a time: `until(lambda: ...)` returns the first true value."""

    def wait(ask: Callable[[], Any], *, within_s: float = 60.0) -> Any:
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if value := ask():
                return value
            time.sleep(0.02)
        raise AssertionError(f"still {ask()!r} after {within_s} s")

    return wait


@pytest.fixture
def processes(workspace: Workspace) -> Callable[[str], list[psutil.Process]]:
    """Find the living processes of this workspace: `processes("worker")`, `processes("child")`."""

    def found(name: str) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _is_ours(process, workspace, name)]

    return found


def _is_ours(process: psutil.Process, workspace: Workspace, name: str) -> bool:
    try:
        command = process.cmdline()
        is_alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
    return (
        is_alive
        and "/bin/sh" not in command
        and str(workspace.path) in command
        and f"peakid.jobs.{name}" in command
    )


@pytest.fixture
def as_worker(workspace: Workspace, processes: Callable[[str], list[psutil.Process]]) -> Iterator[int]:
    """Hold the worker's lock, so that no worker starts; end the jobs that the test starts."""
    lock = presence.take(workspace)
    assert lock is not None
    yield lock
    _end(processes("child"))
    with contextlib.suppress(OSError):
        os.close(lock)


@pytest.fixture
def start_here(workspace: Workspace, as_worker: int) -> Iterator[Callable[[int], None]]:
    """Start the process of a job: `start_here(job_id)`.

    It can be killed, and has PyTorch at once: importing it takes five seconds.
    """
    started = []

    def start(job_id: int) -> None:
        arguments = ("--workspace", str(workspace.path), "--job", str(job_id))
        log = queue.log_path(workspace, job_id)
        started.append(forked.TRAINING.start(forked.run_module, child.__name__, *arguments, out=log))

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def real_workers(
    processes: Callable[[str], list[psutil.Process]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let workers start by themselves and exit when idle; end them and their jobs after the test."""
    monkeypatch.setenv("PEAKID_WORKER_IDLE_S", "1.5")
    yield
    _end(processes("worker"))  # First, or it would start another child.
    _end(processes("child"))


def _end(found: list[psutil.Process]) -> None:
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()


@pytest.fixture
def stored(workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path) -> list[str]:
    """Three images in the workspace, by digest in the order in which a job reads them."""
    (tmp_path / "photos" / "dom").mkdir(parents=True)
    for seed in range(3):
        (tmp_path / "photos" / "dom" / f"{seed}.jpg").write_bytes(draw(seed))
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    return [row["digest"] for row in workspace.query("SELECT digest FROM image ORDER BY id")]


class Held:
    """An image whose stored bytes are a named pipe: a job that reads it waits for `let_go`."""

    def __init__(self, workspace: Workspace, digest: str) -> None:
        self.path = images.image_path(workspace, digest)
        self.data = self.path.read_bytes()
        self.path.unlink()
        os.mkfifo(self.path)
        self.writer: int | None = None

    def is_reached(self) -> bool:
        """Return whether a job is reading it; from then on the pipe stays open and the job waits."""
        if self.writer is None:
            with contextlib.suppress(OSError):
                self.writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        return self.writer is not None

    def let_go(self) -> None:
        """Restore the bytes, and send them to a job that is waiting."""
        self.path.unlink()
        self.path.write_bytes(self.data)
        if self.writer is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.writer, self.data)  # A small image fits into the pipe's buffer.
            self.close()

    def close(self) -> None:
        if self.writer is not None:
            os.close(self.writer)
        self.writer = None


@pytest.fixture
def hold(workspace: Workspace) -> Iterator[Callable[[str], Held]]:
    held = []

    def one(digest: str) -> Held:
        held.append(Held(workspace, digest))
        return held[-1]

    yield one
    for image in held:
        image.close()


@pytest.fixture
def sleeper() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that sleeps as leader of its own group, as the process of a job does."""
    started = []

    def start(command: str = "exec sleep 60") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command], start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()
