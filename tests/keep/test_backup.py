"""A restore gives everything back; a damaged backup changes nothing; removed images stay removed."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from peakid.acquire import folder
from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.errors import BackupNotWritten, BadBackup, WorkspaceNotEmpty
from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import TrainArguments
from peakid.keep import backup, forget, report_text, restore
from peakid.records import Choice
from peakid.remedies import action
from peakid.store import checkpoints, images, runs, status
from peakid.store import workspace as workspaces

ANNA = "human:anna"


@pytest.fixture
def judged(workspace, fill):
    """Four images, one judged, a file of a run, a thumbnail and something in the cache."""
    digests = fill(river=2, sea=2)
    decisions.decide(workspace, [Choice(digests[0], "label", "sea")], actor=ANNA)
    (workspace.runs_dir / "1").mkdir()
    (workspace.runs_dir / "1" / "model.safetensors").write_bytes(b"weights")
    (workspace.cache_dir / "pixels.npy").write_bytes(b"drawn again")
    return digests


def rewritten(source, target, change):
    """Copy a backup, passing each member's bytes through `change(name, data)`; None leaves it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
    return target


def test_a_workspace_is_restored_in_another_folder(workspace, judged, tmp_path):
    done = backup.backup(workspace, tmp_path / "b.zip")
    assert (done.n_images, done.n_files) == (4, 6)  # Four images, one run file, the database.
    restored = restore.restore(tmp_path / "b.zip", tmp_path / "elsewhere")
    assert (restored.n_images, restored.n_missing, restored.replaced) == (4, 0, None)
    other = workspaces.open_existing(tmp_path / "elsewhere")
    assert status.read(other) == status.read(workspace)
    assert decisions.log(other) == decisions.log(workspace)
    assert all(images.read_bytes(other, digest) == images.read_bytes(workspace, digest) for digest in judged)
    assert (other.runs_dir / "1" / "model.safetensors").read_bytes() == b"weights"
    assert not list(other.cache_dir.iterdir())
    assert images.thumbnail(other, judged[0]) == images.thumbnail(workspace, judged[0])  # Drawn again.


def test_a_backup_in_a_folder_is_named_after_workspace_and_day(workspace, judged, tmp_path):
    (tmp_path / "backups").mkdir()
    done = backup.backup(workspace, tmp_path / "backups")
    assert re.fullmatch(r"peakid-workspace-\d{4}-\d\d-\d\d\.zip", Path(done.path).name)
    assert Path(done.path).parent == tmp_path / "backups"
    with pytest.raises(BackupNotWritten):
        backup.backup(workspace, tmp_path / "backups")
    with pytest.raises(BackupNotWritten):
        backup.backup(workspace, tmp_path / "nowhere" / "b.zip")
    assert len(list((tmp_path / "backups").iterdir())) == 1  # No half-written file beside it.


def test_a_restore_replaces_a_workspace_only_on_request_and_keeps_it(workspace, judged, tmp_path):
    backup.backup(workspace, tmp_path / "b.zip")
    decisions.decide(workspace, [Choice(judged[1], "exclude", reason="a map")], actor=ANNA)
    workspace.close()
    with pytest.raises(WorkspaceNotEmpty):
        restore.restore(tmp_path / "b.zip", workspace.path)
    done = restore.restore(tmp_path / "b.zip", workspace.path, replace=True)
    assert status.read(workspaces.open_existing(workspace.path)).n_excluded == 0
    assert status.read(workspaces.open_existing(tmp_path / done.replaced)).n_excluded == 1


def test_an_image_removed_after_the_backup_is_not_restored(workspace, judged, tmp_path):
    backup.backup(workspace, tmp_path / "b.zip")
    forget.forget(workspace, judged[0], actor=ANNA)
    workspace.close()
    done = restore.restore(tmp_path / "b.zip", workspace.path, replace=True)
    again = workspaces.open_existing(workspace.path)
    assert (done.n_images, done.n_forgotten) == (3, 1)
    assert judged[0] not in {item.digest for item in review_queue.page(again, "all")}
    assert not images.image_path(again, judged[0]).exists()
    assert not again.query("SELECT 1 FROM origin WHERE path = 'river/000.jpg'")


