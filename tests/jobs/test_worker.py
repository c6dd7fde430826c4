import itertools
import os
import signal

import pytest

from peakid.jobs import child, ledger, presence, queue, submit
from peakid.jobs.worker import Worker, leaves

# Every job here is a real process started by a real worker; it waits where it reads an image that the test holds.


def state_of(workspace, job_id):
    """Read a state without looking after the queue, so that only the worker acts."""
    return workspace.one("SELECT state FROM job WHERE id = ?", (job_id,))["state"]


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_killed_job_is_lost_at_the_next_look_and_resumed_under_its_id(workspace, stored, hold, until):
    held = hold(stored[1])
    job_id = submit.verify(workspace, actor="human:anna").job_id
    until(held.is_reached)
    os.kill(queue.show(workspace, job_id).pid, signal.SIGKILL)
    until(lambda: queue.show(workspace, job_id).state == "lost", within_s=1)
    held.let_go()
    assert queue.resume(workspace, job_id).job_id == job_id
    job = queue.wait(workspace, job_id)
    assert (job.state, job.result["n_images"], job.result["damaged"]) == ("done", 3, [])
    assert queue.log_tail(workspace, job_id).count(f"Job {job_id} (verify) begins") == 2


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_killed_worker_leaves_its_job_running_and_the_next_one_keeps_the_order(
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
def test_a_failure_is_told_in_words_and_its_traceback_stays_in_the_log(workspace):
    unforeseen = queue.submit(workspace, "export", {}, lane="cpu")
    explained = queue.submit(workspace, "train", {"snapshot": "4f2a", "recipe": {}}, lane="gpu")
    assert queue.wait(workspace, unforeseen.job_id).error == "KeyError: 'run_id'"
    assert "Traceback (most recent call last)" in queue.log_tail(workspace, unforeseen.job_id)
    job = queue.wait(workspace, explained.job_id)
    assert (job.state, job.error) == (
        "failed",
        "There is no snapshot yet. Freeze one first.",
    )


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_running_job_stops_when_asked_and_its_worker_leaves_when_idle(
    workspace, stored, hold, until, processes
):
    held = hold(stored[0])
    job_id = submit.verify(workspace).job_id
    until(held.is_reached)
    assert queue.cancel(workspace, job_id).is_cancel_requested
    until(lambda: queue.show(workspace, job_id).seconds > 2 * ledger.ASK_EVERY_S)
    held.let_go()
    until(lambda: state_of(workspace, job_id) == "cancelled")
    assert len(processes("worker")) == 1
    until(lambda: not processes("worker"))
    assert (
        queue.wait(workspace, submit.verify(workspace).job_id).state == "done"
    )  # Submitting starts another.


@pytest.mark.slow
def test_no_job_is_left_waiting_by_a_worker_that_is_about_to_leave(
    workspace, stored, until, real_workers, monkeypatch
):
    monkeypatch.setenv("PEAKID_WORKER_IDLE_S", "0")  # It leaves whenever nothing waits.
    for _ in range(5):
        job_id = submit.verify(workspace).job_id
        until(lambda job_id=job_id: state_of(workspace, job_id) == "done")


def test_a_worker_that_lets_go_of_its_lock_looks_once_more_before_it_leaves(workspace, as_worker):
    worker = Worker(workspace)
    job_id = submit.verify(workspace).job_id  # Finds the lock held, and starts no worker.
    assert not leaves(worker, as_worker)
    assert presence.take(workspace) is None
    queue.cancel(workspace, job_id)
    assert leaves(worker, as_worker)
    free = presence.take(workspace)
    assert free is not None
    os.close(free)


def test_a_job_that_does_not_answer_the_wish_to_stop_is_ended_with_its_group(
    workspace, stored, hold, until, as_worker
):
    hold(stored[0])
    worker = Worker(workspace, answer_within_s=0.1)
    job_id = submit.verify(workspace).job_id

    def state():
        worker.turn()
        return state_of(workspace, job_id)

    until(lambda: state() == "running")
    queue.cancel(workspace, job_id)
    until(lambda: state() == "cancelled", within_s=10)
    assert queue.show(workspace, job_id).error == ""


def test_a_job_whose_process_cannot_begin_fails_after_three_tries(workspace, until, as_worker, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # No interpreter starts with that.
    worker = Worker(workspace)
    job_id = submit.verify(workspace).job_id

    def is_failed():
        worker.turn()
        return state_of(workspace, job_id) == "failed"

    until(is_failed)
    job = queue.show(workspace, job_id)
    assert (
        job.error
        == f"Its process ended 3 times before it could begin. Read why in its log: peakid jobs log {job_id}"
    )
    assert "encodings" in queue.log_tail(workspace, job_id)


def test_an_error_nobody_foresaw_is_one_line():
    assert child.in_words(ValueError("first\nsecond")) == "ValueError: first"
    assert child.in_words(RuntimeError()) == "RuntimeError"
    assert child.in_words(MemoryError()) == "MemoryError: this machine has too little memory for it."
