"""Which process holds a lock on a file, for the message of an error. Only Linux tells."""

import os
from collections.abc import Sequence
from pathlib import Path

_LOCKS = Path("/proc/locks")
_PROCESSES = Path("/proc")
_MAX_COMMAND_CHARS = 100
WAL_WRITE_LOCK = 120
"""The byte of the -shm file that the one writer of a database in WAL mode locks."""


def name(files: Sequence[Path]) -> str:
    """Return the process that holds an exclusive lock on one of the files.

    Returns:
        `process 4711 (python import.py)`, or `another process` where the system does not tell.
    """
    pid = next((found for file in files if (found := _holder(file)) is not None), None)
    if pid is None:
        return "another process"
    if pid == os.getpid():
        return "another part of this program"
    command = _command(pid)
    return f"process {pid} ({command})" if command else f"process {pid}"


def _holder(file: Path) -> int | None:
    """Return the process with an exclusive lock on a file; None if there is none or it is unknown."""
    try:
        status, lines = file.stat(), _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    is_index = file.name.endswith("-shm")
    for line in lines:
        fields = line.split()  # `1: POSIX ADVISORY WRITE 4711 fe:00:2607413 120 120`; `->`: it waits itself.
        if len(fields) < 8 or fields[1] == "->" or fields[3] != "WRITE" or fields[5] != inode:
            continue
        if is_index and not _has_byte(fields[6], fields[7], WAL_WRITE_LOCK):
            continue
        if fields[4].isdigit() and int(fields[4]) > 0:
            return int(fields[4])
    return None


def _has_byte(start: str, end: str, byte: int) -> bool:
    return int(start) <= byte and (end == "EOF" or byte <= int(end))


def _command(pid: int) -> str:
    """Return the command line of a process, shortened, with printable characters only."""
    try:
        line = (_PROCESSES / str(pid) / "cmdline").read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ""
    text = "".join(each if each.isprintable() else " " for each in line).strip()
    return text if len(text) <= _MAX_COMMAND_CHARS else f"{text[:_MAX_COMMAND_CHARS]} ..."
