"""The worker: takes queued jobs lane by lane, starts each as a process of its own, and ends those that will not stop.

Run it with `python -m peakid.jobs.worker --workspace DIR`, or let submitting a job start it.
"""

import argparse
import sqlite3
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import get_args

from peakid import settings
from peakid.errors import PeakidError
from peakid.jobs import presence, process, queue
from peakid.records import Lane
from peakid.store import workspace
from peakid.store.workspace import DATABASE_NAME, Workspace, now

TURN_S = 0.2  # A person does not notice the wait, and a turn costs some tenths of a millisecond.
ANSWER_WITHIN_S = 10.0  # A training asks before each batch; ten seconds outlast the slowest batch on a CPU.
FINISH_WITHIN_S = (
    300.0  # Having answered, it still predicts with its best epoch, and that is worth waiting for.
)
MAX_STARTS = (
    3  # A process that ends three times before it takes its job will not take it the fourth time either.
)


class Worker:
    """Everything the one worker of a workspace remembers; a next worker goes on without it."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        answer_within_s: float = ANSWER_WITHIN_S,
        finish_within_s: float = FINISH_WITHIN_S,
    ) -> None:
        self.workspace = workspace
        self.answer_within_s, self.finish_within_s = answer_within_s, finish_within_s
        self.started: dict[Lane, tuple[int, subprocess.Popen[bytes]]] = {}
        self.n_false_starts: dict[int, int] = {}
        self.asked_at: dict[int, float] = {}
        self.busy_at = time.monotonic()

    def turn(self) -> None:
        """Notice the dead, end what will not stop, start what waits."""
        self._collect()
        queue.reap(self.workspace)
        self._end_the_overdue()
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
        for lane, (job_id, child) in list(self.started.items()):
            code = child.poll()
            if code is not None:
                del self.started[lane]
            if code:
                _say(f"The process of job {job_id} ended with {code}.")
                self._count_false_start(job_id)

    def _count_false_start(self, job_id: int) -> None:
        """Fail a job whose process ends again and again before it takes the job; it would be started for ever."""
        row = self.workspace.one("SELECT 1 FROM job WHERE id = ? AND state = 'queued'", (job_id,))
        self.n_false_starts[job_id] = self.n_false_starts.get(job_id, 0) + 1 if row else 0
        if self.n_false_starts[job_id] < MAX_STARTS:
            return
        error = f"Its process ended {MAX_STARTS} times before it could begin. Read why in its log: peakid jobs log {job_id}"
        with self.workspace.transaction() as connection:
            sql = "UPDATE job SET state = 'failed', error = ?, finished_at = ? WHERE id = ? AND state = 'queued'"
            connection.execute(sql, (error, now(), job_id))
        self.n_false_starts.pop(job_id)

    def next_of(self, lane: Lane) -> int | None:
        """Answer the job that a lane takes next; None while one runs there or none waits."""
        row = self.workspace.one(
            "SELECT id, state FROM job WHERE lane = ? AND state IN ('queued', 'running') ORDER BY state DESC, priority DESC, id",
            (lane,),
        )
        return None if row is None or row["state"] == "running" else row["id"]

    def _start_next(self, lane: Lane) -> None:
        job_id = self.next_of(lane)
        if job_id is None:
            return
        command = [
            sys.executable,
            "-u",
            "-m",
            "peakid.jobs.child",
            "--workspace",
            str(self.workspace.path),
            "--job",
            str(job_id),
        ]
        child = process.start(command, queue.log_path(self.workspace, job_id))
        self.started[lane] = (job_id, child)
        _say(f"Started process {child.pid} for job {job_id} in lane {lane}.")

    def _end_the_overdue(self) -> None:
        rows = self.workspace.query("SELECT * FROM job WHERE state = 'running' AND is_cancel_requested = 1")
        self.asked_at = {row["id"]: self.asked_at.get(row["id"], time.monotonic()) for row in rows}
        for row in rows:
            allowed_s = self.finish_within_s if row["stopping_at"] else self.answer_within_s
            if time.monotonic() - self.asked_at[row["id"]] > allowed_s:
                _say(f"Job {row['id']} did not stop within {allowed_s:.0f} s and is ended.")
                process.kill_group(queue.holder(row))


def run(workspace: Workspace, lock: int) -> None:
    """Work until nothing was to do for a while; the open file `lock` holds the worker's lock."""
    worker, allowed_s = Worker(workspace), settings.current().worker_idle_s
    _say("The worker begins.")
    while (workspace.path / DATABASE_NAME).exists():
        try:
            worker.turn()
        except (
            PeakidError,
            sqlite3.OperationalError,
            OSError,
        ):  # Neither a database busy for long nor a full disk is a reason to leave.
            traceback.print_exc()
        if worker.idle_s() > allowed_s and leaves(worker, lock):
            break
        time.sleep(TURN_S)
    _say("The worker leaves.")


def leaves(worker: Worker, lock: int) -> bool:
    """Let go of the lock and look once more.

    A job submitted before the look is seen by it; one submitted after it finds the lock free and starts a worker. So
    none is left waiting.
    """
    presence.let_go(lock)
    if not worker.has_work():
        return True
    return not presence.hold(lock)


def _say(text: str) -> None:
    print(f"{now()} {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peakid.jobs.worker", description="Run queued jobs until none is left for a while."
    )
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lock", type=int, help="An inherited open file that holds the worker's lock.")
    arguments = parser.parse_args()
    opened = workspace.open_existing(arguments.workspace)
    lock = presence.take(opened) if arguments.lock is None else arguments.lock
    if lock is None:
        _say("Another worker lives.")
    else:
        run(opened, lock)


if __name__ == "__main__":
    main()
