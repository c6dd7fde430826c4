"""One worker per workspace: it holds a file lock, and a free lock means that no worker is running.

The worker signs the lock's file, so that a newer version can end it and take its place.
"""

import contextlib
import fcntl
import json
import os
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil

import peakid
from peakid import settings
from peakid.jobs import process
from peakid.jobs.process import Identity
from peakid.store.workspace import Workspace

LOCK_NAME = ".worker.lock"
SIGNS_WITHIN_S = 60.0  # A worker that was started signs after its imports, within a second or two.
ENDS_WITHIN_S = 5.0
STARTS_EVERY_S = 3.0  # At most this often: a worker that cannot start must not be started in a loop.

_started_at: dict[Path, float] = {}


def take(workspace: Workspace) -> int | None:
    """Take the worker's lock and return its file descriptor, or None where a worker is running.

    The lock belongs to the open file, not to the process: a child that inherits the file holds the lock,
    and the kernel releases it when the last holder ends, however it ends.
    """
    lock = os.open(workspace.path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if hold(lock):
        sign(lock)
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


def sign(lock: int) -> None:
    """Write this process and its version into the lock's file: the starter does so, then the worker."""
    signed = {"version": peakid.__version__, "process": asdict(process.own()), "signed_at": time.time()}
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(signed).encode(), 0)


def ensure_worker(workspace: Workspace) -> None:
    """Start a worker unless one is running. One of an earlier version is ended first; its jobs continue.

    An earlier version would run a job with its own code, and before 0.3 with its own settings. The starter
    takes the lock and the worker inherits it, so that no second worker can start in between.
    """
    lock = take(workspace)
    if lock is None and end_older(workspace):
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


def end_older(workspace: Workspace) -> bool:
    """End a worker of an earlier version that holds the lock; return whether there was one."""
    if not _is_older((workspace.path / LOCK_NAME).read_bytes()):
        return False
    found = [each for each in psutil.process_iter() if _is_worker_of(each, workspace.path)]
    for each in found:
        with contextlib.suppress(psutil.Error):
            each.terminate()  # Its jobs are in process groups of their own.
    psutil.wait_procs(found, timeout=ENDS_WITHIN_S)
    return bool(found)


def _is_older(signature: bytes) -> bool:
    """Return whether the holder of a lock with this signature has an earlier version.

    Before 0.3 a worker did not sign: the file is empty, or names a process that has ended. The starter of a
    worker may end before the worker signs.
    """
    try:
        signed = json.loads(signature)
        identity, version = Identity(**signed["process"]), str(signed["version"])
        is_new = time.time() - float(signed["signed_at"]) < SIGNS_WITHIN_S
    except (ValueError, TypeError, KeyError):
        return True
    is_signed = is_new or process.is_alive(identity)
    return not is_signed or _numbers(version) < _numbers(peakid.__version__)


def _numbers(version: str) -> list[int]:
    """Return the numbers of a version: 0.10.1 is [0, 10, 1]."""
    return [int(number) for number in re.findall(r"\d+", version)]


def _is_worker_of(found: psutil.Process, path: Path) -> bool:
    try:
        command = found.cmdline()
    except psutil.Error:
        return False
    is_worker = "peakid.jobs.worker" in command and "/bin/sh" not in command
    return is_worker and "--workspace" in command and str(path) in command


def ensure_worker_seldom(workspace: Workspace) -> None:
    """As `ensure_worker`, but at most every few seconds: for callers that poll."""
    if may_start(workspace.path):
        ensure_worker(workspace)


def may_start(path: Path) -> bool:
    """Return whether this process has started no worker of the workspace in the last few seconds."""
    return time.monotonic() - _started_at.get(path, -STARTS_EVERY_S) >= STARTS_EVERY_S
