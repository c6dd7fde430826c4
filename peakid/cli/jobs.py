"""Commands for jobs: list, show, log, move, cancel, resume, and the worker that runs them."""

import shlex
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from peakid import progress_text, settings
from peakid.cli import usage
from peakid.cli.frame import emit, json_option, pass_workspace, table, terminal_report
from peakid.cli.output import remedies, terminal
from peakid.errors import ConfirmationNeeded
from peakid.jobs import presence, queue, results, submit
from peakid.jobs import worker as workers
from peakid.jobs.job import Job
from peakid.records import JobState, Lane
from peakid.remedies import action
from peakid.store import checkpoints
from peakid.store.workspace import Workspace

EXIT_CODES: dict[JobState, int] = {"done": 0, "failed": 1, "cancelled": 3, "lost": 4}
ERROR_WIDTH = 60  # `jobs show` prints all of it.
COLUMNS = ["job_id", "kind", "state", "phase", "step", "total", "message", "error", "seconds"]

request_option = click.option(
    "--request-id", help="Your name for this request: submitted twice, it makes one job."
)


def wait_option(*, by_default: bool, only: str = "") -> Callable[[Callable], Callable]:
    """Return the option of a command that submits a job, and may wait until it ends.

    Args:
        only: When the command has a job to wait for at all, such as "without --out".
    """
    text = "Wait until it is done, or return at once while a job does it."
    default = f"Default: {'--wait' if by_default else '--no-wait'}."
    condition = f" It counts {only}." if only else ""
    return click.option(
        "--wait/--no-wait", "is_waiting", default=by_default, help=f"{text}{condition} {default}"
    )


random_option = click.option(
    "--from-random-weights",
    "allows_random",
    is_flag=True,
    help="Start from random weights where no pretrained ones are found. Without it, such a training is not "
    "started: the exit code is 2.",
)


@click.group(cls=usage.Group)
def jobs() -> None:
    """Manage background jobs: trainings, exports, imports, checks."""


@jobs.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option(
    "--waiting",
    "is_waiting",
    is_flag=True,
    help="Only running and queued jobs, lane by lane, in the order in which they run.",
)
@json_option
@pass_workspace
def jobs_list(workspace: Workspace, limit: int, is_waiting: bool, as_json: bool) -> None:
    """List jobs, newest first."""
    if is_waiting:
        found = [job for lane in get_args(Lane) for job in queue.list_active(workspace, lane)][:limit]
    else:
        found = queue.list_jobs(workspace, limit)
    documents = [document(job) for job in found]
    rows = [
        {**row, "error": textwrap.shorten(row["error"], ERROR_WIDTH, placeholder=" ...")} for row in documents
    ]
    emit(as_json, documents, table(rows, COLUMNS, empty="There are no jobs. Start one with: peakid train"))


@jobs.command("show")
@click.argument("job_id", type=int)
@wait_option(by_default=False)
@json_option
@pass_workspace
def jobs_show(workspace: Workspace, job_id: int, is_waiting: bool, as_json: bool) -> int:
    """Show the job JOB_ID."""
    job = follow(workspace, job_id) if is_waiting else queue.show(workspace, job_id)
    run_id = checkpoints.of_job(workspace, job_id) if job.state in queue.RESUMABLE else None
    emit(as_json, {**document(job), "starts_anew": run_id}, _with_anew(job_text(job), run_id))
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
    """Make the queued job JOB_ID the next of its lane; a running job is not interrupted."""
    job = queue.move_first(workspace, job_id)
    emit(as_json, document(job), f"Job {job.job_id} ({job.kind}) is next.")


@jobs.command("cancel")
@click.argument("job_id", type=int)
@json_option
@pass_workspace
def jobs_cancel(workspace: Workspace, job_id: int, as_json: bool) -> None:
    """Cancel the job JOB_ID: at once if it is queued; a running job stops after its current step."""
    job = queue.cancel(workspace, job_id)
    emit(as_json, document(job), sentence(job))


@jobs.command("resume")
@click.argument("job_id", type=int)
@wait_option(by_default=False)
@click.option(
    "--ranks",
    "n_ranks",
    type=click.IntRange(1),
    help="Continue a training on more or fewer processes; default as many as before.",
)
@random_option
@json_option
@pass_workspace
def jobs_resume(
    workspace: Workspace,
    job_id: int,
    is_waiting: bool,
    n_ranks: int | None,
    allows_random: bool,
    as_json: bool,
) -> int:
    """Queue the lost, failed or cancelled job JOB_ID again; it keeps its id.

    A training continues from its newest checkpoint; without one, it starts anew, and the answer says so. It
    runs with the settings of this command, such as PEAKID_WEIGHTS, and not with those it had before.
    """
    run_id = checkpoints.of_job(workspace, job_id)
    job = confirmed(
        partial(submit.resume, workspace, job_id, n_ranks=n_ranks),
        allows_random=allows_random,
        as_json=as_json,
    )
    job = follow(workspace, job_id) if is_waiting else job
    emit(as_json, {**document(job), "starts_anew": run_id}, _with_anew(job_text(job), run_id))
    return EXIT_CODES[job.state] if is_waiting else 0


