"""Which process a job belongs to, whether that process still lives, and how it is ended with everything it started."""

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
START_TOLERANCE_S = 0.5  # Two readings of one start differ by rounding; a reused pid is younger by far more.


@dataclass(frozen=True)
class Identity:
    """One process, told apart from any later one that gets its pid.

    Attributes:
        started_s: Seconds from the boot of the machine to the start of the process; no change of the clock moves it.
        boot_id: Names the boot.
    """

    pid: int
    started_s: float
    boot_id: str


def own() -> Identity:
    """Answer who this process is."""
    return of(os.getpid())


def of(pid: int) -> Identity:
    """Answer which process has the pid now."""
    return Identity(pid, _started_s(psutil.Process(pid)), _boot_id())


def is_alive(identity: Identity) -> bool:
    """Tell whether that very process still runs; a zombie has ended and only waits to be noticed."""
    if identity.boot_id != _boot_id():
        return False
    try:
        process = psutil.Process(identity.pid)
        is_same = abs(_started_s(process) - identity.started_s) <= START_TOLERANCE_S
        return is_same and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def kill_group(identity: Identity) -> None:
    """End the process and all of its group at once, also what is left of the group of a process that has gone.

    The number of a group that still has members is given to no new process. So if another process has the pid now, the
    group is empty and nothing is killed.
    """
    if identity.boot_id != _boot_id() or identity.pid in (0, 1, os.getpgrp()):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        if abs(_started_s(psutil.Process(identity.pid)) - identity.started_s) > START_TOLERANCE_S:
            return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(identity.pid, signal.SIGKILL)


def end_descendants() -> None:
    """Kill what this process has started and left running."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def lead_own_group() -> None:
    """Become the leader of a process group, so that `kill_group` reaches this process and nobody else."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def start(command: Sequence[str], log: Path, *, keeps_open: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a process in its own session and group; both of its outputs are appended to `log`, its input is empty.

    It outlives its starter, and a Ctrl-C in the starter's terminal does not reach it.
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
            env=settings.environment(),
        )


def _started_s(process: psutil.Process) -> float:
    # psutil adds the boot time as the clock has it now; taking it off again leaves what the kernel wrote down.
    return process.create_time() - psutil.boot_time()


@cache
def _boot_id() -> str:
    if LINUX_BOOT_ID.exists():
        return LINUX_BOOT_ID.read_text(encoding="ascii").strip()
    command = ["sysctl", "-n", "kern.bootsessionuuid"]  # macOS
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
