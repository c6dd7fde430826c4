"""Commands about jobs: list, show, log, cancel, resume, and the worker that runs them."""

import textwrap
from typing import Any, get_args

import click

from peakid.cli.frame import emit, json_option, pass_workspace, table, terminal_report
from peakid.jobs import presence, queue
from peakid.jobs import worker as workers
from peakid.records import Job, JobState, Lane
from peakid.store.workspace import Workspace

EXIT_CODES: dict[JobState, int] = {"done": 0, "failed": 1, "cancelled": 3, "lost": 4}
ERROR_WIDTH = 60  # `jobs show` has the whole sentence.
COLUMNS = ["job_id", "kind", "state", "phase", "step", "total", "message", "error", "seconds"]

request_option = click.option(
    "--request-id", help="A name of yours for this request: given twice, it makes one job."
)


@click.group()
def jobs() -> None:
    """Work that runs outside the page: trainings, exports, checks."""


@jobs.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option(
    "--waiting",
    "is_waiting",
    is_flag=True,
    help="Only those that run or wait, lane by lane, in the order they are taken.",
)
@json_option
@pass_workspace
def jobs_list(workspace: Workspace, limit: int, is_waiting: bool, as_json: bool) -> None:
    """List the newest jobs first."""
    lines = [job for lane in get_args(Lane) for job in queue.in_line(workspace, lane)] if is_waiting else []
    documents = [
        document(job) for job in (lines[:limit] if is_waiting else queue.list_jobs(workspace, limit))
    ]
    rows = [
        {**row, "error": textwrap.shorten(row["error"], ERROR_WIDTH, placeholder=" ...")} for row in documents
    ]
    emit(as_json, documents, table(rows, COLUMNS, empty="No job waits or runs. Begin with: peakid train"))


@jobs.command("show")
@click.argument("job_id", type=int)
@click.option(
    "--wait", "is_waiting", is_flag=True, help="Follow it to its end; the exit code then says how it ended."
)
@json_option
@pass_workspace
def jobs_show(workspace: Workspace, job_id: int, is_waiting: bool, as_json: bool) -> int:
    """Show the job JOB_ID."""
    job = follow(workspace, job_id) if is_waiting else queue.show(workspace, job_id)
    emit(as_json, document(job), told(job))
    return EXIT_CODES[job.state] if is_waiting else 0


@jobs.command("log")
@click.argument("job_id", type=int)
@click.option("--lines", "n_lines", default=100, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def jobs_log(workspace: Workspace, job_id: int, n_lines: int, as_json: bool) -> None:
    """Print the last lines of the log of the job JOB_ID."""
    log = queue.log_tail(workspace, job_id, n_lines)
    emit(
        as_json,
        {"job_id": job_id, "path": str(queue.log_path(workspace, job_id)), "log": log},
        log or "The log is still empty.",
    )


@jobs.command("first")
@click.argument("job_id", type=int)
@json_option
@pass_workspace
def jobs_first(workspace: Workspace, job_id: int, as_json: bool) -> None:
    """Let the waiting job JOB_ID be the next of its lane; what runs goes on."""
    job = queue.put_first(workspace, job_id)
    emit(as_json, document(job), f"Job {job.job_id} ({job.kind}) is the next.")


@jobs.command("cancel")
@click.argument("job_id", type=int)
@json_option
@pass_workspace
def jobs_cancel(workspace: Workspace, job_id: int, as_json: bool) -> None:
    """Cancel the job JOB_ID: at once if it waits; one that runs is asked to stop, and ended if it does not."""
    job = queue.cancel(workspace, job_id)
    emit(as_json, document(job), told(job))


@jobs.command("resume")
@click.argument("job_id", type=int)
@click.option("--wait", "is_waiting", is_flag=True, help="Follow it to its end.")
@json_option
@pass_workspace
def jobs_resume(workspace: Workspace, job_id: int, is_waiting: bool, as_json: bool) -> int:
    """Queue the job JOB_ID again if it is lost, failed or cancelled; it keeps its id."""
    job = queue.resume(workspace, job_id)
    job = follow(workspace, job_id) if is_waiting else job
    emit(as_json, document(job), told(job))
    return EXIT_CODES[job.state] if is_waiting else 0


@click.command()
@json_option
@pass_workspace
def worker(workspace: Workspace, as_json: bool) -> None:
    """Run queued jobs in this terminal until none is left for a while. Submitting a job starts one by itself."""
    lock = presence.take(workspace)
    if lock is None:
        emit(as_json, {"is_started": False}, "Another worker of this workspace lives already.")
        return
    workers.run(workspace, lock)
    emit(as_json, {"is_started": True}, "No job is left.")


def follow(workspace: Workspace, job_id: int) -> Job:
    """Watch a job to its end with a progress bar. Ctrl-C stops the watching, never the job."""
    with terminal_report() as report:
        try:
            return queue.wait(
                workspace,
                job_id,
                lambda job: report(job.phase or "Waiting", job.step, job.total, job.message),
            )
        except KeyboardInterrupt:
            click.echo(
                f"\nStopped watching; job {job_id} goes on. Look with: peakid jobs show {job_id}", err=True
            )
            raise click.exceptions.Exit(130) from None


def emit_queued(as_json: bool, job: Job) -> int:
    """Answer a job at once, without waiting for it."""
    emit(
        as_json,
        {"job_id": job.job_id, "state": job.state},
        f"{told(job)} Follow it with: peakid jobs show {job.job_id} --wait",
    )
    return 0


def document(job: Job) -> dict[str, Any]:
    """Answer a job as JSON tells it."""
    return {
        **{name: getattr(job, name) for name in COLUMNS},
        "is_cancel_requested": job.is_cancel_requested,
        "is_stalled": queue.is_stalled(job),
        "result": job.result,
    }


def told(job: Job) -> str:
    """Answer a job in one sentence for people."""
    if job.state == "running":
        doing = "is stopping" if job.is_cancel_requested else "runs"
        return f"Job {job.job_id} ({job.kind}) {doing}: {job.phase} {job.step}/{job.total} {job.message}".rstrip()
    ending = f": {job.error}" if job.error else f" after {job.seconds:.0f} s." if job.state == "done" else "."
    verb = "" if job.state == "failed" else "is "  # "is failed" is no English.
    return f"Job {job.job_id} ({job.kind}) {verb}{job.state}{ending}"
