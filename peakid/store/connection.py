"""Connections to the database of a workspace. Every statement runs here: errors of SQLite get words."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from peakid.errors import WorkspaceError, WorkspaceNotWritable
from peakid.store import database_errors, integrity

BUSY_TIMEOUT_MS = 10_000  # Twenty writing processes waited 9 ms at p99; a backup takes less than 10 s.

T = TypeVar("T")


class Connection(sqlite3.Connection):
    """A connection in autocommit mode whose cursors raise `WorkspaceError` for a bad or locked database.

    Attributes:
        folder: The workspace.
        inode: Of the database file when it was opened.
        is_immutable: SQLite does not look for changes of other processes; see `is_outdated`.
        unwritable: Why it can only read although the workspace was opened for writing; None if it can write.
    """

    folder: Path
    inode: int
    is_immutable = False
    unwritable: WorkspaceNotWritable | None = None

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or Cursor)

    # Written out: the methods of the base class do not use `cursor` in every version of Python.
    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        return self.cursor().executemany(*arguments)

    def executescript(self, *arguments: Any) -> sqlite3.Cursor:
        return self.cursor().executescript(*arguments)

    def is_outdated(self) -> bool:
        """Return whether the path has another file now, or an immutable file is being written by others."""
        if self.in_transaction:
            return False
        is_same = inode_of(self.folder / database_errors.DATABASE_NAME) == self.inode
        return not is_same or (self.is_immutable and _has_journal(self.folder))


class Cursor(sqlite3.Cursor):
    """A cursor that explains the errors of SQLite."""

    def execute(self, *arguments: Any) -> Self:
        return self._explaining(super().execute, *arguments)

    def executemany(self, *arguments: Any) -> Self:
        return self._explaining(super().executemany, *arguments)

    def executescript(self, *arguments: Any) -> Self:
        self._explaining(super().executescript, *arguments)
        return self

    def fetchone(self) -> Any:
        return self._explaining(super().fetchone)

    def fetchall(self) -> list[Any]:
        return self._explaining(super().fetchall)

    def __next__(self) -> Any:
        return self._explaining(super().__next__)

    def _explaining(self, call: Callable[..., T], *arguments: Any) -> T:
        try:
            return call(*arguments)
        except UnicodeDecodeError as error:
            folder = cast(Connection, self.connection).folder
            raise database_errors.damaged(folder, [integrity.UNREADABLE_SCHEMA]) from error
        except sqlite3.DatabaseError as error:
            found = database_errors.explained(error, cast(Connection, self.connection).folder)
            if found is None:
                raise
            raise found from error


def connect(database: Path, *, is_read_only: bool = False) -> Connection:
    """Open a database file that exists.

    Args:
        is_read_only: Read files that cannot be written.

    Raises:
        WorkspaceDamaged: If it is damaged or no database.
        WorkspaceNotWritable: If it cannot be opened.
    """
    try:
        connection = (
            _connect_for_reading(database) if is_read_only else _connect(f"{database.as_uri()}?mode=rw")
        )
    except sqlite3.Error as error:
        folder = database.parent
        raise database_errors.explained(error, folder) or database_errors.not_writable(
            folder, error
        ) from error
    connection.folder, connection.inode = database.parent, inode_of(database)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    if not is_read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # In WAL mode a process crash loses nothing.
    connection.execute("PRAGMA foreign_keys = ON")
    # Without this, INSERT OR REPLACE bypasses the append-only triggers.
    connection.execute("PRAGMA recursive_triggers = ON")
    return connection


def connect_or_read(database: Path) -> Connection:
    """Open a database file that exists for writing, or for reading where that fails.

    A full disk has no room for the files that writers share. What was saved can still be read and backed up.

    Raises:
        WorkspaceDamaged: If it is damaged or no database.
        WorkspaceNotWritable: If it cannot be read either.
    """
    try:
        return connect(database)
    except WorkspaceNotWritable as error:
        try:
            connection = connect(database, is_read_only=True)
            connection.execute("SELECT 1 FROM sqlite_master")  # A journal can be read by writers alone.
        except WorkspaceError:
            raise error from None
        # A new one: the traceback of the first keeps the failed connection open.
        connection.unwritable = WorkspaceNotWritable(error.message, error.remedy)
        return connection


def can_write(folder: Path) -> bool:
    """Return whether the system allows this user to write the folder and the files of its database."""
    paths = [
        folder,
        *(each for each in (folder / database_errors.DATABASE_NAME, _wal(folder)) if each.exists()),
    ]
    return all(os.access(path, os.W_OK) for path in paths)


def inode_of(file: Path) -> int:
    """Return the number of a file on its disk, 0 where it does not exist."""
    try:
        return file.stat().st_ino
    except OSError:
        return 0


def _connect(uri: str) -> Connection:
    timeout_s = BUSY_TIMEOUT_MS / 1000
    return sqlite3.connect(uri, isolation_level=None, timeout=timeout_s, factory=Connection, uri=True)


def _connect_for_reading(database: Path) -> Connection:
    """Open a database without writing: as `immutable` only where no other process has it open.

    In a folder that cannot be written SQLite cannot create the files that processes share, and so cannot
    see changes of others. The last process that closes a database removes these files; one that failed on a
    full disk leaves an empty journal.
    """
    is_immutable = not _has_journal(database.parent)
    connection = _connect(f"{database.as_uri()}?mode=ro{'&immutable=1' if is_immutable else ''}")
    connection.is_immutable = is_immutable
    return connection


def _has_journal(folder: Path) -> bool:
    try:
        return _wal(folder).stat().st_size > 0
    except OSError:
        return False


def _wal(folder: Path) -> Path:
    return folder / f"{database_errors.DATABASE_NAME}-wal"