def test_the_list_of_removed_images_is_used_if_the_database_is_missing(workspace, judged, tmp_path):
    backup.backup(workspace, tmp_path / "b.zip")
    forget.forget(workspace, judged[0], actor=ANNA)
    (tmp_path / "fresh").mkdir()
    (workspace.path / "forgotten.txt").rename(tmp_path / "fresh" / "forgotten.txt")
    assert restore.restore(tmp_path / "b.zip", tmp_path / "fresh").n_images == 3
    backup.backup(workspaces.open_existing(tmp_path / "fresh"), tmp_path / "c.zip")
    assert (
        restore.restore(tmp_path / "c.zip", tmp_path / "third").n_forgotten == 1
    )  # And a backup of it carries the list on.


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: data[:-1] + b"!" if name == "peakid.db" else data,
        lambda name, data: None if name == "peakid-backup.json" else data,
        lambda name, data: json.dumps({"format": 99}) if name == "peakid-backup.json" else data,
    ],
    ids=["the database", "no manifest", "a later format"],
)
def test_a_damaged_backup_is_an_error_and_leaves_no_files(workspace, judged, tmp_path, change):
    backup.backup(workspace, tmp_path / "b.zip")
    rewritten(tmp_path / "b.zip", tmp_path / "bad.zip", change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadBackup):
        restore.restore(tmp_path / "bad.zip", tmp_path / "elsewhere")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "images/../../outside", "images\\..\\outside"]
)
def test_a_backup_with_a_path_outside_the_workspace_is_refused(workspace, judged, tmp_path, name):
    backup.backup(workspace, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(BadBackup):
        restore.restore(tmp_path / "b.zip", tmp_path / "elsewhere")
    assert not list(tmp_path.rglob("outside"))


def test_a_file_that_is_not_a_zip_and_a_missing_file_are_errors(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    for name in ("b.zip", "missing.zip"):
        with pytest.raises(BadBackup):
            restore.restore(tmp_path / name, tmp_path / "elsewhere")


def test_images_in_their_own_folder_are_found_after_a_restore(workspace, tmp_path, draw):
    (tmp_path / "photos" / "river").mkdir(parents=True)
    (tmp_path / "photos" / "river" / "a.jpg").write_bytes(draw(1))
    folder.import_folder(workspace, tmp_path / "photos", in_place=True, actor=ANNA)
    backup.backup(workspace, tmp_path / "b.zip")
    accepted = restore.restore(tmp_path / "b.zip", tmp_path / "one", accept_roots=True)
    assert (accepted.n_missing, accepted.n_waiting, accepted.foreign_roots) == (0, 0, ())
    (tmp_path / "photos" / "river" / "a.jpg").unlink()
    assert restore.restore(tmp_path / "b.zip", tmp_path / "two", accept_roots=True).n_missing == 1


def test_a_damaged_database_is_not_backed_up(workspace, fill, tmp_path):
    fill(river=3)
    workspace.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    root = workspace.one("SELECT rootpage FROM sqlite_master WHERE name = 'decision'")["rootpage"]
    workspace.close()
    with (workspace.path / "peakid.db").open("rb+") as database:
        database.seek((root - 1) * 4096)
        database.write(bytes(4096))
    with pytest.raises(BackupNotWritten, match="is damaged, so no backup was written") as error:
        backup.backup(workspace, tmp_path / "b.zip")
    assert error.value.actions == (action("restore_backup"),)
    assert "backups" in error.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]


FULL = """
import resource, signal, sys
from pathlib import Path
from peakid.errors import BackupNotWritten
from peakid.keep import backup
from peakid.store import workspace
opened = workspace.open_existing(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    backup.backup(opened, Path(sys.argv[2]))
except BackupNotWritten as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [4096, 600_000], ids=["at the copy of the database", "at an image"])
def test_a_backup_that_the_disk_cannot_take_is_an_error_and_leaves_nothing(workspace, fill, tmp_path, limit):
    (digest,) = fill(river=1)
    images.image_path(workspace, digest).write_bytes(bytes(800_000))
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-c", FULL, str(workspace.path), str(tmp_path / "out" / "b.zip"), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["a" * 300 + ".zip", "file/b.zip", "nowhere/b.zip"])
def test_a_place_that_cannot_be_written_is_an_error_in_words(workspace, tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(BackupNotWritten, match="cannot be written") as refused:
        backup.backup(workspace, tmp_path / name)
    assert "Errno" not in refused.value.message


def test_files_among_the_images_that_are_none_and_links_are_not_backed_up(workspace, fill, tmp_path):
    (digest,) = fill(river=1)
    (workspace.images_dir / digest[:2] / "Thumbs.db").write_bytes(b"x")
    (workspace.exports_dir / "link").symlink_to("/etc/passwd")
    backup.backup(workspace, tmp_path / "b.zip")
    names = set(zipfile.ZipFile(tmp_path / "b.zip").namelist())
    assert names == {"peakid-backup.json", "peakid.db", "forgotten.txt", f"images/{digest[:2]}/{digest}"}


@pytest.fixture
def interrupted(workspace, frozen, as_idle):
    """A cancelled training with two checkpoints, a model and its samples, and a fold; return job and run."""
    arguments = TrainArguments(snapshot=frozen.digest, recipe={})
    job_id = queue.submit(workspace, arguments, lane="gpu", settings=JobSettings()).job_id
    run_id = runs.create(
        workspace,
        job_id=job_id,
        snapshot_id=frozen.snapshot_id,
        recipe={},
        class_names=frozen.class_names,
        seed=0,
        code_version="test",
        libraries={},
    )
    runs.finish(workspace, run_id, "cancelled")
    queue.cancel(workspace, job_id)
    folder = workspace.runs_dir / str(run_id)
    (folder / "fold-1").mkdir()
    for name in ("checkpoint-000004", "checkpoint-000005", "fold-1/checkpoint-000001"):
        (folder / f"{name}.safetensors").write_bytes(bytes(100_000))
        (folder / f"{name}.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return job_id, run_id


def test_a_backup_leaves_out_checkpoints_and_says_so(workspace, interrupted, tmp_path):
    _, run_id = interrupted
    (workspace.cache_dir / "pixels-2-160-crop").mkdir()
    (workspace.cache_dir / "pixels-2-160-crop" / "pixels").write_bytes(bytes(5000))
    done = backup.backup(workspace, tmp_path / "b.zip")
    names = zipfile.ZipFile(tmp_path / "b.zip").namelist()
    assert [name for name in names if name.startswith("runs/")] == [f"runs/{run_id}/model.safetensors"]
    assert done.n_bytes < 300_000
    left_out = {each.kind: (each.n_files, each.n_bytes) for each in done.left_out}
    assert left_out["checkpoints"] == (6, 300_006)
    assert left_out["pixels"] == (1, 5000)
    assert left_out["thumbnails"][0] == 40
    lines = report_text.left_out(done)
    assert "checkpoints of interrupted runs (6 files, 0.3 MB)" in lines[0]
    assert lines[1] == "Without its checkpoints, an interrupted training starts anew after a restore."


def test_a_run_restored_without_its_checkpoints_says_that_it_starts_anew(
    workspace, interrupted, tmp_path, peakid
):
    job_id, run_id = interrupted
    backup.backup(workspace, tmp_path / "b.zip")
    restored = restore.restore(tmp_path / "b.zip", tmp_path / "other")
    assert restored.runs_anew == (run_id,)
    assert report_text.of_restore(restored) == [
        "1 interrupted run has no checkpoint and cannot be continued: resuming starts it anew: run 1."
    ]
    other = workspaces.open_existing(tmp_path / "other")
    assert checkpoints.of_job(other, job_id) == run_id
    answer = peakid("--workspace", tmp_path / "other", "jobs", "show", job_id)
    text = f"Run {run_id} has no checkpoint here, so it cannot be continued: resuming starts it anew."
    assert answer.out.splitlines()[-1] == text
    shown = peakid("--workspace", tmp_path / "other", "jobs", "show", job_id, "--json").json
    assert shown["starts_anew"] == run_id


def test_a_backup_with_checkpoints_restores_a_run_that_continues(workspace, interrupted, tmp_path, peakid):
    job_id, run_id = interrupted
    answer = peakid("backup", tmp_path / "b.zip", "--with-checkpoints", "--json").json
    assert "checkpoints" not in {each["kind"] for each in answer["left_out"]}
    restored = restore.restore(tmp_path / "b.zip", tmp_path / "other")
    assert restored.runs_anew == ()
    other = workspaces.open_existing(tmp_path / "other")
    assert checkpoints.can_continue(other, run_id)
    assert checkpoints.of_job(other, job_id) is None


def test_checkpoints_that_serve_nothing_are_never_backed_up(workspace, interrupted, tmp_path):
    _, run_id = interrupted
    runs.finish(workspace, run_id, "done")
    done = backup.backup(workspace, tmp_path / "b.zip", with_checkpoints=True)
    assert {each.kind for each in done.left_out} == {"used_checkpoints", "thumbnails"}
    assert not [name for name in zipfile.ZipFile(tmp_path / "b.zip").namelist() if "checkpoint" in name]


def test_an_export_that_was_not_completed_is_not_backed_up(workspace, judged, tmp_path):
    (workspace.exports_dir / ".mine.abc.partial").mkdir()
    (workspace.exports_dir / ".mine.abc.partial" / "model.onnx").write_bytes(b"half")
    done = backup.backup(workspace, tmp_path / "b.zip")
    assert not [name for name in zipfile.ZipFile(tmp_path / "b.zip").namelist() if "partial" in name]
    assert "unfinished" in {each.kind for each in done.left_out}


def test_a_file_dated_before_zip_archives_existed_is_backed_up(workspace, judged, tmp_path):
    os.utime(workspace.runs_dir / "1" / "model.safetensors", (0, 0))  # 1970; an archive begins with 1980.
    assert backup.backup(workspace, tmp_path / "b.zip").n_files == 6
    assert zipfile.ZipFile(tmp_path / "b.zip").read("runs/1/model.safetensors") == b"weights"


@pytest.mark.parametrize(
    ("name", "named"), [("images/ab/x", ([], ["folder"])), ("runs/1/x", (["runs/1/x"], []))]
)
def test_a_file_that_cannot_be_opened_is_named_as_an_image_or_by_its_path(tmp_path, name, named):
    (tmp_path / "folder").mkdir()  # Opening a folder fails for every user, also for root.
    packed = backup._Packed(0, damaged=[], unread=[])
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        backup._pack_one(archive, tmp_path / "folder", name, packed)
    assert (packed.unread, packed.damaged) == named
    assert zipfile.ZipFile(tmp_path / "b.zip").namelist() == []


def test_a_missing_image_is_named_although_others_are_left_in_their_folder(workspace, tmp_path, draw):
    for n, name in enumerate(("copied", "in-place")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(draw(n))
        folder.import_folder(workspace, tmp_path / name, in_place=name == "in-place", actor=ANNA)
    (digest,) = [path.name for path in workspace.images_dir.rglob("*") if path.is_file()]
    images.image_path(workspace, digest).unlink()
    assert backup.backup(workspace, tmp_path / "b.zip").missing == (digest,)
