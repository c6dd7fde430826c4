import itertools
import os
import signal
import time

import pytest

from peakid.dataset import snapshot
from peakid.errors import NotFound
from peakid.job_settings import JobSettings
from peakid.jobs import child, ledger, presence, process, queue, submit
from peakid.jobs.arguments import ExportArguments, TrainArguments
from peakid.jobs.worker import MAX_STARTS, Worker, may_exit
from peakid.store.workspace import now

# Every job here is a real process started by a real worker; it waits where it reads an image of `hold`.


def state_of(workspace, job_id):
    """Read a state without refreshing the queue, so that only the worker acts."""
    return workspace.one("SELECT state FROM job WHERE id = ?", (job_id,))["state"]


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_killed_job_is_lost_at_the_next_read_and_resumed_with_its_id(workspace, stored, hold, until):
    held = hold(stored[1])
    job_id = submit.verify(workspace, actor="human:anna").job_id
    until(held.is_reached)
    os.kill(queue.show(workspace, job_id).pid, signal.SIGKILL)
    until(lambda: queue.show(workspace, job_id).state == "lost", within_s=1)
    held.let_go()
    assert submit.resume(workspace, job_id).job_id == job_id
    job = queue.wait(workspace, job_id)
    assert (job.state, job.result.n_images, job.result.damaged) == ("done", 3, ())
    assert queue.log_tail(workspace, job_id).count(f"Job {job_id} (verify) starts") == 2


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_after_a_killed_worker_its_job_continues_and_the_next_worker_keeps_the_order(
    workspace, stored, hold, until, processes
):
    held = hold(stored[0])
    ids = [submit.verify(workspace).job_id for _ in range(3)]
    until(held.is_reached)
    first_worker = processes("worker")[0].pid
    os.kill(first_worker, signal.SIGKILL)
    until(lambda: not processes("worker"))
    assert [queue.show(workspace, job_id).state for job_id in ids] == ["running", "queued", "queued"]
    until(lambda: queue.list_jobs(workspace) and processes("worker"))  # Looking starts the next one.
    assert [worker.pid for worker in processes("worker")] != [first_worker]
    held.let_go()
    until(lambda: state_of(workspace, ids[-1]) == "done")
    rows = workspace.query("SELECT id, state, started_at, finished_at FROM job ORDER BY started_at")
    assert [(row["id"], row["state"]) for row in rows] == [(job_id, "done") for job_id in ids]
    assert all(earlier["finished_at"] <= later["started_at"] for earlier, later in itertools.pairwise(rows))


@pytest.mark.usefixtures("real_workers")
@pytest.mark.slow
def test_a_failed_job_has_a_sentence_and_its_log_has_the_traceback(workspace):
    unexpected = queue.submit(workspace, ExportArguments(run_id=2**70), lane="cpu", settings=JobSettings())
    explained = queue.submit(workspace, TrainArguments(snapshot="4f2a"), lane="gpu", settings=JobSettings())
    failed = queue.wait(workspace, unexpected.job_id)
    assert failed.error == "OverflowError: Python int too large to convert to SQLite INTEGER"
    assert failed.remedy == "The log has the details."
    assert "Traceback (most recent call last)" in queue.log_tail(workspace, unexpected.job_id)
    job = queue.wait(workspace, explained.job_id)
    assert job.state == "failed"
    with pytest.raises(NotFound) as expected:
        snapshot.show(workspace, "4f2a")
    assert (job.error, job.actions) == (expected.value.message, expected.value.actions)


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_cancelled_job_stops_and_an_idle_worker_exits(workspace, stored, hold, until, processes):
    held = hold(stored[0])
    job_id = submit.verify(workspace).job_id
    until(held.is_reached)
    assert queue.cancel(workspace, job_id).is_cancel_requested
    until(lambda: queue.show(workspace, job_id).seconds > 2 * ledger.ASK_EVERY_S)
    held.let_go()
    until(lambda: state_of(workspace, job_id) == "cancelled")
    assert len(processes("worker")) == 1
    until(lambda: not processes("worker"))
    # Submitting starts another worker.
    assert queue.wait(workspace, submit.verify(workspace).job_id).state == "done"


@pytest.mark.slow
def test_no_job_is_left_queued_when_a_worker_exits(workspace, stored, until, real_workers, monkeypatch):
    monkeypatch.setenv("PEAKID_WORKER_IDLE_S", "0")  # It exits whenever the queue is empty.
    for _ in range(5):
        job_id = submit.verify(workspace).job_id
        until(lambda job_id=job_id: state_of(workspace, job_id) == "done")


def test_a_worker_checks_for_work_once_more_after_releasing_its_lock(workspace, as_worker):
    worker = Worker(workspace)
    job_id = submit.verify(workspace).job_id  # Finds the lock held, and starts no worker.
    assert not may_exit(worker, as_worker)
    assert presence.take(workspace) is None
    queue.cancel(workspace, job_id)
    assert may_exit(worker, as_worker)
    free = presence.take(workspace)
    assert free is not None
    os.close(free)


