"""One process of a service per workspace: it holds a file lock, and a free lock means that none is running.

The process signs the lock's file, so that a newer version can end it and take its place. The worker is one
service; the process that keeps the suggestions up to date is another.
"""

import contextlib
import fcntl
import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

import peakid
from peakid import settings
from peakid.jobs import process
from peakid.jobs.process import Identity
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Service:
    """A process that runs at most once in a workspace.

    Attributes:
        module: What `python -m` runs. It takes `--workspace`, `--lock` and `--idle-s`.
        lock_name: The file in the workspace whose lock it holds.
        log_name: In the folder of logs.
        idle_setting: The setting with the seconds without work after which it ends.
    """

    module: str
    lock_name: str
    log_name: str
    idle_setting: str


WORKER = Service("peakid.jobs.worker", ".worker.lock", "worker.log", "worker_idle_s")
SUGGESTER = Service("peakid.jobs.suggester", ".suggester.lock", "suggester.log", "suggester_idle_s")
LOCK_NAME = WORKER.lock_name
SIGNS_WITHIN_S = 60.0  # A worker that was started signs after its imports, within a second or two.
ENDS_WITHIN_S = 5.0
STARTS_EVERY_S = 3.0  # At most this often: a worker that cannot start must not be started in a loop.

_started_at: dict[tuple[Path, Service], float] = {}


def take(workspace: Workspace, service: Service = WORKER) -> int | None:
    """Take the lock of a service and return its file descriptor, or None where its process is running.

    The lock belongs to the open file, not to the process: a child that inherits the file holds the lock,
    and the kernel releases it when the last holder ends, however it ends.
    """
    lock = os.open(workspace.path / service.lock_name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if hold(lock):
        sign(lock)
        return lock
    os.close(lock)
    return None


def hold(lock: int) -> bool:
    """Try to take the lock of an open file; False where another process has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(lock: int) -> None:
    fcntl.flock(lock, fcntl.LOCK_UN)


def sign(lock: int) -> None:
    """Write this process and its version into the lock's file: the starter does so, then the service."""
    signed = {"version": peakid.__version__, "process": asdict(process.own()), "signed_at": time.time()}
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(signed).encode(), 0)


def ensure_worker(workspace: Workspace) -> None:
    """Start a worker unless one is running. One of an earlier version is ended first; its jobs continue.

    An earlier version would run a job with its own code, and before 0.3 with its own settings.
    """
    ensure(workspace, WORKER)


def ensure(workspace: Workspace, service: Service) -> None:
    """Start the process of a service unless one is running. One of an earlier version is ended first.

    The starter takes the lock and the process inherits it, so that no second one can start in between.
    """
    lock = take(workspace, service)
    if lock is None and end_older(workspace, service):
        lock = take(workspace, service)
    if lock is None:
        return
    try:
        _started_at[workspace.path, service] = time.monotonic()
        # Started through a shell that exits at once: the process is then no child of this one, which would
        # otherwise have to wait for it.
        idle_s = getattr(settings.Settings(), service.idle_setting)
        options = ["--workspace", str(workspace.path), "--lock", str(lock), "--idle-s", str(idle_s)]
        command = [sys.executable, "-u", "-m", service.module, *options]
        starter = ["/bin/sh", "-c", '"$@" &', "sh", *command]
        process.start(starter, workspace.logs_dir / service.log_name, keeps_open=[lock]).wait()
    finally:
        os.close(lock)


def end_older(workspace: Workspace, service: Service = WORKER) -> bool:
    """End a process of an earlier version that holds the lock; return whether there was one."""
    if not _is_older((workspace.path / service.lock_name).read_bytes()):
        return False
    found = [each for each in psutil.process_iter() if _is_process_of(each, workspace.path, service)]
    for each in found:
        with contextlib.suppress(psutil.Error):
            each.terminate()  # The jobs of a worker are in process groups of their own.
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


def _is_process_of(found: psutil.Process, path: Path, service: Service) -> bool:
    try:
        command = found.cmdline()
    except psutil.Error:
        return False
    is_service = service.module in command and "/bin/sh" not in command
    return is_service and "--workspace" in command and str(path) in command


def ensure_worker_seldom(workspace: Workspace) -> None:
    """As `ensure_worker`, but at most every few seconds: for callers that poll."""
    if may_start(workspace.path):
        ensure_worker(workspace)


def may_start(path: Path, service: Service = WORKER) -> bool:
    """Return whether this process has started none of the service in the last few seconds."""
    return time.monotonic() - _started_at.get((path, service), -STARTS_EVERY_S) >= STARTS_EVERY_S
