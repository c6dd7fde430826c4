"""The process of one job: takes it, runs its task, and writes how it ended, in words for people and in full for the log."""

import argparse
import faulthandler
import os
import sys
import traceback
from pathlib import Path

from peakid.errors import PeakidError
from peakid.jobs import ledger, process, tasks
from peakid.jobs.ledger import Cancelled, NotOurs, Work
from peakid.store import workspace
from peakid.store.workspace import now


def run(work: Work) -> None:
    """Run the task of a claimed job and write its end."""
    try:
        tasks.run(work)
    except Cancelled:
        work.end("cancelled")
    except PeakidError as error:
        traceback.print_exc()
        work.end("failed", error=" ".join(str(error).split()))
    except NotOurs:
        raise
    except Exception as error:
        traceback.print_exc()
        work.end("failed", error=in_words(error))
    else:
        work.end("done")


def in_words(error: Exception) -> str:
    """Say an error nobody foresaw in one line; where it came from stands in the log.

    >>> in_words(KeyError("snapshot"))
    "KeyError: 'snapshot'"
    """
    if isinstance(error, MemoryError):
        return "MemoryError: this machine has too little memory for it."
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def main() -> None:
    """Take the job and run it; leave quietly where another process was quicker."""
    parser = argparse.ArgumentParser(prog="python -m peakid.jobs.child", description="Run one queued job.")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--job", type=int, required=True)
    arguments = parser.parse_args()
    process.lead_own_group()
    faulthandler.enable()
    work = ledger.claim(workspace.open_existing(arguments.workspace), arguments.job, process.own())
    if work is None:
        return
    print(f"{now()} Job {work.job_id} ({work.kind}) begins in process {os.getpid()}.")
    try:
        run(work)
    except NotOurs:
        print(f"{now()} The job belongs to another process now; this one stops.")
    _leave()


def _leave() -> None:
    """End now, with everything that was started: libraries that tidy up at exit have hung, and the lane waits for this process."""
    process.end_descendants()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
