"""Whether jobs of a workspace are running, by a lock on one of its files that each job's process holds.

A lock says more than a row: it is held by a process that lives, and by none of another workspace.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from peakid.errors import WorkspaceInUse
from peakid.remedies import action
from peakid.store.workspace import DATABASE_NAME

LOCK_NAME = ".jobs.lock"


def join(folder: Path) -> int | None:
    """Hold the lock for this process, until it ends; other jobs may hold it too.

    Returns:
        The open file; None where the workspace is being replaced: this process must not start.
    """
    lock = _open(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        is_here = os.fstat(lock).st_ino == (folder / LOCK_NAME).stat().st_ino
    except OSError:
        is_here = False
    if not is_here:
        os.close(lock)
        return None
    return lock


@contextlib.contextmanager
def excluded(folder: Path) -> Generator[None]:
    """Keep jobs from running in a workspace as long as the block lasts.

    Raises:
        WorkspaceInUse: If a job is running; the message names it.
    """
    lock = _open(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise _in_use(folder) from error
    finally:
        os.close(lock)


def _open(folder: Path) -> int:
    return os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def _in_use(folder: Path) -> WorkspaceInUse:
    running = _running(folder)
    if not running:
        return WorkspaceInUse(
            f"A job of the workspace {folder} is still running.", "Wait until it has ended."
        )
    names = ", ".join(f"job {job_id} ({kind})" for job_id, kind in running)
    return WorkspaceInUse(
        f"The workspace {folder} cannot be replaced while {names} runs in it.",
        "Cancel it, or wait until it has ended.",
        *(action("cancel_job", job_id=job_id) for job_id, _ in running),
    )


def _running(folder: Path) -> list[tuple[int, str]]:
    try:
        with contextlib.closing(
            sqlite3.connect(f"{(folder / DATABASE_NAME).as_uri()}?mode=ro", uri=True)
        ) as db:
            return db.execute("SELECT id, kind FROM job WHERE state = 'running' ORDER BY id").fetchall()
    except sqlite3.Error:
        return []  # A damaged workspace can be replaced, too.
