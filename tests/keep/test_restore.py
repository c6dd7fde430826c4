"""A restore brings back what is sound, names the rest, and trusts nothing that a backup says."""

import json
import os
import random
import threading
import time
import zipfile

import pytest

from peakid.acquire import folder, roots, verification
from peakid.curate import decisions
from peakid.errors import NotFound, WorkspaceInUse, WorkspaceTooNew
from peakid.keep import backup, forget, report_text, restore
from peakid.records import Choice
from peakid.remedies import action
from peakid.store import activity, images, runs, status
from peakid.store import workspace as workspaces
from tests import killed
from tests.keep import hostile_backups

ANNA = "human:anna"


@pytest.fixture
def photos(tmp_path, draw):
    """Three photos of a river in a folder of their own."""
    (tmp_path / "photos" / "river").mkdir(parents=True)
    for n in range(3):
        (tmp_path / "photos" / "river" / f"{n}.jpg").write_bytes(draw(n))
    return tmp_path / "photos"


def damage(workspace, digest):
    data = bytearray(images.read_bytes(workspace, digest))
    data[20] ^= 1
    images.image_path(workspace, digest).write_bytes(data)


def test_a_damaged_and_a_missing_image_are_named_and_everything_else_is_restored(workspace, fill, tmp_path):
    damaged, missing, sound = fill(river=3)
    decisions.decide(workspace, [Choice(damaged, "exclude", reason="a map")], actor=ANNA)
    damage(workspace, damaged)
    images.image_path(workspace, missing).unlink()
    done = backup.backup(workspace, tmp_path / "b.zip")
    assert (done.damaged, done.missing, done.unread) == ((damaged,), (missing,), ())
    assert report_text.of_backup(done) == [
        f"1 image is damaged and cannot be restored from this backup: {damaged[:12]}.",
        f"1 image has no stored copy: {missing[:12]}.",
    ]
    found = restore.restore(tmp_path / "b.zip", tmp_path / "again")
    assert (found.damaged, found.missing, found.n_images, found.n_missing) == ((damaged,), (missing,), 3, 2)
    other = workspaces.open_existing(tmp_path / "again")
    assert decisions.log(other) == decisions.log(workspace)
    assert images.read_bytes(other, sound) == images.read_bytes(workspace, sound)
    assert {each.digest for each in verification.verify(other, actor=ANNA).damaged} == {damaged, missing}


def test_a_backup_with_a_damaged_image_is_a_success_with_a_warning_on_the_command_line(
    workspace, fill, peakid, tmp_path
):
    (digest,) = fill(river=1)
    damage(workspace, digest)
    done = peakid("backup", tmp_path / "b.zip", "--json")
    assert (done.code, done.json["damaged"]) == (0, [digest])
    workspace.close()
    again = peakid("restore", tmp_path / "b.zip", "--replace", "--json")
    assert (again.code, again.json["damaged"], again.json["n_missing"]) == (0, [digest], 1)


def test_a_member_that_the_archive_can_no_longer_read_is_left_out_and_named(workspace, fill, tmp_path):
    digests = fill(river=2)
    (workspace.logs_dir / "job-1.log").write_bytes(b"the log of a job")
    backup.backup(workspace, tmp_path / "b.zip")
    data = (tmp_path / "b.zip").read_bytes()
    image = images.read_bytes(workspace, digests[0])
    rotten = data.replace(b"the log of a job", b"the log of a j0b").replace(image, image[:-1] + b"!")
    (tmp_path / "b.zip").write_bytes(rotten)
    found = restore.restore(tmp_path / "b.zip", tmp_path / "again")
    assert (found.unread, found.damaged) == (("logs/job-1.log",), (digests[0],))
    assert not (tmp_path / "again" / "logs" / "job-1.log").exists()


def test_a_damaged_list_of_removed_images_is_read_from_the_database(workspace, fill, tmp_path):
    gone, _ = fill(river=2)
    forget.forget(workspace, gone, actor=ANNA)
    backup.backup(workspace, tmp_path / "b.zip")
    data = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(data.replace(f"{gone}\n".encode(), f"{gone[:-1]}x\n".encode()))
    found = restore.restore(tmp_path / "b.zip", tmp_path / "again")
    assert (found.unread, found.n_forgotten, found.n_images) == (("forgotten.txt",), 1, 1)