@pytest.mark.slow
def test_a_cancelled_job_that_does_not_stop_is_killed_with_its_group(
    workspace, stored, hold, until, as_worker
):
    hold(stored[0])
    worker = Worker(workspace, stops_within_s=0.1)
    job_id = submit.verify(workspace).job_id

    def state():
        worker.poll()
        return state_of(workspace, job_id)

    until(lambda: state() == "running")
    queue.cancel(workspace, job_id)
    until(lambda: state() == "cancelled", within_s=10)
    assert queue.show(workspace, job_id).error == ""


def test_a_job_whose_process_cannot_start_fails_after_three_attempts(
    workspace, until, as_worker, monkeypatch
):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # No interpreter starts with that.
    worker = Worker(workspace)
    job_id = submit.verify(workspace).job_id

    def is_failed():
        worker.poll()
        return state_of(workspace, job_id) == "failed"

    until(is_failed)
    job = queue.show(workspace, job_id)
    assert job.error.startswith("Its process ended 3 times before it could start: ")
    assert "encodings" in queue.log_tail(workspace, job_id)


@pytest.fixture
def cancelled(workspace, as_worker, sleeper):
    """A worker with a job that was cancelled so many seconds ago, and the process of that job."""

    def made(seconds, *, is_stopping):
        worker, sleeping, job_id = Worker(workspace), sleeper(), submit.verify(workspace).job_id
        ledger.claim(workspace, job_id, process.of(sleeping.pid))
        queue.cancel(workspace, job_id)
        if is_stopping:
            with workspace.transaction() as connection:
                connection.execute("UPDATE job SET stopping_at = ? WHERE id = ?", (now(), job_id))
        worker.cancelled_at = {job_id: time.monotonic() - seconds}
        return worker, sleeping

    return made


@pytest.mark.parametrize(
    ("seconds", "is_stopping", "is_overdue"),
    [
        (9.0, False, False),
        (11.0, False, True),
        (11.0, True, False),  # It is keeping what it has: a training predicts with its best epoch.
        (299.0, True, False),
        (301.0, True, True),
    ],
)
def test_a_cancelled_job_has_10_s_to_notice_and_300_s_to_finish(cancelled, seconds, is_stopping, is_overdue):
    worker, _ = cancelled(seconds, is_stopping=is_stopping)
    assert len(worker.overdue()) == is_overdue


def test_an_overdue_job_is_killed(cancelled):
    worker, sleeping = cancelled(301.0, is_stopping=True)
    worker.poll()
    assert sleeping.wait(timeout=10) == -signal.SIGKILL


def test_the_time_to_stop_begins_when_the_worker_first_sees_the_cancel(workspace, as_worker, sleeper):
    worker, sleeping = Worker(workspace), sleeper()
    job_id = submit.verify(workspace).job_id
    ledger.claim(workspace, job_id, process.of(sleeping.pid))
    worker.poll()
    assert worker.cancelled_at == {}
    queue.cancel(workspace, job_id)
    worker.poll()
    first = worker.cancelled_at[job_id]
    worker.poll()
    assert worker.cancelled_at == {job_id: first}
    assert sleeping.poll() is None


def test_a_job_that_failed_after_its_start_is_given_three_new_starts(workspace, as_worker):
    worker, job_id = Worker(workspace), submit.verify(workspace).job_id
    queue.cancel(workspace, job_id)
    for _ in range(MAX_STARTS - 1):
        worker._count_failed_start(job_id)  # Its process claimed the job and ended with an error.
    submit.resume(workspace, job_id)
    for _ in range(MAX_STARTS - 1):
        worker._count_failed_start(job_id)
    assert state_of(workspace, job_id) == "queued"
    worker._count_failed_start(job_id)
    assert state_of(workspace, job_id) == "failed"


def test_a_worker_marks_a_job_whose_process_is_gone_as_lost(workspace, as_worker, sleeper):
    job_id, sleeping = submit.verify(workspace).job_id, sleeper()
    ledger.claim(workspace, job_id, process.of(sleeping.pid))
    sleeping.kill()
    sleeping.wait()
    Worker(workspace).poll()
    assert state_of(workspace, job_id) == "lost"


def test_a_worker_is_idle_only_while_it_has_no_work(workspace, as_worker, sleeper):
    worker, job_id = Worker(workspace), submit.verify(workspace).job_id
    ledger.claim(workspace, job_id, process.of(sleeper().pid))
    worker.busy_at = time.monotonic() - 100
    worker.poll()
    assert worker.idle_s() < 50
    ledger.end(workspace, job_id, queue.holder(row_of(workspace, job_id)), "done")
    worker.busy_at = time.monotonic() - 100
    worker.poll()
    assert worker.idle_s() >= 100


def row_of(workspace, job_id):
    return workspace.one("SELECT * FROM job WHERE id = ?", (job_id,))


def test_an_unexpected_error_is_one_line():
    assert child.in_words(ValueError("first\nsecond")) == "ValueError: first"
    assert child.in_words(RuntimeError()) == "RuntimeError"
    assert child.in_words(MemoryError()) == "MemoryError: this machine has too little memory."