@click.command()
@json_option
@pass_workspace
def worker(workspace: Workspace, as_json: bool) -> None:
    """Run queued jobs in this terminal until there are none for a while.

    This is rarely needed: submitting a job starts a worker.
    """
    lock = presence.take(workspace)
    if lock is None:
        emit(as_json, {"is_started": False}, "A worker of this workspace is already running.")
        return
    workers.run(workspace, lock, idle_s=settings.current().worker_idle_s)
    emit(as_json, {"is_started": True}, "There are no jobs left.")


def follow(workspace: Workspace, job_id: int) -> Job:
    """Show a progress bar until a job ends. Ctrl-C stops watching, never the job."""
    with terminal_report() as report:
        try:
            return queue.wait(
                workspace,
                job_id,
                lambda job: report(job.phase or "Waiting", job.step, job.total, job.message),
            )
        except KeyboardInterrupt:
            command = _command("show", job_id)
            terminal.say(f"\nStopped watching; job {job_id} continues. Use: {command}", err=True)
            raise click.exceptions.Exit(130) from None


def emit_queued(as_json: bool, job: Job) -> int:
    """Print a job that was just submitted."""
    text = f"{sentence(job)} Follow it with: {_command('show', job.job_id)} --wait"
    emit(as_json, {"job_id": job.job_id, "state": job.state}, text)
    return 0


def document(job: Job) -> dict[str, Any]:
    """Return a job as `--json` prints it."""
    return {
        **{name: getattr(job, name) for name in COLUMNS},
        **ending(job),
        "is_cancel_requested": job.is_cancel_requested,
        "is_stalled": queue.is_stalled(job),
        "result": results.document(job.result) if job.result else {},
        "settings": job.settings.to_json() if job.settings else {},
    }


def ending(job: Job) -> dict[str, Any]:
    """Return how a job ended, as every command that waits for one prints it with `--json`."""
    return {
        "job_id": job.job_id,
        "state": job.state,
        "error": job.error,
        "remedy": job.remedy,
        "actions": [remedies.action_document(each, workspace=_workspace()) for each in job.actions],
    }


def job_text(job: Job) -> str:
    """Return a job in one sentence, followed by the commands that deal with its error."""
    actions = list(job.actions)
    resuming = action("resume_job", job_id=job.job_id)
    if job.state in queue.RESUMABLE and resuming not in actions:
        actions.append(resuming)
    found = remedies.commands(actions, workspace=_workspace())
    return " ".join([sentence(job), *(["Use:", " or ".join(found)] if found else [])])


def _with_anew(text: str, run_id: int | None) -> str:
    """Add that a run starts anew; None where it does not."""
    return text if run_id is None else f"{text}\n{checkpoints.anew_text(run_id)}"


def sentence(job: Job) -> str:
    """Return a job in one sentence: `Job 3 (train) is done after 12 s.`"""
    if job.state == "running":
        doing = "is stopping" if job.is_cancel_requested else "is running"
        text = progress_text.line(job.phase or "Starting", job.message)
        return f"Job {job.job_id} ({job.kind}) {doing}: {text}"
    verb = "failed" if job.state == "failed" else f"is {job.state}"
    if job.error:
        return f"Job {job.job_id} ({job.kind}) {verb}: {job.error_text}"
    took = f" after {job.seconds:.0f} s" if job.state == "done" else ""
    return f"Job {job.job_id} ({job.kind}) {verb}{took}."


def _workspace() -> Path | None:
    """Return the folder given with `--workspace`, which a suggested command must name too."""
    return click.get_current_context().find_root().obj


def _command(name: str, job_id: int) -> str:
    place = f" --workspace {shlex.quote(str(_workspace()))}" if _workspace() else ""
    return f"peakid{place} jobs {name} {job_id}"


def confirmed(request: Callable[..., Job], *, allows_random: bool, as_json: bool) -> Job:
    """Call `request(allows_random=...)`; where it needs a confirmation, ask for it in a terminal.

    Raises:
        ConfirmationNeeded: If it was not confirmed, or this is not a terminal.
    """
    try:
        return request(allows_random=allows_random)
    except ConfirmationNeeded as error:
        if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        terminal.say(remedies.line(error), err=True)
        if not click.confirm("Train from random weights?", err=True):
            raise
        return request(allows_random=True)
