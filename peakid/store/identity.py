"""Which workspace a folder is: its identity, renewed when the folder is a copy or a restored backup.

A job's process belongs to the workspace that started it. The rows of a copy still have the process numbers of
the original; without an identity, cancelling a job in the copy would kill the training of the original.
"""

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Literal

from peakid import files

Cause = Literal[
    "the workspace was copied",
    "the backup was made",
]  # fmt: skip


def file_at(database: Path) -> str:
    """Return which file a database is, as `device:inode:path`."""
    file = files.file_of(database)
    return f"{file}:{database}" if file else ""


def is_same(recorded: str, file: str) -> bool:
    """Return whether a database is still in the file that it recorded, or in that file after a move.

    A copy has another inode, or the same one by chance, on another disk and at another path. The number of a
    device alone may change when the machine restarts.
    """
    before, now = recorded.split(":", 2), file.split(":", 2)
    if len(before) < 3 or len(now) < 3:
        return False  # It has not been opened yet, or is gone.
    return before[1] == now[1] and (before[0] == now[0] or before[2] == now[2])


def adopt(connection: sqlite3.Connection, file: str, *, at: str) -> None:
    """Renew the identity if the database is a copy. A folder that is moved on its disk keeps its identity.

    Args:
        file: The file that the database is in, from `file_at`.
        at: The time now, as in all tables.
    """
    row = connection.execute("SELECT file FROM workspace_identity").fetchone()
    if row is not None and row["file"] == file:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if row is None or (row["file"] and not is_same(row["file"], file)):
            renew(connection, file, cause="the workspace was copied", at=at)
        else:  # It was moved, or has an identity for the first time.
            connection.execute("UPDATE workspace_identity SET file = ?", (file,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def renew(connection: sqlite3.Connection, file: str, *, cause: Cause, at: str) -> None:
    """Give the database a new identity and end its open jobs in words. Call it in a transaction.

    Args:
        file, at: As for `adopt`.
        cause: What happened while the jobs were open.
    """
    connection.execute("DELETE FROM workspace_identity")
    connection.execute(
        "INSERT INTO workspace_identity (id, identity, file, made_at) VALUES (1, ?, ?, ?)",
        (uuid.uuid4().hex, file, at),
    )
    for state, ended, doing in (("running", "lost", "running"), ("queued", "cancelled", "waiting")):
        for row in connection.execute("SELECT id FROM job WHERE state = ?", (state,)).fetchall():
            actions = [{"kind": "resume_job", "arguments": {"job_id": row["id"]}}]
            connection.execute(
                "UPDATE job SET state = ?, error = ?, remedy = 'Resume it to run it here.', actions = ?,"
                " finished_at = ?, pid = NULL, pid_started_at = NULL, boot_id = NULL WHERE id = ?",
                (ended, f"It was {doing} when {cause}.", json.dumps(actions), at, row["id"]),
            )
    connection.execute(
        "UPDATE run SET state = 'lost', finished_at = ? WHERE state = 'running'",
        (at,),
    )
