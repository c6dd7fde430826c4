"""The queue of jobs as pages and commands see it: submit, watch, cancel, resume. Whoever looks notices the dead."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from peakid.errors import JobNotWaiting, NotFound
from peakid.jobs import ledger, presence, process
from peakid.jobs.process import Identity
from peakid.records import Job, JobState, Lane
from peakid.store.workspace import Workspace, now

STALLED_AFTER_S = (
    120.0  # The longest silence of a healthy job, the first batch on a cold GPU, was well under a minute.
)
WATCH_EVERY_S = 0.2
LOG_TAIL_BYTES = 256 * 1024

ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled", "lost")


def submit(
    workspace: Workspace,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    lane: Lane,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a job and start a worker if none lives.

    Args:
        kind: One of the tasks in jobs/tasks.py.
        arguments: Plain values that go into JSON; paths absolute, because the job runs in another folder.
        request_id: One per rendered form or command. Submitting it again answers the job it made, so that two clicks
            make one job. None = a new one.
        actor: Who asks.
    """
    request_id = request_id or uuid.uuid4().hex
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO job (request_id, kind, lane, state, arguments, actor, created_at) VALUES (?, ?, ?, 'queued', ?, ?, ?)"
            " ON CONFLICT (request_id) DO NOTHING",
            (request_id, kind, lane, json.dumps(dict(arguments), default=str), actor, now()),
        )
        row = connection.execute("SELECT * FROM job WHERE request_id = ?", (request_id,)).fetchone()
    if row["state"] == "queued":
        presence.ensure_worker(workspace)
    return _job(row)


def show(workspace: Workspace, job_id: int) -> Job:
    """Answer one job as it is now.

    Raises:
        NotFound: If there is no such job; the message says which there are.
    """
    look_after(workspace)
    row = workspace.one("SELECT * FROM job WHERE id = ?", (job_id,))
    if row is None:
        raise _unknown(workspace, job_id)
    return _job(row)


def list_jobs(workspace: Workspace, limit: int = 50) -> list[Job]:
    """List jobs as they are now, newest first."""
    look_after(workspace)
    return [_job(row) for row in workspace.query("SELECT * FROM job ORDER BY id DESC LIMIT ?", (limit,))]


def in_line(workspace: Workspace, lane: Lane) -> list[Job]:
    """List the jobs of a lane that run or wait, in the order in which they are taken."""
    look_after(workspace)
    sql = "SELECT * FROM job WHERE lane = ? AND state IN ('queued', 'running') ORDER BY state DESC, priority DESC, id"
    return [_job(row) for row in workspace.query(sql, (lane,))]


def put_first(workspace: Workspace, job_id: int) -> Job:
    """Let a waiting job be the next of its lane; what runs goes on.

    A process may just have been started for the job that was next: it finds that another one comes first, and leaves.

    Raises:
        NotFound: If there is no such job.
        JobNotWaiting: If it runs or has ended.
    """
    job = show(workspace, job_id)
    with workspace.transaction() as connection:
        is_moved = connection.execute(
            "UPDATE job SET priority = 1 + (SELECT MAX(other.priority) FROM job other"
            " WHERE other.lane = job.lane AND other.state = 'queued')"
            " WHERE id = ? AND state = 'queued'",
            (job_id,),
        ).rowcount
    if not is_moved:
        raise JobNotWaiting(
            f"Job {job_id} is {job.state}; only a job that waits can be moved.",
            "See: peakid jobs list --waiting",
        )
    return show(workspace, job_id)


def cancel(workspace: Workspace, job_id: int) -> Job:
    """Cancel a queued job at once, or ask a running one to stop; answers without waiting for it.

    A job that was asked may keep what it has; the worker ends it with all its processes if it does not stop by itself.

    Raises:
        NotFound: If there is no such job.
        JobNotWaiting: If it has ended already.
    """
    job = show(workspace, job_id)
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE job SET state = 'cancelled', finished_at = ? WHERE id = ? AND state = 'queued'",
            (now(), job_id),
        )
        connection.execute(
            "UPDATE job SET is_cancel_requested = 1 WHERE id = ? AND state = 'running'", (job_id,)
        )
    if job.state in ENDED:
        raise JobNotWaiting(
            f"Job {job_id} is {job.state} already; there is nothing left to cancel.", "See: peakid jobs list"
        )
    presence.ensure_worker(workspace)
    return show(workspace, job_id)


