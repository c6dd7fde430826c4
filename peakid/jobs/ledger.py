"""What the process of a job may write into its row, and how a job ends: only the process that holds the row, and only once."""

import json
import sqlite3
import time
from datetime import datetime
from typing import Any

from peakid.errors import WorkspaceNotWritable
from peakid.jobs.process import Identity
from peakid.records import JobState
from peakid.store import runs
from peakid.store.workspace import Workspace, now

REPORT_EVERY_S = (
    0.5  # Twenty writing processes at this pace are nothing to SQLite, and a person sees no more.
)
ASK_EVERY_S = 0.2

_MINE = "id = ? AND state = 'running' AND pid = ? AND pid_started_at = ? AND boot_id = ?"


class NotOurs(Exception):
    """The job's row belongs to another process now, or has ended: this process has nothing more to say."""

    def __init__(self, message: str = "The job belongs to another process now, or has ended.") -> None:
        super().__init__(message)  # Never empty: fastai reads the first word of whatever its callbacks raise.


class Cancelled(Exception):
    """A task's way to say that it stopped because it was asked to."""


class Work:
    """A claimed job as its task sees it: arguments in, progress and result out, and the question whether to stop."""

    def __init__(self, workspace: Workspace, row: sqlite3.Row, identity: Identity) -> None:
        self.workspace, self.identity = workspace, identity
        self.job_id: int = row["id"]
        self.kind: str = row["kind"]
        self.actor: str = row["actor"]
        self.arguments: dict[str, Any] = json.loads(row["arguments"])
        self.result: dict[str, Any] = {}
        self._newest: tuple[str, int, int, str] | None = None
        self._said_phase = ""
        self._wrote_at = self._asked_at = 0.0
        self._is_stopping = False

    def report(self, phase: str, step: int, total: int, message: str) -> None:
        """Say how far it is; written at most each half second, the newest always in the end.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        self._newest = (phase, step, total, message)
        if time.monotonic() - self._wrote_at >= REPORT_EVERY_S:
            self._write_progress(*self._newest)

    def note(self, **result: Any) -> None:
        """Make a part of the result known before the job ends, such as the run that it began."""
        self.result |= result
        self._update("result = ?", json.dumps(self.result, default=str))

    def should_stop(self) -> bool:
        """Tell whether someone asked the job to stop; the first yes is written down, so that it is given time to finish.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        if self._is_stopping or time.monotonic() - self._asked_at < ASK_EVERY_S:
            return self._is_stopping
        self._asked_at = time.monotonic()
        row = self.workspace.one(
            f"SELECT is_cancel_requested FROM job WHERE {_MINE}", _key(self.job_id, self.identity)
        )
        if row is None:
            raise NotOurs
        if row["is_cancel_requested"]:
            self._is_stopping = True
            self._update("stopping_at = ?", now())
        return self._is_stopping

    def end(self, state: JobState, *, error: str = "") -> None:
        """Write the last word of this job.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        if self._newest:
            self._write_progress(*self._newest)
        if not end(self.workspace, self.job_id, self.identity, state, error=error, result=self.result):
            raise NotOurs

    def _write_progress(self, phase: str, step: int, total: int, message: str) -> None:
        if phase != self._said_phase:
            print(f"{now()} {phase} {step}/{total} {message}".rstrip(), flush=True)
        self._said_phase, self._newest, self._wrote_at = phase, None, time.monotonic()
        try:
            self._update(
                "phase = ?, step = ?, total = ?, message = ?, heartbeat_at = ?",
                phase,
                step,
                total,
                message,
                now(),
            )
        except (
            WorkspaceNotWritable
        ) as error:  # Busy for ten seconds: hours of training are not thrown away for a progress bar.
            print(f"{now()} Progress was not written: {error}", flush=True)

    def _update(self, columns: str, *values: Any) -> None:
        with self.workspace.transaction() as connection:
            sql = f"UPDATE job SET {columns} WHERE {_MINE}"
            if connection.execute(sql, (*values, *_key(self.job_id, self.identity))).rowcount == 0:
                raise NotOurs


def claim(workspace: Workspace, job_id: int, identity: Identity) -> Work | None:
    """Take a queued job for the process `identity`; None unless it is the first of its lane and nothing runs there."""
    stamp = now()
    with workspace.transaction() as connection:
        is_ours = connection.execute(
            "UPDATE job SET state = 'running', pid = ?, pid_started_at = ?, boot_id = ?, started_at = ?, heartbeat_at = ?"
            " WHERE id = ? AND state = 'queued' AND NOT EXISTS (SELECT 1 FROM job other WHERE other.lane = job.lane"
            " AND (other.state = 'running' OR (other.state = 'queued'"
            " AND (other.priority > job.priority OR (other.priority = job.priority AND other.id < job.id)))))",
            (identity.pid, identity.started_s, identity.boot_id, stamp, stamp, job_id),
        ).rowcount
        row = connection.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    return Work(workspace, row, identity) if is_ours else None


def end(
    workspace: Workspace,
    job_id: int,
    identity: Identity,
    state: JobState,
    *,
    error: str = "",
    result: dict[str, Any] | None = None,
) -> bool:
    """End a running job that the process `identity` holds, and its unfinished runs with it; False where it does not hold it."""
    with workspace.transaction() as connection:
        is_ours = connection.execute(
            f"UPDATE job SET state = ?, error = ?, result = COALESCE(?, result), finished_at = ? WHERE {_MINE}",
            (
                state,
                error,
                None if result is None else json.dumps(result, default=str),
                now(),
                *_key(job_id, identity),
            ),
        ).rowcount
        if is_ours:
            runs.follow_job(connection, job_id, state)
    return bool(is_ours)


def seconds_between(start: str | None, finish: str | None) -> float:
    """Answer the seconds from one time of the database to another; no start is 0, no finish is now."""
    if start is None:
        return 0.0
    return (datetime.fromisoformat(finish or now()) - datetime.fromisoformat(start)).total_seconds()


def _key(job_id: int, identity: Identity) -> tuple[int, int, float, str]:
    return job_id, identity.pid, identity.started_s, identity.boot_id
