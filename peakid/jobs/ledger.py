"""How a job's process writes to the job's row: progress, result and end, only while it holds the row.

A process that lost its job (it was declared lost and resumed elsewhere) can no longer change anything.
"""

import contextlib
import json
import sqlite3
import time
from datetime import datetime
from typing import Any, TypeVar

from peakid import files, job_settings, progress_text
from peakid.errors import JobError, PeakidError, WorkspaceNotWritable
from peakid.job_settings import JobSettings
from peakid.jobs import arguments as job_arguments
from peakid.jobs import results
from peakid.jobs.arguments import Arguments, RecipeArguments
from peakid.jobs.process import Identity
from peakid.jobs.results import Result
from peakid.progress_text import Pace
from peakid.records import JobState
from peakid.remedies import action
from peakid.store import runs
from peakid.store.workspace import Workspace, now

REPORT_EVERY_S = 0.5  # SQLite handles twenty processes writing at this rate, and no one reads faster.
ASK_EVERY_S = 0.2

A = TypeVar("A", bound=Arguments | RecipeArguments)

_MINE = "id = ? AND state = 'running' AND pid IS ? AND pid_started_at IS ? AND boot_id IS ?"


class NotOurs(Exception):
    """The job belongs to another process now, or has ended: this process must not write any more."""

    def __init__(self, message: str = "The job belongs to another process now, or has ended.") -> None:
        super().__init__(message)  # Never empty: fastai reads the first word of whatever its callbacks raise.


class Cancelled(Exception):
    """A task stopped because a person cancelled its job."""


class GaveWay(Exception):
    """A job of low priority was queued again, because another one of its lane waits."""


class Work:
    """A claimed job for its task: arguments, a way to report progress and results, and whether to stop."""

    def __init__(self, workspace: Workspace, row: sqlite3.Row, identity: Identity) -> None:
        self.workspace, self.identity = workspace, identity
        self.job_id: int = row["id"]
        self.kind: str = row["kind"]
        self.actor: str = row["actor"]
        self.arguments: Arguments | None = job_arguments.parse(self.kind, json.loads(row["arguments"]))
        self._settings = job_settings.parse(json.loads(row["settings"]))
        self.result: Result | None = None
        self._unwritten: tuple[str, int, int, str] | None = None
        self._last = ("", 0, 0, "")
        self._logged_phase, self._pace = "", Pace()
        self._wrote_at = self._asked_at = 0.0
        self._is_stopping = False

    @property
    def settings(self) -> JobSettings:
        """What the job takes from the settings of the process that submitted or resumed it.

        Raises:
            JobError: If an earlier version queued the job: its settings are unknown.
        """
        if self._settings is None:
            raise JobError(
                f"Job {self.job_id} was queued by an earlier version, which did not store the settings of a "
                "job, such as the folder of weights.",
                "Resume it to run it with the present settings.",
                action("resume_job", job_id=self.job_id),
            )
        return self._settings

    def arguments_as(self, kind: type[A]) -> A:
        """Return the arguments as a record of this kind.

        Raises:
            TypeError: If the job is of another kind.
        """
        if not isinstance(self.arguments, kind):
            raise TypeError(f"Job {self.job_id} ({self.kind}) has no {kind.__name__}.")
        return self.arguments

    def report(self, phase: str, step: int, total: int, message: str) -> None:
        """Report progress, with the rate and time of the phase where the message has none.

        It is written at most twice a second. The first report of a phase and the last of all are always
        written: a phase may take long without another report.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        self._last = phase, step, total, message
        self._unwritten = (phase, step, total, self._pace.timed(phase, step, total, message))
        is_new = progress_text.kind_of(phase) != progress_text.kind_of(self._logged_phase)
        if is_new or time.monotonic() - self._wrote_at >= REPORT_EVERY_S:
            self._write_progress(*self._unwritten)

    def say(self, message: str) -> None:
        """Report a message at the place of the last report, such as what the job waits for.

        It is written at once: nothing else is reported meanwhile.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        phase, step, total, _ = self._last
        self._write_progress(phase, step, total, message)

    def note(self, result: Result) -> None:
        """Store what the job has so far, such as the run that it began; replaces the result before.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        self.result = result
        self._update("result = ?", json.dumps(results.document(result), default=str))

    def should_stop(self) -> bool:
        """Return whether the job was cancelled.

        The first time it was, that is written to the row: the worker then gives the task more time to finish.

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

    def give_way(self) -> None:
        """Queue the job again if another one of its lane has a higher priority; what it wrote stays.

        Raises:
            GaveWay: If it was queued again: the task returns and another process continues it later.
            NotOurs: If the job belongs to another process now.
        """
        with self.workspace.transaction() as connection:
            is_queued = connection.execute(
                "UPDATE job SET state = 'queued', phase = '', step = 0, total = 0, message = '', pid = NULL,"
                " pid_started_at = NULL, boot_id = NULL, started_at = NULL, heartbeat_at = NULL,"
                " stopping_at = NULL"
                f" WHERE {_MINE} AND is_cancel_requested = 0 AND EXISTS (SELECT 1 FROM job other"
                " WHERE other.lane = job.lane AND other.state = 'queued' AND other.priority > job.priority)",
                _key(self.job_id, self.identity),
            ).rowcount
        if is_queued:
            self._unwritten = None
            raise GaveWay(f"Job {self.job_id} continues later.")

    def end(self, state: JobState, *, error: PeakidError | None = None) -> None:
        """Write how the job ended, with its last progress.

        Raises:
            NotOurs: If the job belongs to another process now.
        """
        if self._unwritten:
            self._write_progress(*self._unwritten)
        if not end(self.workspace, self.job_id, self.identity, state, error=error):
            raise NotOurs

    def _write_progress(self, phase: str, step: int, total: int, message: str) -> None:
        if phase != self._logged_phase:
            _log(f"{phase} {step}/{total} {message}")
        self._logged_phase, self._unwritten, self._wrote_at = phase, None, time.monotonic()
        columns = "phase = ?, step = ?, total = ?, message = ?, heartbeat_at = ?"
        try:
            self._update(columns, phase, step, total, message, now())
        except WorkspaceNotWritable as error:
            # A busy database or full disk must not cost hours of training for a progress bar.
            _log(f"Progress was not written: {error}")

    def _update(self, columns: str, *values: Any) -> None:
        with self.workspace.transaction() as connection:
            sql = f"UPDATE job SET {columns} WHERE {_MINE}"
            if connection.execute(sql, (*values, *_key(self.job_id, self.identity))).rowcount == 0:
                raise NotOurs


