"""A job whose process cannot start fails with the reason, and a full disk does not hide how a job ended."""

import contextlib
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.job_settings import JobSettings
from peakid.jobs import child, ledger, process, queue
from peakid.jobs.arguments import VerifyArguments
from peakid.jobs.worker import Worker
from peakid.remedies import action
from peakid.store.workspace import DATABASE_NAME, Workspace


def submit(workspace: Workspace) -> queue.Job:
    return queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings())


def test_a_job_whose_worker_cannot_start_fails_with_the_reason(workspace: Workspace) -> None:
    (workspace.logs_dir / "worker.log").mkdir()  # Also root cannot write it.
    job = submit(workspace)
    assert job.state == "failed"
    assert job.error.startswith("Its process cannot be started: ")
    assert job.actions == (action("resume_job", job_id=job.job_id),)
    assert queue.show(workspace, job.job_id).state == "failed"
    assert (
        queue.resume(workspace, job.job_id, settings=JobSettings()).state == "failed"
    )  # As long as the log cannot be written.


def test_the_jobs_waiting_for_a_worker_that_cannot_start_fail_at_the_next_look(
    workspace: Workspace, as_worker: int
) -> None:
    first, second = submit(workspace), submit(workspace)
    assert {first.state, second.state} == {"queued"}
    ledger.fail_queued(
        workspace, ledger.start_error(PermissionError(13, "Permission denied", "/w/logs"), workspace)
    )
    for job in (queue.show(workspace, first.job_id), queue.show(workspace, second.job_id)):
        assert (job.state, job.error) == (
            "failed",
            "Its process cannot be started: /w/logs cannot be opened or written: Permission denied.",
        )
        assert "permissions" in job.remedy


def test_a_job_whose_log_cannot_be_written_does_not_stop_the_worker(
    workspace: Workspace, as_worker: int
) -> None:
    job, other = submit(workspace), submit(workspace)
    queue.log_path(workspace, job.job_id).mkdir()
    Worker(workspace).poll()
    assert queue.show(workspace, job.job_id).state == "failed"
    assert queue.show(workspace, other.job_id).state == "queued"


def test_a_full_disk_under_the_log_does_not_end_a_job(
    workspace: Workspace, as_worker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ledger.claim(workspace, submit(workspace).job_id, process.own())
    assert work is not None
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closing it fails too
    monkeypatch.setattr(sys, "stdout", full)
    work.report("Verifying", 1, 2, "")
    child.run(work)
    monkeypatch.undo()
    with contextlib.suppress(OSError):
        full.close()
    assert queue.show(workspace, work.job_id).state == "done"


@pytest.mark.slow
def test_the_end_of_a_job_is_written_once_the_database_can_be_written(
    workspace: Workspace, as_worker: int
) -> None:
    work = ledger.claim(workspace, submit(workspace).job_id, process.own())
    assert work is not None
    child.tasks.run(work)
    workspace.connection().execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(workspace.path / DATABASE_NAME, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.5, other.close).start()
    reserve = queue.reserve_path(workspace, work.job_id)
    reserve.write_bytes(bytes(child.RESERVE_BYTES))
    began = time.monotonic()
    child._end(work, "done")
    assert time.monotonic() - began >= 0.4
    assert not reserve.exists()  # Its space was given up for the end of the job.
    assert queue.show(workspace, work.job_id).state == "done"


def test_jobs_are_listed_while_the_database_is_locked(
    workspace: Workspace, as_worker: int, sleeper: Callable, until: Callable
) -> None:
    work = ledger.claim(workspace, submit(workspace).job_id, process.of(sleeper().pid))
    assert work is not None
    process.kill_group(work.identity)
    until(lambda: not process.is_alive(work.identity))
    workspace.connection().execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(workspace.path / DATABASE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert queue.list_jobs(workspace)[0].state == "running"  # That it is lost cannot be written now.
    other.close()
    time.sleep(0.1)
    assert queue.list_jobs(workspace)[0].state == "lost"
