"""On a full disk what was saved can be read and backed up, nothing is lost, and work continues with space."""

import contextlib
import ctypes
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from sqlite_utils import Database

from peakid.curate import decisions, scan
from peakid.dataset import snapshot, write
from peakid.errors import DiskError, WorkspaceNotWritable
from peakid.keep import backup, forget
from peakid.records import Choice
from peakid.store import connection as connections
from peakid.store import database_errors, status
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace

ANNA = "human:anna"
DISK_BYTES = 6 * 2**20
FULL = r"The disk of the workspace .* is full \(0 MB free on its disk\)"


@pytest.fixture
def closed(workspace: Workspace, fill: Callable[..., list[str]]) -> Path:
    """The folder of a closed workspace with five images; its database has no journal."""
    fill(river=3, sea=2)
    workspace.close()
    return workspace.path


class SmallDisk:
    """A disk in memory with a workspace of five images, and a file that takes the rest of the space."""

    def __init__(self, at: Path) -> None:
        self.at, self._filler = at, at / "filler"

    def fill(self, *, but_bytes: int = 0) -> None:
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                file.truncate(file.tell() - but_bytes)

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path, closed: Path) -> Iterator[SmallDisk]:
    library, at = ctypes.CDLL(None, use_errno=True), tmp_path / "disk"
    at.mkdir()
    if not hasattr(library, "mount") or library.mount(
        b"tmpfs", bytes(at), b"tmpfs", 0, f"size={DISK_BYTES}".encode()
    ):
        pytest.skip("only root can mount a disk")
    try:
        shutil.copytree(closed, at / "workspace")
        yield SmallDisk(at)
    finally:
        library.umount2(bytes(at), 2)  # MNT_DETACH: also while a file on it is open.


@pytest.fixture
def filled(disk: SmallDisk) -> Workspace:
    disk.fill()
    return workspaces.open_existing(disk.at / "workspace")


def test_a_full_disk_has_room_for_reading_and_for_a_backup_elsewhere(
    filled: Workspace, tmp_path: Path
) -> None:
    assert status.read(filled).n_images == 5
    assert len(decisions.log(filled)) == 5
    assert backup.backup(filled, tmp_path / "elsewhere.zip").n_images == 5


def test_on_a_full_disk_a_decision_is_refused_with_the_free_space_and_saved_once_there_is_room(
    disk: SmallDisk, filled: Workspace
) -> None:
    digest = filled.query("SELECT digest FROM image")[0]["digest"]
    for _ in range(2):
        with pytest.raises(WorkspaceNotWritable, match=FULL) as refused:
            decisions.decide(filled, [Choice(digest, "label", "sea")], actor=ANNA)
        assert refused.value.remedy.startswith("Free some space")
    disk.make_room()
    decisions.decide(filled, [Choice(digest, "label", "sea")], actor=ANNA)
    assert len(decisions.log(workspaces.open_existing(filled.path))) == 6