def test_folders_that_a_backup_names_are_read_only_after_a_person_accepts_them(workspace, photos, tmp_path):
    folder.import_folder(workspace, photos, in_place=True, actor=ANNA)
    backup.backup(workspace, tmp_path / "b.zip")
    found = restore.restore(tmp_path / "b.zip", tmp_path / "again")
    assert (found.foreign_roots, found.n_waiting, found.n_missing) == ((str(photos),), 3, 0)
    other = workspaces.open_existing(tmp_path / "again")
    digest = other.query("SELECT digest FROM image")[0]["digest"]
    with pytest.raises(NotFound, match="only the restored backup says so") as error:
        images.read_bytes(other, digest)
    assert error.value.actions == (action("accept_root", path=str(photos)),)
    assert roots.list_roots(other)[0].is_there is False
    roots.accept(other, photos)
    assert images.read_bytes(other, digest) == images.read_bytes(workspace, digest)
    assert verification.verify(other, actor=ANNA).damaged == []


def test_folders_that_the_replaced_workspace_reads_stay_accepted(workspace, photos, tmp_path):
    folder.import_folder(workspace, photos, in_place=True, actor=ANNA)
    backup.backup(workspace, tmp_path / "b.zip")
    found = restore.restore(tmp_path / "b.zip", workspace.path, replace=True)
    assert (found.foreign_roots, found.n_waiting, found.n_missing) == ((), 0, 0)


def test_importing_a_folder_in_place_accepts_it(workspace, photos, tmp_path):
    folder.import_folder(workspace, photos, in_place=True, actor=ANNA)
    backup.backup(workspace, tmp_path / "b.zip")
    restore.restore(tmp_path / "b.zip", tmp_path / "again")
    other = workspaces.open_existing(tmp_path / "again")
    folder.import_folder(other, photos, in_place=True, actor=ANNA)
    assert [root.is_foreign for root in roots.list_roots(other)] == [False]


def test_a_workspace_is_not_replaced_while_a_job_runs_in_it(workspace, fill, tmp_path):
    fill(river=1)
    backup.backup(workspace, tmp_path / "b.zip")
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO job (id, request_id, kind, lane, state, arguments, actor, created_at)"
            " VALUES (7, 'x', 'train', 'gpu', 'running', '{}', 'x', '')"
        )
    before = sorted(tmp_path.iterdir())
    lock = activity.join(workspace.path)
    with pytest.raises(WorkspaceInUse, match=r"while job 7 \(train\) runs in it") as error:
        restore.restore(tmp_path / "b.zip", workspace.path, replace=True)
    assert error.value.actions == (action("cancel_job", job_id=7),)
    assert sorted(tmp_path.iterdir()) == before
    os.close(lock)
    assert restore.restore(tmp_path / "b.zip", workspace.path, replace=True).replaced is not None


def test_a_job_does_not_start_while_its_workspace_is_replaced(workspace):
    with activity.excluded(workspace.path):
        assert activity.join(workspace.path) is None
    lock = activity.join(workspace.path)
    assert lock is not None
    os.close(lock)


def test_the_backup_of_an_earlier_version_is_restored(workspace, fill, tmp_path):
    fill(river=1)
    backup.backup(workspace, tmp_path / "b.zip")
    members = hostile_backups.read(tmp_path / "b.zip")
    old = [
        "DROP TABLE workspace_identity",
        "ALTER TABLE job DROP COLUMN owner",
        "ALTER TABLE root DROP COLUMN is_foreign",
        "ALTER TABLE export DROP COLUMN is_foreign",
        "DELETE FROM _sqlite_migrations WHERE name = '0013_identity'",
    ]
    members["peakid.db"] = hostile_backups.changed(members["peakid.db"], tmp_path / "x.db", old)
    hostile_backups.put(tmp_path / "old.zip", members)
    assert restore.restore(tmp_path / "old.zip", tmp_path / "again").n_images == 1
    assert workspaces.open_existing(tmp_path / "again").identity() not in ("", workspace.identity())


def test_a_backup_of_a_newer_version_is_refused_by_its_name(workspace, tmp_path):
    backup.backup(workspace, tmp_path / "b.zip")
    members = hostile_backups.read(tmp_path / "b.zip")
    later = ["INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('peakid', '9999_later')"]
    members["peakid.db"] = hostile_backups.changed(members["peakid.db"], tmp_path / "x.db", later)
    hostile_backups.put(tmp_path / "new.zip", members)
    with pytest.raises(WorkspaceTooNew, match="9999_later"):
        restore.restore(tmp_path / "new.zip", tmp_path / "again")


