"""A restore gives everything back; a damaged backup changes nothing; removed images stay removed."""

import json
import subprocess
import sys
import zipfile

import pytest

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.errors import BackupNotWritten, BadBackup, WorkspaceNotEmpty
from peakid.keep import backup, forget, restore
from peakid.records import Choice
from peakid.remedies import action
from peakid.store import images, status
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
    assert done.path.startswith(str(tmp_path / "backups" / "peakid-workspace-20"))
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
    from peakid.acquire import folder

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
    with pytest.raises(BackupNotWritten, match="cannot be written"):
        backup.backup(workspace, tmp_path / name)


def test_files_among_the_images_that_are_none_and_links_are_not_backed_up(workspace, fill, tmp_path):
    (digest,) = fill(river=1)
    (workspace.images_dir / digest[:2] / "Thumbs.db").write_bytes(b"x")
    (workspace.exports_dir / "link").symlink_to("/etc/passwd")
    backup.backup(workspace, tmp_path / "b.zip")
    names = set(zipfile.ZipFile(tmp_path / "b.zip").namelist())
    assert names == {"peakid-backup.json", "peakid.db", "forgotten.txt", f"images/{digest[:2]}/{digest}"}
