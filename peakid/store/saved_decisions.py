"""The id of the newest saved decision in a file beside the database: decisions that vanish are noticed.

SQLite keeps new rows in a second file, `peakid.db-wal`. Where that file is deleted, or an older copy of the
database is put in place, the rows are gone and the database is sound. Only something outside it can tell.
"""

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = ".last-decision"


@dataclass(frozen=True)
class Loss:
    """Decisions that were saved and are in the database no longer: the ids from `first_id` to `last_id`."""

    first_id: int
    last_id: int
    found_at: str

    @property
    def n(self) -> int:
        return self.last_id - self.first_id + 1

    def text(self) -> str:
        n = "1 saved decision is" if self.n == 1 else f"{self.n:,} saved decisions are"
        return (
            f"{n} missing since {self.found_at[:16].replace('T', ' ')} UTC or earlier: the file peakid.db-wal"
            " was deleted, or an older copy of the database was put in place."
        )


def note(folder: Path, newest_id: int) -> None:
    """Write the id of the newest decision. The decision is saved already, so a failure is ignored."""
    with contextlib.suppress(OSError):
        file = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(file, b"%020d\n" % newest_id, 0)  # Always of one length: no reader sees half of it.
        finally:
            os.close(file)


def noted(folder: Path) -> int:
    """Return the id in the file, 0 without a file or where it has no number."""
    try:
        text = (folder / FILE_NAME).read_bytes()[:64].strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def newest(connection: sqlite3.Connection) -> int:
    """Return the id of the newest decision in the database, 0 without one."""
    return int(connection.execute("SELECT COALESCE(MAX(id), 0) FROM decision").fetchone()[0])


def record_loss(connection: sqlite3.Connection, folder: Path, found_at: str) -> None:
    """Compare the file with the database, and store which decisions are missing. Ids are given again."""
    noted_id = noted(folder)  # Read first: another process may save a decision in between.
    newest_id = newest(connection)
    if noted_id > newest_id:
        connection.execute(
            "INSERT INTO decision_loss (first_id, last_id, found_at) VALUES (?, ?, ?)",
            (newest_id + 1, noted_id, found_at),
        )
    if noted_id != newest_id:
        note(folder, newest_id)


def losses(connection: sqlite3.Connection) -> list[Loss]:
    """List every loss that was noticed, oldest first."""
    rows = connection.execute("SELECT first_id, last_id, found_at FROM decision_loss ORDER BY id")
    return [Loss(*row) for row in rows]
