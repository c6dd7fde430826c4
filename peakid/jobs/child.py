"""The process of one job: claims it, runs its task with its settings, and writes how it ended."""

import argparse
import faulthandler
import os
import sys
import traceback
from pathlib import Path

from peakid import settings
from peakid.errors import JobError, PeakidError
from peakid.jobs import ledger, process, tasks
from peakid.jobs.ledger import Cancelled, NotOurs, Work
from peakid.store import workspace
from peakid.store.workspace import now


def run(work: Work) -> None:
    """Run the task of a claimed job with its settings; write how it ended, and a traceback to the log."""
    try:
        settings.use(work.settings)
        tasks.run(work)
    except Cancelled:
        work.end("cancelled")
    except PeakidError as error:
        traceback.print_exc()
        work.end("failed", error=error)
    except NotOurs:
        raise
    except Exception as error:
        traceback.print_exc()
        work.end("failed", error=JobError(in_words(error), "The log has the details."))
    else:
        work.end("done")


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
    work = ledger.claim(workspace.open_existing(arguments.workspace), arguments.job, process.own())
    if work is None:
        return
    print(f"{now()} Job {work.job_id} ({work.kind}) starts in process {os.getpid()}.")
    try:
        run(work)
    except NotOurs:
        print(f"{now()} The job belongs to another process now; this process stops.")
    _exit()


def _exit() -> None:
    """Exit at once and kill all child processes.

    Libraries have hung in their exit handlers, and the lane is blocked until this process is gone.
    """
    process.kill_descendants()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