def test_decisions_until_the_disk_is_full_are_all_there_and_no_other(disk: SmallDisk) -> None:
    opened = workspaces.open_existing(disk.at / "workspace")
    digests = [row["digest"] for row in opened.query("SELECT digest FROM image")]
    decisions.decide(opened, [Choice(digests[0], "label", "sea")], actor=ANNA)
    disk.fill(but_bytes=100_000)
    acknowledged = 1
    while acknowledged < 100_000:
        choices = [Choice(each, "label", ("sea", "river")[acknowledged // 5 % 2]) for each in digests]
        try:
            decisions.decide(opened, choices, actor=ANNA)
        except WorkspaceNotWritable:
            break
        acknowledged += len(digests)
    assert 1 < acknowledged < 100_000
    disk.make_room()
    opened.close()
    again = workspaces.open_existing(opened.path)
    assert again.one("SELECT COUNT(*) FROM decision WHERE actor = ?", (ANNA,))[0] == acknowledged
    assert again.one("PRAGMA integrity_check")[0] == "ok"


@pytest.mark.parametrize(
    "change",
    [
        scan.scan,
        lambda workspace: snapshot.create(workspace, actor=ANNA),
        lambda workspace: forget.forget(workspace, "river/000.jpg", actor=ANNA),
    ],
    ids=["scan", "snapshot", "forget"],
)
def test_what_a_full_disk_refuses_changes_nothing_and_is_done_once_there_is_room(
    disk: SmallDisk, filled: Workspace, change: Callable[[Workspace], object]
) -> None:
    before = (filled.path / DATABASE_NAME).read_bytes()
    with pytest.raises(WorkspaceNotWritable, match=FULL):
        change(filled)
    assert (filled.path / DATABASE_NAME).read_bytes() == before
    assert sum(path.is_file() for path in filled.images_dir.rglob("*")) == 5
    disk.make_room()
    change(filled)


def test_a_dataset_that_the_disk_cannot_take_leaves_nothing_and_is_written_once_there_is_room(
    disk: SmallDisk,
) -> None:
    opened = workspaces.open_existing(disk.at / "workspace")
    frozen = snapshot.create(opened, actor=ANNA)
    disk.fill(but_bytes=20_000)
    with pytest.raises(DiskError, match=r"The disk is full: .*out.* cannot be written"):
        write.write(opened, frozen, "imagefolder", disk.at / "out")
    assert sorted(path.name for path in disk.at.iterdir()) == ["filler", "workspace"]
    disk.make_room()
    assert write.write(opened, frozen, "imagefolder", disk.at / "out").n_images == 5


def by_safetensors(file: Path) -> None:
    safetensors.numpy.save_file({"weights": np.zeros(50_000)}, file)


def by_numpy(file: Path) -> None:
    np.save(file, np.zeros(50_000))


@pytest.mark.parametrize("write_weights", [by_safetensors, by_numpy])
def test_a_disk_without_room_for_the_weights_of_an_export_or_training_is_told_with_its_free_space(
    disk: SmallDisk, filled: Workspace, write_weights: Callable[[Path], None]
) -> None:
    file = filled.runs_dir / "1.weights"
    with pytest.raises(Exception, match=r"No space left|requested and") as caught:
        write_weights(file)
    found = database_errors.unexpected(caught.value, filled.path)  # What a job reports as its error.
    assert isinstance(found, DiskError)
    assert "The disk is full" in found.message
    assert "(0 MB free on its disk)" in found.message
    disk.make_room()
    write_weights(file)


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """Let no file grow beyond 1,000 bytes: SQLite has no room for its shared memory, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_workspace_that_cannot_be_opened_for_writing_is_read_and_written_again_later(closed: Path) -> None:
    with small_files():
        opened = workspaces.open_existing(closed)
        assert status.read(opened).n_images == 5
        connection = opened.connection()  # The failed writer left an empty journal.
        assert opened.connection() is connection, "it is not opened for each statement"
        for _ in range(2):
            with pytest.raises(WorkspaceNotWritable, match="cannot be written"), opened.transaction():
                pytest.fail("a transaction began")
            assert status.read(opened).n_images == 5
    with opened.transaction() as connection:
        connection.execute("UPDATE class SET colour = '#001122' WHERE name = 'river'")
    opened.close()
    again = workspaces.open_existing(closed)
    assert again.one("SELECT name FROM class WHERE colour = '#001122'")[0] == "river"


def test_an_older_database_is_not_migrated_without_room(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        workspaces.migrations().apply(Database(database), stop_before="0003_duplicates")
    before = (tmp_path / DATABASE_NAME).read_bytes()
    with small_files(), pytest.raises(WorkspaceNotWritable, match="cannot be written"):
        workspaces.open_existing(tmp_path)
    assert (tmp_path / DATABASE_NAME).read_bytes() == before
    assert status.read(workspaces.open_existing(tmp_path)).n_images == 0


def test_a_journal_that_cannot_be_read_without_room_is_the_error_of_the_writer(closed: Path) -> None:
    (closed / f"{DATABASE_NAME}-wal").write_bytes(b"x" * 100)
    with small_files(), pytest.raises(WorkspaceNotWritable, match="cannot be written: disk I/O error"):
        connections.connect_or_read(closed / DATABASE_NAME)
