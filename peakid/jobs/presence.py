"""One worker lives per workspace: whoever holds the file lock is it, and a lock without a holder means that none lives."""

import fcntl
import os
import sys
import time
from pathlib import Path

from peakid.jobs import process
from peakid.store.workspace import Workspace

LOCK_NAME = ".worker.lock"
STARTS_EVERY_S = (
    3.0  # A look starts a worker at most this often; one that cannot start must not be started in a loop.
)

_started_at: dict[Path, float] = {}


def take(workspace: Workspace) -> int | None:
    """Take the worker's lock and answer its open file, or None where a worker lives.

    The lock belongs to the open file, not to the process: a child that inherits the file holds the lock, and the kernel
    lets go of it when the last holder ends, however it ends.
    """
    lock = os.open(workspace.path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if hold(lock):
        return lock
    os.close(lock)
    return None


def hold(lock: int) -> bool:
    """Take the lock of an open file again; False where another worker has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def let_go(lock: int) -> None:
    fcntl.flock(lock, fcntl.LOCK_UN)


def ensure_worker(workspace: Workspace) -> None:
    """Start a worker unless one lives.

    The starter takes the lock and the worker inherits it, so there is no moment between in which a second is started.
    """
    lock = take(workspace)
    if lock is None:
        return
    try:
        _started_at[workspace.path] = time.monotonic()
        # A shell that leaves at once stands between: the worker is nobody's child, so nobody has to notice its end.
        command = [
            sys.executable,
            "-u",
            "-m",
            "peakid.jobs.worker",
            "--workspace",
            str(workspace.path),
            "--lock",
            str(lock),
        ]
        starter = ["/bin/sh", "-c", '"$@" &', "sh", *command]
        process.start(starter, workspace.logs_dir / "worker.log", keeps_open=[lock]).wait()
    finally:
        os.close(lock)


def ensure_worker_seldom(workspace: Workspace) -> None:
    """As `ensure_worker`, at most every few seconds: for those who look again and again."""
    if time.monotonic() - _started_at.get(workspace.path, -STARTS_EVERY_S) >= STARTS_EVERY_S:
        ensure_worker(workspace)
