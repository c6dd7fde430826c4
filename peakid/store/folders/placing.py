"""Put a prepared folder in the place of another, without a moment in which neither is there.

It is prepared in a working folder beside its place. A working folder whose process was killed is cleared by
the next one; a replacement that was interrupted is completed, or taken back if it had not begun.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from peakid import files, paths
from peakid.errors import UnsafePath

LOCK_FILES = frozenset({".lock", ".jobs.lock", ".worker.lock", ".suggester.lock"})
_LOCK, _JOURNAL, _PREPARED = "in-use", "replacing.json", "workspace"
UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # What renameat2 answers where it cannot.
_RENAME_EXCHANGE = 2  # linux/fs.h
_AT_FDCWD = -100  # linux/fcntl.h
_STARTING_S = 60.0  # A younger working folder without a lock is one that is just being made.


def restoring_prefix(folder: Path) -> str:
    """Return how the names of the working folders begin that prepare a workspace at `folder`."""
    return f".{folder.name}-restoring-"


@contextlib.contextmanager
def working_folder(parent: Path, prefix: str) -> Generator[Path]:
    """Yield an empty folder in `parent`; remove it afterwards, and those that killed processes left there.

    Raises:
        OSError: If `parent` cannot be written.
    """
    sweep(parent, prefix)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(lock)
    finally:
        with contextlib.suppress(OSError):  # Or it would hide why the block has failed.
            _clear(folder)


def prepared(working: Path) -> Path:
    """Return the path at which a working folder has what is being prepared."""
    return working / _PREPARED


def sweep(parent: Path, prefix: str) -> None:
    """Clear the working folders whose processes are gone."""
    try:
        there = [each for each in parent.iterdir() if each.name.startswith(prefix)]
    except OSError:
        return  # Writing there will fail with a better message.
    for folder in there:
        with contextlib.suppress(OSError):  # Another process may clear it at the same time.
            if folder.is_dir() and not folder.is_symlink():
                _sweep_one(folder)


def recover(folder: Path) -> None:
    """Complete a replacement of `folder` that was interrupted between its two steps."""
    if not folder.exists():
        sweep(folder.parent, restoring_prefix(folder))


def place(working: Path, folder: Path) -> Path | None:
    """Move the prepared folder to `folder`; keep what was there under another name.

    Returns:
        Where the former folder is now, None if there was none, or nothing of value in it.

    Raises:
        OSError: If it cannot be moved; `folder` is as before.
    """
    fresh = working / _PREPARED
    if not folder.exists():
        fresh.rename(folder)
        return None
    aside = _plan(working, folder)
    return _keep(fresh, aside) if _exchange(fresh, folder) else replace_in_two_steps(working, folder, aside)


def replace_in_two_steps(working: Path, folder: Path, aside: Path | None = None) -> Path | None:
    """As `place`, for a system or a disk that cannot exchange two folders.

    If the process is killed between the steps, `recover` completes the replacement.
    """
    aside = aside or _plan(working, folder)
    folder.rename(aside)
    (working / _PREPARED).rename(folder)
    return _keep(aside, aside)


def _plan(working: Path, folder: Path) -> Path:
    """Write down what is about to happen; return the new name of the former folder."""
    aside, fresh = _free_name(folder), working / _PREPARED
    journal = {
        "folder": folder.name,
        "aside": aside.name,
        "old": files.file_of(folder),
        "fresh": files.file_of(fresh),
    }
    files.write_bytes(working / _JOURNAL, json.dumps(journal).encode(), is_synced=True)
    return aside


def _free_name(folder: Path) -> Path:
    stem = f"{folder.name}.replaced-{datetime.now(UTC):%Y-%m-%dT%H%M%S}"
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 1000))
    return next(path for name in names if not (path := folder.with_name(name)).exists())


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; return False where the system or the disk cannot."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    paths_ = os.fsencode(one), os.fsencode(other)
    if library.renameat2(_AT_FDCWD, paths_[0], _AT_FDCWD, paths_[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _keep(old: Path, aside: Path) -> Path | None:
    """Give the former folder its new name; remove it if it has nothing but locks."""
    if all(path.name in LOCK_FILES or path.name == "forgotten.txt" for path in old.iterdir()):
        shutil.rmtree(old)
        return None
    if old != aside:
        old.rename(aside)
    return aside


def _sweep_one(folder: Path) -> None:
    lock = folder / _LOCK
    if not lock.is_file():
        if time.time() - folder.stat().st_mtime > _STARTING_S:
            folder.rmdir()  # Only if it is empty: its process was killed before it began.
        return
    with lock.open("rb+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # Its process is alive.
        _clear(folder)


def _clear(folder: Path) -> None:
    """Remove a working folder, but never a workspace that was in use before."""
    there = folder / _PREPARED
    if (folder / _JOURNAL).is_file() and there.exists() and not _is_settled(folder, there):
        return  # It is not known what this is: a person has to look.
    for path in [each for each in folder.iterdir() if each.name != _LOCK]:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (folder / _LOCK).unlink(missing_ok=True)  # Last: without it, the next process would not clear the rest.
    folder.rmdir()


def _is_settled(folder: Path, there: Path) -> bool:
    """Complete or take back what the journal describes; return whether the working folder can be removed."""
    try:
        journal = json.loads((folder / _JOURNAL).read_text(encoding="utf-8"))
        target = paths.inside(folder.parent, journal["folder"])
        aside = paths.inside(folder.parent, journal["aside"])
        old, fresh = journal["old"], journal["fresh"]
    except (OSError, ValueError, KeyError, TypeError, UnsafePath):
        return False
    if files.file_of(there) == old:
        _keep(there, aside)
    elif files.file_of(there) != fresh:
        return False
    elif not target.exists():
        there.rename(target)
    return True