def resume(workspace: Workspace, job_id: int) -> Job:
    """Queue a job again that is lost, failed or cancelled; it keeps its id, its arguments and its log.

    Raises:
        NotFound: If there is no such job.
        JobNotWaiting: If it waits, runs or is done.
    """
    job = show(workspace, job_id)
    with workspace.transaction() as connection:
        is_queued = connection.execute(
            "UPDATE job SET state = 'queued', phase = '', step = 0, total = 0, message = '', error = '', result = '{}', metrics = '{}',"
            " pid = NULL, pid_started_at = NULL, boot_id = NULL, is_cancel_requested = 0, stopping_at = NULL,"
            " started_at = NULL, heartbeat_at = NULL, finished_at = NULL, priority = 0"
            " WHERE id = ? AND state IN ('lost', 'failed', 'cancelled')",
            (job_id,),
        ).rowcount
    if not is_queued:
        raise JobNotWaiting(
            f"Job {job_id} is {job.state}; only a lost, failed or cancelled job can be resumed.",
            "See: peakid jobs list",
        )
    presence.ensure_worker(workspace)
    return show(workspace, job_id)


def wait(workspace: Workspace, job_id: int, on_change: Callable[[Job], None] = lambda job: None) -> Job:
    """Watch a job until it has ended and answer it; tell `on_change` of it at once and whenever it differs.

    Raises:
        NotFound: If there is no such job.
    """
    told = None
    while True:
        job = show(workspace, job_id)
        if _without_time(job) != told:
            told = _without_time(job)
            on_change(job)
        if job.state in ENDED:
            return job
        time.sleep(WATCH_EVERY_S)


def is_stalled(job: Job) -> bool:
    """Tell whether a running job has been silent for long; it may still be alive, so nothing but a hint follows from it."""
    return job.state == "running" and ledger.seconds_between(job.heartbeat_at, None) > STALLED_AFTER_S


def log_path(workspace: Workspace, job_id: int) -> Path:
    """Answer the file that a job's outputs go to; there is none before it starts."""
    return workspace.logs_dir / f"job-{job_id}.log"


def log_tail(workspace: Workspace, job_id: int, n_lines: int = 100) -> str:
    """Answer the last lines of a job's log, '' before it starts.

    Raises:
        NotFound: If there is no such job.
    """
    show(workspace, job_id)
    try:
        with log_path(workspace, job_id).open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-n_lines:])


def look_after(workspace: Workspace) -> None:
    """Reap, and start a worker where work waits and none lives: what every look at the queue does first."""
    reap(workspace)
    if workspace.one(
        "SELECT 1 FROM job WHERE state = 'queued' OR (state = 'running' AND is_cancel_requested = 1) LIMIT 1"
    ):
        presence.ensure_worker_seldom(workspace)


def reap(workspace: Workspace) -> list[int]:
    """Mark running jobs whose process is gone as lost (as cancelled, if that was asked for); answer their ids.

    Death is decided by the process alone, never by an old heartbeat: a job may be busy for long. What the dead process
    left running in its group is ended, so that a resumed job does not meet its own past.
    """
    rows = workspace.query("SELECT * FROM job WHERE state = 'running'")
    return [row["id"] for row in rows if _is_reaped(workspace, row)]


def holder(row: sqlite3.Row) -> Identity:
    """Answer the process that a row of a running job belongs to."""
    return Identity(row["pid"], row["pid_started_at"], row["boot_id"])


def _is_reaped(workspace: Workspace, row: sqlite3.Row) -> bool:
    identity = holder(row)
    if process.is_alive(identity):
        return False
    process.kill_group(identity)
    if row["is_cancel_requested"]:
        return ledger.end(workspace, row["id"], identity, "cancelled")
    error = (
        f"Its process {identity.pid} ended without a word: killed, out of memory, or the machine restarted."
    )
    return ledger.end(
        workspace, row["id"], identity, "lost", error=f"{error} Go on with: peakid jobs resume {row['id']}"
    )


def _job(row: sqlite3.Row) -> Job:
    plain = "kind lane state phase step total message error pid created_at started_at finished_at actor heartbeat_at"
    return Job(
        job_id=row["id"],
        **{name: row[name] for name in plain.split()},
        arguments=json.loads(row["arguments"]),
        metrics=json.loads(row["metrics"]),
        result=json.loads(row["result"]),
        seconds=ledger.seconds_between(row["started_at"], row["finished_at"]),
        is_cancel_requested=bool(row["is_cancel_requested"]),
    )


def _without_time(job: Job) -> tuple[Any, ...]:
    return job.state, job.phase, job.step, job.total, job.message, job.is_cancel_requested, job.result


def _unknown(workspace: Workspace, job_id: int) -> NotFound:
    ids = [str(row["id"]) for row in workspace.query("SELECT id FROM job ORDER BY id DESC LIMIT 10")]
    remedy = f"There are: {', '.join(reversed(ids))}." if ids else "There is none yet."
    return NotFound(f"There is no job {job_id}.", remedy)
