"""One worker per workspace: it holds a file lock, and a free lock means that no worker is running."""

import fcntl
import os
import sys
import time
from pathlib import Path

from peakid import settings
from peakid.jobs import process
from peakid.store.workspace import Workspace

LOCK_NAME = ".worker.lock"
STARTS_EVERY_S = 3.0  # At most this often: a worker that cannot start must not be started in a loop.

_started_at: dict[Path, float] = {}


def take(workspace: Workspace) -> int | None:
    """Take the worker's lock and return its file descriptor, or None where a worker is running.

    The lock belongs to the open file, not to the process: a child that inherits the file holds the lock,
    and the kernel releases it when the last holder ends, however it ends.
    """
    lock = os.open(workspace.path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if hold(lock):
        return lock
    os.close(lock)
    return None


def hold(lock: int) -> bool:
    """Try to take the lock of an open file; False where another worker has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(lock: int) -> None:
    fcntl.flock(lock, fcntl.LOCK_UN)


def ensure_worker(workspace: Workspace) -> None:
    """Start a worker unless one is running.

    The starter takes the lock and the worker inherits it, so that no second worker can start in between.
    """
    lock = take(workspace)
    if lock is None:
        return
    try:
        _started_at[workspace.path] = time.monotonic()
        # Started through a shell that exits at once: the worker is then no child of this process, which would
        # otherwise have to wait for it.
        options = ["--workspace", str(workspace.path), "--lock", str(lock)]
        options += ["--idle-s", str(settings.Settings().worker_idle_s)]
        command = [sys.executable, "-u", "-m", "peakid.jobs.worker", *options]
        starter = ["/bin/sh", "-c", '"$@" &', "sh", *command]
        process.start(starter, workspace.logs_dir / "worker.log", keeps_open=[lock]).wait()
    finally:
        os.close(lock)


def ensure_worker_seldom(workspace: Workspace) -> None:
    """As `ensure_worker`, but at most every few seconds: for callers that poll."""
    if time.monotonic() - _started_at.get(workspace.path, -STARTS_EVERY_S) >= STARTS_EVERY_S:
        ensure_worker(workspace)
