"""The process of a job: its identity, whether it is alive, and how to kill it with all its children."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from peakid import settings

LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START_TOLERANCE_S = 0.5  # Readings of one start time differ by rounding; with a reused pid, by far more.


@dataclass(frozen=True)
class Identity:
    """One process, distinguishable from any later process that gets the same pid.

    Attributes:
        started_s: Seconds from the boot of the machine to the start of the process; independent of the clock.
        boot_id: Identifies the boot.
    """

    pid: int
    started_s: float
    boot_id: str


def own() -> Identity:
    """Return the identity of this process."""
    return of(os.getpid())


def of(pid: int) -> Identity:
    """Return the identity of the process that has the pid now."""
    return Identity(pid, _started_s(psutil.Process(pid)), _boot_id())


def is_alive(identity: Identity) -> bool:
    """Return whether exactly this process is still running; a zombie has ended."""
    if identity.boot_id != _boot_id():
        return False
    try:
        process = psutil.Process(identity.pid)
        is_same = abs(_started_s(process) - identity.started_s) <= START_TOLERANCE_S
        return is_same and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def kill_group(identity: Identity) -> None:
    """Kill the process and its whole group, including the rest of the group if the process is gone.

    A pid is not reused while a group with that number has members. So if another process has the pid now, the
    group is empty and nothing is killed.
    """
    if identity.boot_id != _boot_id() or identity.pid in (0, 1, os.getpgrp()):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        if abs(_started_s(psutil.Process(identity.pid)) - identity.started_s) > START_TOLERANCE_S:
            return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(identity.pid, signal.SIGKILL)


def kill_descendants() -> None:
    """Kill all processes that this process has started."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def lead_own_group() -> None:
    """Become the leader of a process group, so that `kill_group` reaches only this job."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def start(command: Sequence[str], log: Path, *, keeps_open: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a process in its own session and group; stdout and stderr are appended to `log`, stdin is empty.

    It outlives this process, and a Ctrl-C in this terminal does not reach it. Its environment has no
    settings: those of a job travel in its row.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keeps_open,
            env=settings.bare_environment(),
        )


def _started_s(process: psutil.Process) -> float:
    # psutil adds the boot time by the current clock; subtracting it again gives the value of the kernel.
    return process.create_time() - psutil.boot_time()


@cache
def _boot_id() -> str:
    if LINUX_BOOT_ID.exists():
        return LINUX_BOOT_ID.read_text(encoding="ascii").strip()
    command = ["sysctl", "-n", "kern.bootsessionuuid"]  # macOS
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
