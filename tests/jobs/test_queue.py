import dataclasses
import re
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from peakid.errors import BadInput, JobError, JobNotWaiting, NotFound
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import TtaArguments, VerifyArguments
from peakid.jobs.process import Identity
from peakid.jobs.results import VerifyResult
from peakid.jobs.worker import Worker
from peakid.remedies import action
from peakid.store import runs

pytestmark = pytest.mark.usefixtures("as_worker")


def submit(workspace, lane="cpu", **more):
    return queue.submit(workspace, VerifyArguments(), lane=lane, settings=JobSettings(), **more)


def claimed_by(workspace, sleeping, job_id):
    work = ledger.claim(workspace, job_id, process.of(sleeping.pid))
    assert work is not None
    return work


def test_two_clicks_make_one_job(workspace):
    first = submit(workspace, request_id="form-7", actor="human:anna")
    again = submit(workspace, request_id="form-7", actor="human:anna")
    assert (first.job_id, first.state, first.actor) == (again.job_id, "queued", "human:anna")
    assert submit(workspace, request_id="form-8").job_id != first.job_id
    # Without a request id, each is a new request.
    assert submit(workspace).job_id != submit(workspace).job_id


def test_a_request_whose_job_has_ended_is_not_started_again(workspace):
    job_id = submit(workspace, request_id="form-7").job_id
    queue.cancel(workspace, job_id)
    again = submit(workspace, request_id="form-7")
    assert (again.job_id, again.state) == (job_id, "cancelled")


def test_clicks_of_eight_threads_at_once_make_one_job(workspace):
    ids = []
    barrier = threading.Barrier(8)

    def click():
        barrier.wait()
        ids.append(submit(workspace, request_id="one").job_id)
        workspace.close()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_a_lane_is_taken_in_order_and_by_one_job_at_a_time(workspace, sleeper):
    a, b = submit(workspace).job_id, submit(workspace).job_id
    other = submit(workspace, lane="gpu").job_id
    one, two = sleeper(), sleeper()
    assert ledger.claim(workspace, b, process.of(one.pid)) is None  # a came first.
    work = claimed_by(workspace, one, a)
    assert ledger.claim(workspace, b, process.of(two.pid)) is None  # a runs.
    assert ledger.claim(workspace, a, process.of(two.pid)) is None  # a is taken.
    claimed_by(workspace, two, other)
    work.end("done")
    claimed_by(workspace, two, b)
    assert [(job.job_id, job.state) for job in queue.list_jobs(workspace)] == [
        (other, "running"),
        (b, "running"),
        (a, "done"),
    ]


def test_a_worker_takes_the_next_job_of_a_lane_only_while_nothing_runs_there(workspace, sleeper):
    a, b = submit(workspace).job_id, submit(workspace).job_id
    other = submit(workspace, lane="gpu").job_id
    worker = Worker(workspace)
    assert (worker.next_of("cpu"), worker.next_of("gpu"), worker.next_of("net")) == (a, other, None)
    work = claimed_by(workspace, sleeper(), a)
    assert (worker.next_of("cpu"), worker.next_of("gpu")) == (None, other)
    work.end("done")
    assert worker.next_of("cpu") == b


def test_the_database_itself_refuses_a_second_running_job_in_a_lane(workspace):
    submit(workspace), submit(workspace)
    with pytest.raises(sqlite3.IntegrityError), workspace.transaction() as connection:
        connection.execute("UPDATE job SET state = 'running'")


def test_a_killed_job_is_marked_as_lost_at_the_next_read_within_a_second(workspace, sleeper, plant, until):
    job_id = submit(workspace).job_id
    sleeping = sleeper()
    claimed_by(workspace, sleeping, job_id)
    run_id = begin_run(workspace, plant, job_id)
    assert queue.show(workspace, job_id).state == "running"
    sleeping.kill()  # It stays a zombie, because nobody waits for it.
    until(lambda: psutil.Process(sleeping.pid).status() == psutil.STATUS_ZOMBIE, within_s=5)
    began = time.monotonic()
    job = queue.list_jobs(workspace)[0]
    assert time.monotonic() - began < 1
    assert job.state == "lost"
    assert re.fullmatch(
        f"Its process {sleeping.pid} ended unexpectedly: (killed, out of memory, out of disk space"
        r" \([\d,]+ MB free\), or the machine restarted"
        r"|the disk of the workspace is full \([\d,]+ MB free\))\.",
        job.error,
    )
    assert (job.remedy, job.actions) == ("Resume it.", (action("resume_job", job_id=job_id),))
    assert runs.show(workspace, run_id).state == "lost"


