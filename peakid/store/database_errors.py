"""What an error of SQLite means: a damaged, locked, full or read-only database, and the way back."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from peakid import files
from peakid.errors import PeakidError, WorkspaceBusy, WorkspaceDamaged, WorkspaceError, WorkspaceNotWritable
from peakid.remedies import action
from peakid.store import integrity, lock_holder

DATABASE_NAME = "peakid.db"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NOT_WRITABLE = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)
_NO_TEXT = "Could not decode to UTF-8"  # Raised by Python, without a code: a text cell holds other bytes.


def explained(error: BaseException, folder: Path) -> WorkspaceError | None:
    """Return what an error of SQLite means for the workspace; None for an error in a statement."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if integrity.is_damage(error) or _NO_TEXT in str(error):
        return damaged(folder, [str(error)])
    if code is None:
        return None
    # The low byte of an extended code is its primary code.
    if code & 0xFF in _BUSY:
        return busy(folder)
    return not_writable(folder, error) if code & 0xFF in _NOT_WRITABLE else None


def unexpected(error: BaseException, folder: Path) -> PeakidError | None:
    """Return what an exception says that no function expected: about the disk or a damaged database.

    Rows of a damaged database can have any value, so any exception may follow from them: the database is
    checked. None if it is sound; the exception is then an error of Peakid.
    """
    if found := files.explained(error, folder):
        return found
    if found := explained(error, folder):
        return found
    problems = _problems(folder / DATABASE_NAME)
    return damaged(folder, problems) if problems else None


def busy(folder: Path) -> WorkspaceBusy:
    """Return the error for a database that another process has locked for too long."""
    database = folder / DATABASE_NAME
    holder = lock_holder.name([database.with_name(f"{DATABASE_NAME}-shm"), database, folder / ".lock"])
    return WorkspaceBusy(
        f"The database of the workspace {folder} is locked: {holder} is writing to it.",
        "Wait until it has finished, or end that process, then try again. Nothing was changed.",
    )


def damaged(folder: Path, problems: Sequence[str]) -> WorkspaceDamaged:
    """Return the error for a damaged database.

    Args:
        problems: What was found, at least one line.
    """
    more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
    return WorkspaceDamaged(
        f"The database {folder / DATABASE_NAME} is damaged: {problems[0].rstrip('.')}{more}.",
        way_back(folder),
        action("restore_backup"),
    )


def lost(folder: Path, remains: str) -> WorkspaceDamaged:
    """Return the error for a database that is missing or empty beside what it described.

    Args:
        remains: What is in the folder, such as `57 images`.
    """
    database = folder / DATABASE_NAME
    state = "is empty" if database.exists() else "is missing"
    return WorkspaceDamaged(
        f"The database {database} {state}, and the folder has {remains}.",
        f"{way_back(folder)} A new workspace needs an empty folder.",
        action("restore_backup"),
    )


def way_back(folder: Path) -> str:
    """Return how to get a sound database again, in words: which copies there are."""
    copies = sorted((folder / "backups").glob("*.db"), key=lambda file: file.stat().st_mtime)
    if copies:
        there = f"{folder / 'backups'} has {len(copies)} earlier {'copy' if len(copies) == 1 else 'copies'}"
        there += f" of the database alone, the newest is {copies[-1].name}."
    else:
        there = f"{folder / 'backups'} has no earlier copy of the database."
    return f"Restore a backup; the folder as it is now is renamed and kept. {there}"


def not_writable(path: Path, error: Exception) -> WorkspaceNotWritable:
    """Return the error for a workspace that cannot be written, with the free space of its disk."""
    if files.is_full(path):  # SQLite says "disk I/O error" where no room is left for its shared memory.
        return WorkspaceNotWritable(
            f"The disk of the workspace {path} is full{files.free_space(path)}: nothing can be written.",
            "Free some space, then try again. What was saved before is kept.",
        )
    return WorkspaceNotWritable(
        f"The workspace {path} cannot be written: {error}{files.free_space(path)}.",
        "Check its permissions and free space, or choose another folder.",
    )


def read_only(path: Path) -> WorkspaceNotWritable:
    """Return the error for a change to a workspace that was opened for reading."""
    return WorkspaceNotWritable(
        f"The workspace {path} can only be read: its files or its disk do not allow writing.",
        "To change something, make the folder writable, or work in a copy of it.",
    )


def _problems(database: Path) -> tuple[str, ...]:
    if not database.is_file():
        return ()
    try:
        connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return ()
    try:
        return integrity.quick_check(connection)
    except sqlite3.Error:
        return ()
    finally:
        connection.close()