def test_a_run_that_was_open_is_lost_after_a_restore(workspace, plant, tmp_path):
    plant({"a": "river", "b": "sea", "c": "river", "d": "sea"})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO snapshot (id, digest, name, seed, fractions, class_names, n_images, n_groups,"
            " n_leaks, n_unreviewed, actor, created_at, frozen_at)"
            " VALUES (1, ?, '', 0, '{}', '[]', 0, 0, 0, 0, '', ?, ?)",
            ("ab" * 32, workspaces.now(), workspaces.now()),
        )
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=1,
        recipe={},
        class_names=[],
        seed=0,
        code_version="",
        libraries={},
    )
    backup.backup(workspace, tmp_path / "b.zip")
    restore.restore(tmp_path / "b.zip", tmp_path / "again")
    assert runs.show(workspaces.open_existing(tmp_path / "again"), run_id).state == "lost"


@pytest.mark.slow
def test_a_restore_killed_at_any_moment_leaves_a_workspace_and_loses_none(workspace, fill, tmp_path):
    """Twenty kills. A watcher looks the whole time whether the workspace is there."""
    fill(river=10)
    backup.backup(workspace, tmp_path / "b.zip")
    target = tmp_path / "target"
    restore.restore(tmp_path / "b.zip", target)
    gone, is_watching = [], threading.Event()

    def watch():
        while not is_watching.is_set():
            if not (target / "peakid.db").exists():
                gone.append(time.monotonic())
            time.sleep(0.0001)

    watcher = threading.Thread(target=watch)
    watcher.start()

    def replacing():
        return killed.FORKS.start(killed.restore_into, target, tmp_path / "b.zip")

    killed.FORKS.warm()
    began = time.monotonic()
    process = replacing()
    process.join()
    assert process.exitcode == 0
    whole_s, rng = time.monotonic() - began, random.Random(0)
    for _ in range(20):
        process = replacing()
        time.sleep(rng.uniform(0.1, 1.0) * whole_s)
        process.kill()
        process.join()
        assert status.read(workspaces.open_existing(target)).n_images == 10
    is_watching.set()
    watcher.join()
    assert gone == []
    restore.restore(tmp_path / "b.zip", target, replace=True)
    for path in tmp_path.iterdir():
        assert not path.name.startswith("."), path
        if path.name.startswith("target"):
            assert status.read(workspaces.open_existing(path)).n_images == 10


@pytest.mark.slow
def test_a_backup_killed_at_any_moment_leaves_nothing_that_the_next_one_does_not_clear(
    workspace, fill, tmp_path
):
    fill(river=40)
    (tmp_path / "out").mkdir()
    killed.FORKS.warm()
    rng, whole_s = random.Random(0), 0.0
    for n in range(10):
        file = tmp_path / "out" / f"{n}.zip"
        began = time.monotonic()
        process = killed.FORKS.start(killed.back_up, workspace.path, file)
        if n:
            time.sleep(rng.uniform(0.1, 1.0) * whole_s)
            process.kill()
        process.join()
        whole_s = whole_s or time.monotonic() - began
    backup.backup(workspace, tmp_path / "out" / "last.zip")
    for path in (tmp_path / "out").iterdir():
        if path.is_dir():
            path.rmdir()  # Killed before it wrote anything; the next backup clears it after a minute.
            continue
        assert path.suffix == ".zip"
        assert zipfile.ZipFile(path).testzip() is None


def test_a_folder_that_was_not_accepted_is_not_accepted_by_another_restore(workspace, photos, tmp_path):
    folder.import_folder(workspace, photos, in_place=True, actor=ANNA)
    backup.backup(workspace, tmp_path / "b.zip")
    restore.restore(tmp_path / "b.zip", tmp_path / "again")
    found = restore.restore(tmp_path / "b.zip", tmp_path / "again", replace=True)
    assert (found.foreign_roots, found.n_waiting) == ((str(photos),), 3)


def test_a_restored_job_offers_to_resume_itself_and_nothing_else(workspace, fill, tmp_path):
    fill(river=1)
    offers = {
        1: {"kind": "resume_job", "arguments": {"job_id": 1}},
        2: {"kind": "resume_job", "arguments": {"job_id": 1}},
        3: {"kind": "accept_root", "arguments": {"path": "/etc"}},
    }
    with workspace.transaction() as connection:
        for job_id, offer in offers.items():
            connection.execute(
                "INSERT INTO job (id, request_id, kind, lane, state, arguments, actor, created_at, actions)"
                " VALUES (?, ?, 'verify', 'cpu', 'failed', '{}', '', ?, ?)",
                (job_id, str(job_id), workspaces.now(), json.dumps([offer])),
            )
    backup.backup(workspace, tmp_path / "b.zip")
    restore.restore(tmp_path / "b.zip", tmp_path / "again")
    other = workspaces.open_existing(tmp_path / "again")
    left = {row["id"]: json.loads(row["actions"]) for row in other.query("SELECT id, actions FROM job")}
    assert left == {1: [offers[1]], 2: [], 3: []}
