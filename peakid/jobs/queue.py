"""The queue of jobs as pages and commands use it: submit, list, wait, cancel, resume.

Every read also marks jobs as lost whose process is gone, and starts a worker where one is missing.
"""

import contextlib
import json
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peakid import files, paths
from peakid.errors import JobError, JobNotWaiting, NotFound, WorkspaceNotWritable
from peakid.job_settings import JobSettings
from peakid.jobs import arguments as job_arguments
from peakid.jobs import job as jobs
from peakid.jobs import ledger, presence, process
from peakid.jobs.arguments import Arguments, ExportArguments, ImportArguments
from peakid.jobs.job import Job
from peakid.jobs.process import Identity
from peakid.records import JobState, Lane
from peakid.remedies import action
from peakid.store.workspace import Workspace, now

# The longest silence of a healthy job, the first batch on a cold GPU, was well under a minute.
STALLED_AFTER_S = 120.0
WATCH_EVERY_S = 0.2
LOG_TAIL_BYTES = 256 * 1024
LEAST_FREE_BYTES = 5 * 2**20  # The journal of the database has 4 MB before it is written back.
FULL_MB = 50.0  # Less free space than that is the likely cause of a lost job.
N_SEARCHED = 500  # Jobs in which `newest` looks.

ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled", "lost")
RESUMABLE: tuple[JobState, ...] = ("failed", "cancelled", "lost")


def submit(
    workspace: Workspace,
    arguments: Arguments,
    *,
    lane: Lane,
    settings: JobSettings,
    request_id: str | None = None,
    actor: str = "",
    priority: int = 0,
) -> Job:
    """Queue a job and start a worker if none is running. Where none can start, the job fails with the reason.

    Args:
        arguments: Their class is the kind of job. Paths are absolute: the job runs in another folder.
        settings: What the job takes from the settings of the process that submits it.
        request_id: One per rendered form or command. Submitting it again returns the job it made, so that two
            clicks make one job. None = a new request.
        actor: Who submits it.
        priority: The highest of a lane runs first. A job below 0 gives way to others while it runs.

    Raises:
        WorkspaceNotWritable: If the workspace or its disk cannot take what a job writes.
    """
    _refuse_full_disk(workspace)
    request_id = request_id or uuid.uuid4().hex
    stored = json.dumps(job_arguments.document(arguments), default=str)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO job (request_id, kind, lane, state, arguments, settings, actor, created_at, owner,"
            " priority) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO NOTHING",
            (
                *(request_id, arguments.kind, lane, stored, json.dumps(settings.to_json())),
                *(actor, now(), workspace.identity(), priority),
            ),
        )
        row = connection.execute("SELECT * FROM job WHERE request_id = ?", (request_id,)).fetchone()
    if row["state"] == "queued" and not _start_worker(workspace, presence.ensure_worker):
        return show(workspace, row["id"])
    return jobs.of_row(row)


def show(workspace: Workspace, job_id: int) -> Job:
    """Return one job as it is now.

    Raises:
        NotFound: If there is no such job; the message lists the newest ones.
    """
    refresh(workspace)
    row = workspace.one("SELECT * FROM job WHERE id = ?", (job_id,))
    if row is None:
        raise _unknown(workspace, job_id)
    return jobs.of_row(row)


def list_jobs(workspace: Workspace, limit: int = 50) -> list[Job]:
    """Return jobs as they are now, newest first."""
    refresh(workspace)
    rows = workspace.query("SELECT * FROM job ORDER BY id DESC LIMIT ?", (limit,))
    return [jobs.of_row(row) for row in rows]


def newest(
    workspace: Workspace, kind: str, is_wanted: Callable[[Job], bool] = lambda job: True
) -> Job | None:
    """Return the newest job of a kind that `is_wanted`, or None."""
    refresh(workspace)
    sql = "SELECT * FROM job WHERE kind = ? ORDER BY id DESC LIMIT ?"
    found = (jobs.of_row(row) for row in workspace.query(sql, (kind, N_SEARCHED)))
    return next((job for job in found if job.arguments is not None and is_wanted(job)), None)


def list_active(workspace: Workspace, lane: Lane | None = None) -> list[Job]:
    """Return the running and queued jobs of a lane or of all, in the order in which those of a lane run."""
    refresh(workspace)
    sql = (
        "SELECT * FROM job WHERE state IN ('queued', 'running') AND lane = COALESCE(?, lane)"
        " ORDER BY state DESC, priority DESC, id"
    )
    return [jobs.of_row(row) for row in workspace.query(sql, (lane,))]