def test_another_process_with_a_reused_pid_is_not_taken_for_the_job_and_not_killed(workspace, sleeper):
    job_id = submit(workspace).job_id
    stranger = sleeper()
    now_there = process.of(stranger.pid)
    ledger.claim(workspace, job_id, Identity(now_there.pid, now_there.started_s - 100.0, now_there.boot_id))
    assert queue.show(workspace, job_id).state == "lost"
    assert stranger.poll() is None


def test_a_running_job_is_lost_after_the_machine_restarted(workspace, sleeper):
    job_id = submit(workspace).job_id
    stranger = sleeper()
    now_there = process.of(stranger.pid)
    ledger.claim(workspace, job_id, Identity(now_there.pid, now_there.started_s, "another boot"))
    assert queue.show(workspace, job_id).state == "lost"
    assert stranger.poll() is None


def test_an_old_heartbeat_means_stalled_and_never_lost(workspace, sleeper):
    job_id = submit(workspace).job_id
    claimed_by(workspace, sleeper(), job_id)
    assert not queue.is_stalled(queue.show(workspace, job_id))
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET heartbeat_at = '2020-01-01T00:00:00.000Z'")
    job = queue.show(workspace, job_id)
    assert job.state == "running"
    assert queue.is_stalled(job)


def test_a_job_is_stalled_after_two_minutes_of_silence_and_only_while_it_runs(workspace, sleeper):
    job_id = submit(workspace).job_id
    work = claimed_by(workspace, sleeper(), job_id)

    def silent_for(seconds):
        at = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        return dataclasses.replace(queue.show(workspace, job_id), heartbeat_at=at)

    assert not queue.is_stalled(silent_for(100))
    assert queue.is_stalled(silent_for(130))
    work.end("done")
    assert not queue.is_stalled(silent_for(130))


def test_child_processes_of_a_dead_job_are_killed(workspace, sleeper, until):
    job_id = submit(workspace).job_id
    leader = sleeper("sleep 60 & echo $!; exec sleep 60")
    left_behind = psutil.Process(int(leader.stdout.readline()))
    claimed_by(workspace, leader, job_id)
    leader.kill()
    leader.wait()
    assert left_behind.status() != psutil.STATUS_ZOMBIE
    assert queue.show(workspace, job_id).state == "lost"
    until(
        lambda: not psutil.pid_exists(left_behind.pid) or left_behind.status() == psutil.STATUS_ZOMBIE,
        within_s=5,
    )


def test_a_resumed_job_keeps_its_id_and_its_former_process_cannot_write_any_more(workspace, sleeper):
    job_id = submit(workspace).job_id
    before, after = sleeper(), sleeper()
    late = claimed_by(workspace, before, job_id)
    late.report("Verifying", 1, 3, "")
    before.kill()
    before.wait()
    assert queue.show(workspace, job_id).state == "lost"
    again = queue.resume(workspace, job_id, settings=JobSettings())
    assert (again.job_id, again.state, again.phase, again.error, again.pid) == (
        job_id,
        "queued",
        "",
        "",
        None,
    )
    claimed_by(workspace, after, job_id)
    with pytest.raises(ledger.NotOurs):
        late.end("done")
    late._asked_at = 0.0
    with pytest.raises(ledger.NotOurs):
        late.should_stop()
    assert queue.show(workspace, job_id).state == "running"


def test_a_resumed_job_has_no_wish_to_stop_and_no_trace_of_its_former_process(workspace, sleeper):
    job_id = submit(workspace).job_id
    sleeping = sleeper()
    work = claimed_by(workspace, sleeping, job_id)
    work.report("Verifying", 1, 3, "one read")
    work.note(VerifyResult(n_images=1))
    queue.cancel(workspace, job_id)
    assert work.should_stop()
    assert row_of(workspace, job_id)["stopping_at"] is not None
    work.end("cancelled", error=JobError("No room.", "Make room.", action("back_up")))
    queue.resume(workspace, job_id, settings=JobSettings())
    fresh = {
        **{"phase": "", "step": 0, "total": 0, "message": "", "error": "", "remedy": "", "actions": "[]"},
        **{"result": "{}", "is_cancel_requested": 0, "priority": 0},
        **dict.fromkeys(("pid", "pid_started_at", "boot_id", "stopping_at"), None),
        **dict.fromkeys(("started_at", "heartbeat_at", "finished_at"), None),
    }
    assert {name: row_of(workspace, job_id)[name] for name in fresh} == fresh
    again = claimed_by(workspace, sleeping, job_id)
    assert not again.should_stop()
    assert row_of(workspace, job_id)["stopping_at"] is None