def claim(workspace: Workspace, job_id: int, identity: Identity) -> Work | None:
    """Claim a queued job for a process; None unless it is next in its lane and nothing runs there."""
    stamp = now()
    with workspace.transaction() as connection:
        is_ours = connection.execute(
            "UPDATE job SET state = 'running', pid = ?, pid_started_at = ?, boot_id = ?, owner = ?,"
            " started_at = ?, heartbeat_at = ?"
            " WHERE id = ? AND state = 'queued' AND NOT EXISTS ("
            "SELECT 1 FROM job other WHERE other.lane = job.lane"
            " AND (other.state = 'running' OR (other.state = 'queued' AND (other.priority > job.priority"
            " OR (other.priority = job.priority AND other.id < job.id)))))",
            (*_process(identity), workspace.identity(), stamp, stamp, job_id),
        ).rowcount
        row = connection.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    return Work(workspace, row, identity) if is_ours else None


def end(
    workspace: Workspace,
    job_id: int,
    identity: Identity,
    state: JobState,
    *,
    error: PeakidError | None = None,
) -> bool:
    """End a running job that the process `identity` holds, and its unfinished runs with it.

    Returns:
        False where that process does not hold the job; nothing is changed then.
    """
    columns = "state = ?, error = ?, remedy = ?, actions = ?, finished_at = ?"
    values = (state, *error_columns(error), now(), *_key(job_id, identity))
    with workspace.transaction() as connection:
        is_ours = connection.execute(f"UPDATE job SET {columns} WHERE {_MINE}", values).rowcount
        if is_ours:
            runs.follow_job(connection, job_id, state)
    return bool(is_ours)


def fail_queued(workspace: Workspace, error: PeakidError, job_id: int | None = None) -> None:
    """End a queued job that cannot be started, or all of them: it does not wait without a reason.

    Args:
        error: What prevents the start. Every job gets the action to resume it.
    """
    with workspace.transaction() as connection:
        sql = "SELECT id FROM job WHERE state = 'queued' AND id = COALESCE(?, id)"
        for row in connection.execute(sql, (job_id,)).fetchall():
            resumable = JobError(error.message, error.remedy, action("resume_job", job_id=row["id"]))
            connection.execute(
                "UPDATE job SET state = 'failed', error = ?, remedy = ?, actions = ?, finished_at = ?"
                " WHERE id = ?",
                (*error_columns(resumable), now(), row["id"]),
            )


def start_error(error: OSError, workspace: Workspace) -> JobError:
    """Return why the process of a job cannot be started."""
    found = files.explained(error, workspace.logs_dir)
    message = found.message if found else f"{error.strerror or error}."
    remedy = f"{found.remedy} Then resume it." if found else "Resume it."
    return JobError(f"Its process cannot be started: {message}", remedy)


def error_columns(error: PeakidError | None) -> tuple[str, str, str]:
    """Return the values of the columns `error`, `remedy` and `actions`."""
    if error is None:
        return "", "", "[]"
    actions = [{"kind": each.kind, "arguments": dict(each.arguments)} for each in error.actions]
    return _in_one_line(error.message), _in_one_line(error.remedy), json.dumps(actions)


def seconds_between(start: str | None, finish: str | None) -> float:
    """Return the seconds between two times of the database: 0 without a start, until now without a finish."""
    if start is None:
        return 0.0
    return (datetime.fromisoformat(finish or now()) - datetime.fromisoformat(start)).total_seconds()


def _log(text: str) -> None:
    with contextlib.suppress(OSError):  # The disk of the log may be full.
        print(f"{now()} {text}".rstrip(), flush=True)


def _key(job_id: int, identity: Identity) -> tuple[int, int, float, str]:
    return job_id, *_process(identity)


def _process(identity: Identity) -> tuple[int, float, str]:
    return identity.pid, identity.started_s, identity.boot_id


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