def list_ended(workspace: Workspace, since: str, limit: int) -> list[Job]:
    """Return the jobs that ended after a time of the database, the latest first."""
    refresh(workspace)
    sql = "SELECT * FROM job WHERE finished_at > ? ORDER BY finished_at DESC, id DESC LIMIT ?"
    return [jobs.of_row(row) for row in workspace.query(sql, (since, limit))]


def move_first(workspace: Workspace, job_id: int) -> Job:
    """Make a queued job the next of its lane; a running job is not interrupted.

    A process may just have been started for the job that was next: it finds another one first and exits.

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
            f"Job {job_id} is {job.state}; only a queued job can be moved.",
            "Choose a job that is queued.",
            action("list_waiting_jobs"),
        )
    return show(workspace, job_id)


def cancel(workspace: Workspace, job_id: int) -> Job:
    """Cancel a queued job at once, or ask a running one to stop; return without waiting for it.

    The task may keep what it has. If it does not stop by itself, the worker kills it with all its processes.

    Raises:
        NotFound: If there is no such job.
        JobNotWaiting: If it has ended.
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
            f"Job {job_id} is already {job.state}; there is nothing to cancel.", "", action("list_jobs")
        )
    _start_worker(workspace, presence.ensure_worker)
    return show(workspace, job_id)


def resume(
    workspace: Workspace, job_id: int, *, settings: JobSettings, arguments: Arguments | None = None
) -> Job:
    """Queue a lost, failed or cancelled job again; it keeps its id, its arguments and its log.

    Args:
        settings: Replace those of the job: it may have failed because of them.
        arguments: Replace those of the job; None = unchanged.

    Raises:
        NotFound: If there is no such job.
        JobNotWaiting: If it is queued, running or done, or if it was submitted in another workspace and names
            a place outside of it.
    """
    job = show(workspace, job_id)
    _refuse_foreign_place(workspace, job)
    stored = None if arguments is None else json.dumps(job_arguments.document(arguments), default=str)
    with workspace.transaction() as connection:
        is_queued = connection.execute(
            "UPDATE job SET state = 'queued', phase = '', step = 0, total = 0, message = '', error = '',"
            " remedy = '', actions = '[]', result = '{}', pid = NULL, pid_started_at = NULL, boot_id = NULL,"
            " is_cancel_requested = 0, stopping_at = NULL, started_at = NULL, heartbeat_at = NULL,"
            " finished_at = NULL, priority = MIN(priority, 0), settings = ?, owner = ?,"
            " arguments = COALESCE(?, arguments)"
            " WHERE id = ? AND state IN ('lost', 'failed', 'cancelled')",
            (json.dumps(settings.to_json()), workspace.identity(), stored, job_id),
        ).rowcount
    if not is_queued:
        raise JobNotWaiting(
            f"Job {job_id} is {job.state}; only a lost, failed or cancelled job can be resumed.",
            "",
            action("list_jobs"),
        )
    _start_worker(workspace, presence.ensure_worker)
    return show(workspace, job_id)


def wait(workspace: Workspace, job_id: int, on_change: Callable[[Job], None] = lambda job: None) -> Job:
    """Poll a job until it has ended and return it; call `on_change` at once and after every change.

    Raises:
        NotFound: If there is no such job.
        WorkspaceNotWritable: If the disk is full, so that it neither starts nor writes how it ended.
    """
    reported = None
    while True:
        job = show(workspace, job_id)
        if _without_time(job) != reported:
            reported = _without_time(job)
            on_change(job)
        if job.state in ENDED:
            return job
        if job.state == "queued" or is_stalled(job):
            _refuse_full_disk(workspace)
        time.sleep(WATCH_EVERY_S)


def is_stalled(job: Job) -> bool:
    """Return whether a running job has not reported for long. It may still be alive: only show a hint."""
    return job.state == "running" and ledger.seconds_between(job.heartbeat_at, None) > STALLED_AFTER_S


def log_path(workspace: Workspace, job_id: int) -> Path:
    """Return the file of a job's output; it does not exist before the job starts."""
    return workspace.logs_dir / f"job-{job_id}.log"


def reserve_path(workspace: Workspace, job_id: int) -> Path:
    """Return the file that a running job gives up on a full disk, so that it can write how it ended."""
    return workspace.logs_dir / f".job-{job_id}.reserve"


