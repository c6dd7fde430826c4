"""A copy of a workspace is another workspace: it does not touch the jobs of the original."""

import fcntl
import os
import shutil

import pytest

from peakid.errors import JobNotWaiting
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue, submit
from peakid.jobs.arguments import ExportArguments, ImportArguments, VerifyArguments
from peakid.jobs.worker import Worker
from peakid.keep import backup, restore
from peakid.store import identity
from peakid.store import workspace as workspaces

pytestmark = pytest.mark.usefixtures("as_worker")


def copied(workspace, to, ignore=None):
    workspace.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(workspace.path, to, ignore=ignore)
    return workspaces.open_existing(to)


def restored(workspace, to):
    backup.backup(workspace, to.with_suffix(".zip"))
    restore.restore(to.with_suffix(".zip"), to)
    return workspaces.open_existing(to)


BOTH = pytest.mark.parametrize(
    ("again", "when"), [(copied, "the workspace was copied"), (restored, "the backup was made")]
)


@BOTH
def test_a_copy_has_another_identity_and_keeps_it(workspace, tmp_path, again, when):
    first = workspace.identity()
    other = again(workspace, tmp_path / "other")
    assert len({first, other.identity()}) == 2
    assert workspaces.open_existing(tmp_path / "other").identity() == other.identity()
    assert workspaces.open_existing(workspace.path).identity() == first


def test_a_moved_workspace_keeps_its_identity(workspace, tmp_path):
    first = workspace.identity()
    workspace.close()
    workspace.path.rename(tmp_path / "moved")
    assert workspaces.open_existing(tmp_path / "moved").identity() == first


def test_a_device_that_has_another_number_after_a_restart_is_no_copy():
    assert identity.is_same("1:7:/w/peakid.db", "2:7:/w/peakid.db")
    assert identity.is_same("1:7:/w/peakid.db", "1:7:/moved: here/peakid.db")
    assert not identity.is_same("", "1:7:/w/peakid.db")
    assert not identity.is_same("1:7:/w/peakid.db", "")
    assert not identity.is_same("1:7:/w/peakid.db", "1:8:/w/peakid.db")
    assert not identity.is_same("1:7:/w/peakid.db", "2:7:/copy/peakid.db")


@BOTH
def test_cancelling_a_job_in_a_copy_leaves_the_process_of_the_original_alone(
    workspace, tmp_path, sleeper, again, when
):
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    sleeping = sleeper()
    ledger.claim(workspace, job_id, process.of(sleeping.pid))
    other = again(workspace, tmp_path / "other")
    job = queue.show(other, job_id)
    assert (job.state, job.error, job.pid) == ("lost", f"It was running when {when}.", None)
    with pytest.raises(JobNotWaiting):
        queue.cancel(other, job_id)
    worker = Worker(other, stops_within_s=0)
    worker.poll(), worker.poll()
    assert sleeping.poll() is None
    assert queue.show(workspace, job_id).state == "running"


def test_a_row_that_says_that_another_workspace_runs_it_is_lost_and_nothing_is_killed(workspace, sleeper):
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    sleeping = sleeper()
    ledger.claim(workspace, job_id, process.of(sleeping.pid))
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET owner = 'another', is_cancel_requested = 1")
    Worker(workspace, stops_within_s=0)._kill_overdue()
    assert queue.show(workspace, job_id).state == "lost"
    assert sleeping.poll() is None


@BOTH
def test_a_waiting_job_of_a_copy_starts_only_when_it_is_resumed(workspace, tmp_path, again, when):
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    other = again(workspace, tmp_path / "other")
    job = queue.show(other, job_id)
    assert (job.state, job.error) == ("cancelled", f"It was waiting when {when}.")
    assert Worker(other).next_of("cpu") is None
    assert queue.show(workspace, job_id).state == "queued"
    lock = (other.path / ".worker.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # So that no worker starts.
    assert queue.resume(other, job_id, settings=JobSettings()).state == "queued"


@pytest.mark.parametrize(
    "arguments",
    [
        ImportArguments(path="/home/x/photos"),
        ImportArguments(source="csv", path="/home/x/a.csv", root="/"),
        ExportArguments(run_id=1, formats=("onnx",), out="/home/x/model"),
    ],
    ids=["import", "table", "export"],
)
def test_a_job_of_a_copy_that_names_a_folder_is_not_resumed(workspace, tmp_path, arguments):
    job_id = queue.submit(workspace, arguments, lane="cpu", settings=JobSettings()).job_id
    other = copied(workspace, tmp_path / "other")
    with pytest.raises(JobNotWaiting, match="names /home/x/"):
        queue.resume(other, job_id, settings=JobSettings())
    assert queue.show(other, job_id).state == "cancelled"
    queue.cancel(workspace, job_id)
    assert queue.resume(workspace, job_id, settings=JobSettings()).state == "queued"


def test_a_process_follows_a_workspace_that_was_replaced(workspace, tmp_path):
    backup.backup(workspace, tmp_path / "b.zip")
    first = workspace.identity()
    restore.restore(tmp_path / "b.zip", workspace.path, replace=True)
    assert workspace.identity() not in ("", first)


@pytest.mark.slow
def test_a_real_job_survives_cancel_in_a_copy_and_keeps_its_workspace_from_being_replaced(
    workspace, stored, hold, until, as_worker, real_workers, peakid, tmp_path
):
    os.close(as_worker)  # A real worker starts the job.
    held = hold(stored[0])
    job_id = submit.verify(workspace).job_id
    until(held.is_reached)
    # The copy and the backup have no pipe in place of an image.
    backup.backup(workspace, tmp_path / "b.zip")
    other = copied(workspace, tmp_path / "other", ignore=lambda folder, names: {"images"} & set(names))
    with pytest.raises(JobNotWaiting):
        queue.cancel(other, job_id)
    Worker(other, stops_within_s=0).poll()
    refused = peakid("restore", tmp_path / "b.zip", "--replace")
    assert refused.code == 1
    assert f"while job {job_id} (verify) runs in it" in refused.err
    assert f"jobs cancel {job_id}" in refused.err
    held.let_go()
    assert queue.wait(workspace, job_id).state == "done"
    until(lambda: peakid("restore", tmp_path / "b.zip", "--replace").code == 0)
