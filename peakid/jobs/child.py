"""The process of one job: claims it, runs its task with its settings, and writes how it ended."""

import argparse
import contextlib
import faulthandler
import gc
import os
import sys
import time
import traceback
from pathlib import Path

from peakid import settings
from peakid.errors import JobError, PeakidError, WorkspaceNotWritable
from peakid.jobs import ledger, process, queue, tasks
from peakid.jobs.ledger import Cancelled, GaveWay, NotOurs, Work
from peakid.records import JobState
from peakid.store import activity, checkpoints, database_errors, workspace
from peakid.store.workspace import now

RESERVE_BYTES = 2**19  # The end of a job changes a few pages of 4 kB.
# Libraries such as fastai create a million objects that stay: looking for garbage among them is a quarter of
# the time that they need to load.
SELDOM = (20_000, 20, 20)
ENDS_WITHIN_S = 60.0  # A person who sees the message about a full disk has time to free some space.


def run(work: Work) -> None:
    """Run the task of a claimed job with its settings; write how it ended, and a traceback to the log.

    Then remove the checkpoints that serve nothing any more.
    """
    try:
        settings.use(work.settings)
        tasks.run(work)
    except Cancelled:
        _end(work, "cancelled")
    except PeakidError as error:
        _print_traceback()
        _end(work, "failed", error=error)
    except GaveWay:
        _print(f"{now()} Another job of this lane comes first; this one continues after it.")
        queue.reserve_path(work.workspace, work.job_id).unlink(missing_ok=True)
    except NotOurs:
        raise
    except Exception as error:
        _print_traceback()
        found = database_errors.unexpected(error, work.workspace.path)
        _end(work, "failed", error=found or JobError(in_words(error), "The log has the details."))
    else:
        _end(work, "done")
    with contextlib.suppress(OSError):
        checkpoints.remove(work.workspace, checkpoints.of_no_use(work.workspace))


def _end(work: Work, state: JobState, *, error: PeakidError | None = None) -> None:
    """Write how the job ended; in a busy database, try again for a while. On a full disk, use the reserve.

    Raises:
        WorkspaceNotWritable: If it still cannot be written.
    """
    reserve, ends_at = queue.reserve_path(work.workspace, work.job_id), time.monotonic() + ENDS_WITHIN_S
    while True:
        try:
            work.end(state, error=error)
            reserve.unlink(missing_ok=True)
            return
        except WorkspaceNotWritable:
            if time.monotonic() > ends_at:
                raise
            if reserve.exists():
                reserve.unlink()
            else:
                time.sleep(1.0)


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # The disk of the log may be full.
        print(text, flush=True)


def _print_traceback() -> None:
    with contextlib.suppress(OSError):
        traceback.print_exc()


def in_words(error: Exception) -> str:
    """Return an unexpected error in one line; the log has its traceback.

    >>> in_words(KeyError("snapshot"))
    "KeyError: 'snapshot'"
    """
    if isinstance(error, MemoryError):
        return "MemoryError: this machine has too little memory."
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def main() -> None:
    """Claim the job and run it; exit silently if another process was faster."""
    parser = argparse.ArgumentParser(prog="python -m peakid.jobs.child", description="Run one queued job.")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--job", type=int, required=True)
    arguments = parser.parse_args()
    process.lead_own_group()
    faulthandler.enable()
    gc.set_threshold(*SELDOM)
    opened = workspace.open_existing(arguments.workspace)
    if activity.join(opened.path) is None:
        return  # A restore is replacing the workspace.
    work = ledger.claim(opened, arguments.job, process.own())
    if work is None:
        return
    _print(f"{now()} Job {work.job_id} ({work.kind}) starts in process {os.getpid()}.")
    with contextlib.suppress(OSError):
        queue.reserve_path(work.workspace, work.job_id).write_bytes(bytes(RESERVE_BYTES))
    try:
        run(work)
    except NotOurs:
        _print(f"{now()} The job belongs to another process now; this process stops.")
    _exit()


def _exit() -> None:
    """Exit at once and kill all child processes.

    Libraries have hung in their exit handlers, and the lane is blocked until this process is gone.
    """
    process.kill_descendants()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