def log_tail(workspace: Workspace, job_id: int, n_lines: int = 100) -> str:
    """Return the last lines of a job's log, '' before it starts.

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


def refresh(workspace: Workspace) -> None:
    """Mark dead jobs as lost, and start a worker where one is needed. Every read does this first.

    In a workspace that cannot be written now, the jobs are shown as they are stored.
    """
    if workspace.is_read_only:
        return
    with contextlib.suppress(WorkspaceNotWritable):
        reap(workspace)
        if workspace.one(
            "SELECT 1 FROM job WHERE state = 'queued' OR (state = 'running' AND is_cancel_requested = 1)"
            " LIMIT 1"
        ):
            _start_worker(workspace, presence.ensure_worker_seldom)


def reap(workspace: Workspace) -> list[int]:
    """Mark running jobs whose process is gone as lost (or cancelled, if requested); return their ids.

    Only the process decides, never an old heartbeat: a job may be busy for long. Processes that a dead job
    left running in its group are killed, so that a resumed job does not compete with its predecessor.
    """
    rows = workspace.query("SELECT * FROM job WHERE state = 'running'")
    return [row["id"] for row in rows if _is_reaped(workspace, row)]


def holder(row: sqlite3.Row) -> Identity:
    """Return the process that a row of a running job belongs to."""
    return Identity(row["pid"], row["pid_started_at"], row["boot_id"])


def _refuse_full_disk(workspace: Workspace) -> None:
    """Raise if the disk has no room for the rows and the log of a job; it would never start or end.

    Raises:
        WorkspaceNotWritable: With the free space.
    """
    if shutil.disk_usage(workspace.path).free < LEAST_FREE_BYTES:
        raise WorkspaceNotWritable(
            f"The disk of the workspace {workspace.path} is full{files.free_space(workspace.path)}:"
            " a job cannot run.",
            "Free some space, then try again. A job that is queued starts by itself then.",
        )


def _start_worker(workspace: Workspace, start: Callable[[Workspace], None]) -> bool:
    """Start a worker if none is running; where that fails, fail the queued jobs and return False."""
    try:
        start(workspace)
    except OSError as error:
        ledger.fail_queued(workspace, ledger.start_error(error, workspace))
        return False
    return True


def is_own(workspace: Workspace, row: sqlite3.Row) -> bool:
    """Return whether this workspace started the process of a running job, not one that it is a copy of."""
    return row["pid"] is not None and row["owner"] != "" and row["owner"] == workspace.identity()


def _is_reaped(workspace: Workspace, row: sqlite3.Row) -> bool:
    held_by = holder(row)
    if not is_own(workspace, row):
        error = JobError(
            "Its process belongs to another workspace, of which this one is a copy.",
            "Resume it to run it here.",
            action("resume_job", job_id=row["id"]),
        )
        return ledger.end(workspace, row["id"], held_by, "lost", error=error)
    if process.is_alive(held_by):
        return False
    process.kill_group(held_by)
    reserve_path(workspace, row["id"]).unlink(missing_ok=True)
    if row["is_cancel_requested"]:
        return ledger.end(workspace, row["id"], held_by, "cancelled")
    error = JobError(
        f"Its process {held_by.pid} ended unexpectedly: {likely_causes(workspace)}.",
        "Resume it.",
        action("resume_job", job_id=row["id"]),
    )
    return ledger.end(workspace, row["id"], held_by, "lost", error=error)


def _refuse_foreign_place(workspace: Workspace, job: Job) -> None:
    """Raise if a restored or copied job would read or write a folder that it names itself."""
    row = workspace.one("SELECT owner FROM job WHERE id = ?", (job.job_id,))
    if row is None or row["owner"] == workspace.identity():
        return
    for place in _places(job.arguments):
        if paths.is_below(Path(place), workspace.path):
            continue
        raise JobNotWaiting(
            f"Job {job.job_id} ({job.kind}) was submitted in another workspace and names {place}.",
            "Start it again with a folder of this machine.",
            action("list_jobs"),
        )


def _places(arguments: Arguments | None) -> list[str]:
    """Return the folders and files that the arguments of a job name."""
    if isinstance(arguments, ImportArguments):
        return [place for place in (arguments.path, arguments.root, arguments.links_within) if place]
    return [arguments.out] if isinstance(arguments, ExportArguments) and arguments.out else []


def likely_causes(workspace: Workspace) -> str:
    """Return why a process of a job may have ended without a word, with the free space of the disk."""
    free_mb = shutil.disk_usage(workspace.path).free / 2**20
    if free_mb < FULL_MB:
        return f"the disk of the workspace is full ({free_mb:,.0f} MB free)"
    return f"killed, out of memory, out of disk space ({free_mb:,.0f} MB free), or the machine restarted"


def _without_time(job: Job) -> tuple[Any, ...]:
    return job.state, job.phase, job.step, job.total, job.message, job.is_cancel_requested, job.result


def _unknown(workspace: Workspace, job_id: int) -> NotFound:
    ids = [str(row["id"]) for row in workspace.query("SELECT id FROM job ORDER BY id DESC LIMIT 10")]
    remedy = f"The newest jobs are {', '.join(reversed(ids))}." if ids else "There are no jobs yet."
    return NotFound(f"No job {job_id}.", remedy, action("list_jobs"))
