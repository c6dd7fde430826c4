"""The worker: starts queued jobs, one per lane and each in its own process, and kills those that do not stop.

Run it with `python -m peakid.jobs.worker --workspace DIR`, or let it start when a job is submitted.
"""

import argparse
import sqlite3
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import get_args

from peakid import files, printable
from peakid.errors import JobError, PeakidError
from peakid.jobs import ledger, presence, process, queue
from peakid.records import Lane
from peakid.store import workspace
from peakid.store.workspace import DATABASE_NAME, Workspace, now

POLL_S = 0.2  # Not noticeable for a person; one poll takes a few tenths of a millisecond.
STOPS_WITHIN_S = 10.0  # A training checks before each batch; the slowest batch on a CPU takes less.
FINISHES_WITHIN_S = 300.0  # After a training has noticed the request, it predicts with its best epoch.
IDLE_S = 60.0
MAX_STARTS = 3  # After so many processes that ended before they claimed the job, another would not help.


class Worker:
    """The worker of a workspace. Its state is not stored: the next worker starts without it."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        stops_within_s: float = STOPS_WITHIN_S,
        finishes_within_s: float = FINISHES_WITHIN_S,
    ) -> None:
        self.workspace = workspace
        self.stops_within_s, self.finishes_within_s = stops_within_s, finishes_within_s
        self.started: dict[Lane, tuple[int, subprocess.Popen[bytes]]] = {}
        self.n_failed_starts: dict[int, int] = {}
        self.cancelled_at: dict[int, float] = {}
        self.busy_at = time.monotonic()

    def poll(self) -> None:
        """Mark lost jobs, kill jobs that do not stop, start queued jobs."""
        self._collect()
        queue.reap(self.workspace)
        self._kill_overdue()
        for lane in get_args(Lane):
            if lane not in self.started:
                self._start_next(lane)
        if self.started or self.has_work():
            self.busy_at = time.monotonic()

    def has_work(self) -> bool:
        return (
            self.workspace.one("SELECT 1 FROM job WHERE state IN ('queued', 'running') LIMIT 1") is not None
        )

    def idle_s(self) -> float:
        return time.monotonic() - self.busy_at

    def _collect(self) -> None:
        """Drop the processes that have ended, and log the exit codes of those that failed."""
        for lane, (job_id, child) in list(self.started.items()):
            code = child.poll()
            if code is not None:
                del self.started[lane]
            if code:
                _log(f"The process of job {job_id} ended with {code}.")
                self._count_failed_start(job_id)

    def _count_failed_start(self, job_id: int) -> None:
        """Fail a job whose process repeatedly ends before it claims the job."""
        row = self.workspace.one("SELECT 1 FROM job WHERE id = ? AND state = 'queued'", (job_id,))
        self.n_failed_starts[job_id] = self.n_failed_starts.get(job_id, 0) + 1 if row else 0
        if self.n_failed_starts[job_id] < MAX_STARTS:
            return
        causes = queue.likely_causes(self.workspace)
        error = JobError(
            f"Its process ended {MAX_STARTS} times before it could start: {causes}.",
            "See its log for the reason, then resume it.",
        )
        ledger.fail_queued(self.workspace, error, job_id)
        self.n_failed_starts.pop(job_id)

    def next_of(self, lane: Lane) -> int | None:
        """Return the next job of a lane; None while one is running there or none is queued."""
        row = self.workspace.one(
            "SELECT id, state FROM job WHERE lane = ? AND state IN ('queued', 'running')"
            " ORDER BY state DESC, priority DESC, id",
            (lane,),
        )
        return None if row is None or row["state"] == "running" else row["id"]

    def _start_next(self, lane: Lane) -> None:
        job_id = self.next_of(lane)
        if job_id is None:
            return
        options = ["--workspace", str(self.workspace.path), "--job", str(job_id)]
        command = [sys.executable, "-u", "-m", "peakid.jobs.child", *options]
        try:
            child = process.start(command, queue.log_path(self.workspace, job_id))
        except OSError as error:
            ledger.fail_queued(self.workspace, ledger.start_error(error, self.workspace), job_id)
            return
        self.started[lane] = (job_id, child)
        _log(f"Started process {child.pid} for job {job_id} in lane {lane}.")

    def overdue(self) -> list[sqlite3.Row]:
        """Return the jobs that were cancelled and did not stop in time."""
        rows = self.workspace.query("SELECT * FROM job WHERE state = 'running' AND is_cancel_requested = 1")
        self.cancelled_at = {row["id"]: self.cancelled_at.get(row["id"], time.monotonic()) for row in rows}
        own = [row for row in rows if queue.is_own(self.workspace, row)]
        return [row for row in own if time.monotonic() - self.cancelled_at[row["id"]] > self._allowed_s(row)]

    def _allowed_s(self, row: sqlite3.Row) -> float:
        return self.finishes_within_s if row["stopping_at"] else self.stops_within_s

    def _kill_overdue(self) -> None:
        for row in self.overdue():
            _log(f"Job {row['id']} did not stop within {self._allowed_s(row):.0f} s and is killed.")
            process.kill_group(queue.holder(row))


def run(workspace: Workspace, lock: int, *, idle_s: float = IDLE_S) -> None:
    """Run until there has been no work for a while.

    Args:
        lock: The open file that holds the worker's lock.
        idle_s: How long the worker waits for another job.
    """
    worker = Worker(workspace)
    presence.sign(lock)
    database = workspace.path / DATABASE_NAME
    file = files.file_of(database)
    _log("The worker starts.")
    while files.file_of(database) == file:  # A removed or replaced workspace has another worker, or none.
        try:
            worker.poll()
        except (PeakidError, sqlite3.OperationalError, OSError):
            # The worker survives a database that is busy for long and a full disk.
            traceback.print_exc()
        if worker.idle_s() > idle_s and may_exit(worker, lock):
            break
        time.sleep(POLL_S)
    _log("The worker exits.")


def may_exit(worker: Worker, lock: int) -> bool:
    """Release the lock, then check once more for work; return whether the worker may exit.

    A job submitted before the check is seen by it; a job submitted after it finds the lock free and starts a
    worker. So no job is left waiting.
    """
    presence.release(lock)
    if not worker.has_work():
        return True
    return not presence.hold(lock)


def _log(text: str) -> None:
    print(f"{now()} {printable.lines(text)}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peakid.jobs.worker", description="Run queued jobs until none is left for a while."
    )
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lock", type=int, help="An inherited file descriptor that holds the worker's lock.")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="Exit after so long without a job.")
    arguments = parser.parse_args()
    opened = workspace.open_existing(arguments.workspace)
    lock = presence.take(opened) if arguments.lock is None else arguments.lock
    if lock is None:
        _log("Another worker is running.")
    else:
        run(opened, lock, idle_s=arguments.idle_s)


if __name__ == "__main__":
    main()