def row_of(workspace, job_id):
    return workspace.one("SELECT * FROM job WHERE id = ?", (job_id,))


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_is_asked(workspace, sleeper, until):
    queued, running = submit(workspace, lane="cpu").job_id, submit(workspace, lane="gpu").job_id
    sleeping = sleeper()
    work = claimed_by(workspace, sleeping, running)
    assert not work.should_stop()
    assert queue.cancel(workspace, queued).state == "cancelled"
    asked = queue.cancel(workspace, running)
    assert (asked.state, asked.is_cancel_requested) == ("running", True)
    until(work.should_stop, within_s=5)
    work.end("cancelled")
    assert queue.show(workspace, running).state == "cancelled"


def test_a_job_that_dies_after_it_was_cancelled_is_cancelled_and_not_lost(workspace, sleeper):
    job_id = submit(workspace).job_id
    sleeping = sleeper()
    claimed_by(workspace, sleeping, job_id)
    queue.cancel(workspace, job_id)
    sleeping.kill()
    sleeping.wait()
    job = queue.show(workspace, job_id)
    assert (job.state, job.error) == ("cancelled", "")


def test_an_ended_job_cannot_be_cancelled_and_a_done_one_cannot_be_resumed(workspace, sleeper):
    job_id = submit(workspace).job_id
    with pytest.raises(
        JobNotWaiting, match=f"Job {job_id} is queued; only a lost, failed or cancelled job can be resumed"
    ):
        queue.resume(workspace, job_id, settings=JobSettings())
    claimed_by(workspace, sleeper(), job_id).end("done")
    with pytest.raises(JobNotWaiting, match=f"Job {job_id} is already done"):
        queue.cancel(workspace, job_id)
    with pytest.raises(JobNotWaiting):
        queue.resume(workspace, job_id, settings=JobSettings())


def test_the_error_about_an_unknown_job_lists_the_newest_jobs(workspace):
    with pytest.raises(NotFound, match=r"No job 5\. There are no jobs yet\."):
        queue.show(workspace, 5)
    submit(workspace), submit(workspace)
    with pytest.raises(NotFound, match=r"No job 5\. The newest jobs are 1, 2\."):
        queue.cancel(workspace, 5)


def test_progress_is_written_rarely_and_the_last_report_always(workspace, sleeper):
    job_id = submit(workspace).job_id
    work = claimed_by(workspace, sleeper(), job_id)
    for step in range(101):  # In far less than half a second.
        work.report("Verifying", step, 100, f"{step} read")
    job = queue.show(workspace, job_id)
    assert (job.phase, job.step, job.total, job.message) == ("Verifying", 0, 100, "0 read")
    work.note(VerifyResult(n_images=2))
    assert queue.show(workspace, job_id).result == VerifyResult(n_images=2)
    work.note(VerifyResult(n_images=2, n_damaged=1))
    work.end("done")
    job = queue.show(workspace, job_id)
    assert (job.step, job.message, job.result) == (
        100,
        "100 read",
        VerifyResult(n_images=2, n_damaged=1),
    )


def test_the_first_report_of_a_phase_is_written_although_the_last_one_was_just_now(workspace, sleeper):
    job_id = submit(workspace).job_id
    work = claimed_by(workspace, sleeper(), job_id)
    work.report("Training, epoch 1 of 6", 1, 6, "16 of 96 images")
    work.report("Training, epoch 2 of 6", 2, 6, "16 of 96 images")
    assert queue.show(workspace, job_id).phase == "Training, epoch 1 of 6"  # An epoch is no other phase.
    work.report("Writing the run", 0, 0, "")  # May take long without a further report.
    assert queue.show(workspace, job_id).phase == "Writing the run"


@pytest.mark.parametrize("changed", [{"pid": 1}, {"started_s": 1.0}, {"boot_id": "another boot"}])
def test_only_the_very_process_that_claimed_a_job_ends_it_and_only_once(workspace, sleeper, changed):
    job_id = submit(workspace).job_id
    holder = process.of(sleeper().pid)
    ledger.claim(workspace, job_id, holder)
    assert not ledger.end(workspace, job_id, dataclasses.replace(holder, **changed), "done")
    assert ledger.end(workspace, job_id, holder, "done")
    assert not ledger.end(workspace, job_id, holder, "failed")
    assert queue.show(workspace, job_id).state == "done"


def test_progress_renews_the_heartbeat(workspace, sleeper):
    job_id = submit(workspace).job_id
    work = claimed_by(workspace, sleeper(), job_id)
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET heartbeat_at = '2020-01-01T00:00:00.000Z'")
    work.report("Verifying", 1, 3, "")
    assert queue.show(workspace, job_id).heartbeat_at > "2026"


