"""Which workspace a folder is: its identity, renewed when the folder is a copy or a restored backup.

A job's process belongs to the workspace that started it. The rows of a copy still have the process numbers of
the original; without an identity, cancelling a job in the copy would kill the training of the original.
"""

import json
import sqlite3
import uuid
from typing import Literal

Cause = Literal[
    "the workspace was copied",
    "the backup was made",
]  # fmt: skip


def adopt(connection: sqlite3.Connection, file: str, *, at: str) -> None:
    """Renew the identity if the database is a copy: it records the file that it was in, by device and inode.

    A folder that is moved on its disk keeps its identity.

    Args:
        file: The file that the database is in, from `files.file_of`.
        at: The time now, as in all tables.
    """
    row = connection.execute("SELECT file FROM workspace_identity").fetchone()
    if row is not None and row["file"] == file:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if row is None or row["file"]:
            renew(connection, file, cause="the workspace was copied", at=at)
        else:  # The first time that it is opened with an identity.
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