def test_waiting_reports_every_change_and_returns_the_ended_job(workspace, sleeper):
    job_id = submit(workspace).job_id
    states = []

    def go_on(job):
        states.append(job.state)
        if job.state == "queued":
            claimed_by(workspace, sleeping, job_id)
        elif len(states) == 2:
            ledger.end(workspace, job_id, process.of(sleeping.pid), "failed", error=JobError("No room."))

    sleeping = sleeper()
    assert queue.wait(workspace, job_id, go_on).error == "No room."
    assert states == ["queued", "running", "failed"]


def test_the_log_of_a_job_that_never_started_is_empty_and_a_long_one_is_cut(workspace):
    job_id = submit(workspace).job_id
    assert queue.log_tail(workspace, job_id) == ""
    queue.log_path(workspace, job_id).write_text("\n".join(f"line {n}" for n in range(50_000)))
    assert queue.log_tail(workspace, job_id, 2) == "line 49998\nline 49999"
    assert len(queue.log_tail(workspace, job_id, 50_000)) <= queue.LOG_TAIL_BYTES
    queue.log_path(workspace, job_id).write_bytes(b"half a character: \xc3")
    assert queue.log_tail(workspace, job_id).startswith("half a character: ")


def test_the_start_of_a_process_is_read_the_same_by_every_process():
    command = [
        "import sys; from peakid.jobs import process; print(process.of(int(sys.argv[1])).started_s)",
        str(process.own().pid),
    ]
    read = subprocess.run([sys.executable, "-c", *command], capture_output=True, text=True, check=True).stdout
    assert float(read) == pytest.approx(process.own().started_s, abs=0.1)


def begin_run(workspace, plant, job_id):
    from peakid.dataset import snapshot

    plant({"a": "dom", "b": "eiger"})
    frozen = snapshot.create(workspace, actor="human:anna")
    return runs.create(
        workspace,
        job_id=job_id,
        snapshot_id=frozen.snapshot_id,
        recipe={},
        class_names=["dom", "eiger"],
        seed=0,
        code_version="1",
        libraries={},
    )


def test_a_job_moved_first_runs_before_the_ones_submitted_earlier(workspace, sleeper):
    a, b, c = (submit(workspace).job_id for _ in range(3))
    other = submit(workspace, lane="gpu").job_id
    one = sleeper()
    work = claimed_by(workspace, one, a)
    queue.move_first(workspace, b)
    queue.move_first(workspace, c)  # The last one moved comes first; the running one is not interrupted.
    assert [job.job_id for job in queue.list_active(workspace, "cpu")] == [a, c, b]
    assert [job.job_id for job in queue.list_active(workspace, "gpu")] == [other]
    work.end("done")
    # A process that was started for b before c was moved exits.
    assert ledger.claim(workspace, b, process.of(one.pid)) is None
    assert Worker(workspace).next_of("cpu") == c
    claimed_by(workspace, one, c).end("done")
    claimed_by(workspace, one, b)


def test_only_a_queued_job_can_be_moved_first(workspace, sleeper):
    job_id = submit(workspace).job_id
    claimed_by(workspace, sleeper(), job_id)
    with pytest.raises(JobNotWaiting, match=f"Job {job_id} is running; only a queued job can be moved"):
        queue.move_first(workspace, job_id)


def test_a_resumed_job_has_no_priority_left_from_before(workspace):
    a, b = submit(workspace).job_id, submit(workspace).job_id
    queue.move_first(workspace, b)
    queue.cancel(workspace, b)
    queue.resume(workspace, b, settings=JobSettings())
    assert [job.job_id for job in queue.list_active(workspace, "cpu")] == [a, b]


def test_the_newest_job_of_a_kind_is_found_by_its_arguments(workspace):
    for run_id in (1, 2, 1):
        queue.submit(workspace, TtaArguments(run_id=run_id, n_views=4), lane="gpu", settings=JobSettings())
    submit(workspace)
    found = queue.newest(workspace, "tta", lambda job: job.arguments_as(TtaArguments).run_id == 1)
    assert found is not None
    assert found.job_id == 3
    assert queue.newest(workspace, "export") is None


def test_a_failed_job_keeps_the_actions_of_its_error(workspace, sleeper):
    job_id = submit(workspace).job_id
    error = BadInput(
        "The loss is\nnot a number.", "Lower it.", action("set_recipe", key="base_lr", value=1e-4)
    )
    claimed_by(workspace, sleeper(), job_id).end("failed", error=error)
    job = queue.show(workspace, job_id)
    assert (job.error, job.remedy) == ("The loss is not a number.", "Lower it.")
    assert job.actions == (action("set_recipe", key="base_lr", value=1e-4),)
    assert job.error_text == "The loss is not a number. Lower it."
    assert (
        queue.resume(workspace, job_id, settings=JobSettings()).error,
        queue.show(workspace, job_id).actions,
    ) == ("", ())
