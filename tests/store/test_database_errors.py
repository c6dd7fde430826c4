"""A damaged, missing, foreign, locked or full database is an error in words that names the way back."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.errors import (
    NoWorkspace,
    PeakidError,
    WorkspaceBusy,
    WorkspaceDamaged,
    WorkspaceError,
    WorkspaceNotWritable,
)
from peakid.jobs import submit
from peakid.remedies import action
from peakid.store import database_errors, status
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace

PAGE = 4096


@pytest.fixture
def closed(workspace: Workspace, fill: Callable[..., list[str]]) -> Path:
    """The folder of a closed workspace with five images; its database has no journal."""
    fill(river=3, sea=2)
    workspace.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    workspace.close()
    return workspace.path


def zero_page_of(database: Path, table: str) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    data = bytearray(database.read_bytes())
    data[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    database.write_bytes(data)


def test_a_zeroed_page_is_an_error_that_names_the_backups(closed: Path) -> None:
    zero_page_of(closed / DATABASE_NAME, "class")
    with pytest.raises(WorkspaceDamaged, match=r"peakid\.db is damaged: .*malformed") as caught:
        status.read(workspaces.open_existing(closed))
    assert str(closed / "backups") in caught.value.remedy
    assert caught.value.actions == (action("restore_backup"),)


def test_the_newest_earlier_copy_is_named(closed: Path) -> None:
    (closed / "backups").mkdir()
    shutil.copy(closed / DATABASE_NAME, closed / "backups" / "peakid-before-0009.db")
    (closed / DATABASE_NAME).write_bytes(b"no database " * 1000)
    with pytest.raises(WorkspaceDamaged, match=r"has 1 earlier copy.*peakid-before-0009\.db"):
        workspaces.open_existing(closed)


@pytest.mark.parametrize("open_", [workspaces.create, workspaces.open_existing])
@pytest.mark.parametrize("state", ["is missing", "is empty"])
def test_no_new_workspace_begins_beside_stored_images(
    closed: Path, open_: Callable[[Path], Workspace], state: str
) -> None:
    (closed / DATABASE_NAME).unlink()
    if state == "is empty":
        (closed / DATABASE_NAME).touch()
    with pytest.raises(WorkspaceDamaged, match=f"{state}, and the folder has 5 images") as caught:
        open_(closed)
    assert caught.value.actions == (action("restore_backup"),)
    assert not (closed / DATABASE_NAME).exists() or (closed / DATABASE_NAME).stat().st_size == 0


@pytest.mark.parametrize("trace", ["runs/3/model.json", "backups/peakid-before-0002.db", "peakid.db-wal"])
def test_no_new_workspace_begins_beside_other_remains(tmp_path: Path, trace: str) -> None:
    (tmp_path / "w" / trace).parent.mkdir(parents=True)
    (tmp_path / "w" / trace).write_bytes(b"x")
    with pytest.raises(WorkspaceDamaged, match="is missing"):
        workspaces.create(tmp_path / "w")
    assert not (tmp_path / "w" / DATABASE_NAME).exists()


def test_an_empty_workspace_whose_creation_was_killed_is_created_again(tmp_path: Path) -> None:
    for name in workspaces.FOLDERS:
        (tmp_path / "w" / name).mkdir(parents=True)
    (tmp_path / "w" / DATABASE_NAME).touch()
    assert status.read(workspaces.create(tmp_path / "w")).n_images == 0


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        connection.execute("CREATE TABLE invoice (id INTEGER)")
    with pytest.raises(WorkspaceDamaged, match="not a database of Peakid, it has the table invoice"):
        workspaces.create(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    assert [name for name in names if not name.startswith("_")] == ["invoice"]


def test_a_database_that_is_removed_while_it_is_open_is_noticed(closed: Path) -> None:
    opened = workspaces.open_existing(closed)
    assert status.read(opened).n_images == 5
    (closed / DATABASE_NAME).unlink()
    with pytest.raises(WorkspaceDamaged, match="is missing, and the folder has 5 images"):
        status.read(opened)


def test_a_database_that_is_replaced_while_it_is_open_is_read_from_then_on(closed: Path) -> None:
    opened = workspaces.open_existing(closed)
    opened.query("SELECT 1")
    shutil.copy(closed / DATABASE_NAME, closed / "other.db")
    with contextlib.closing(sqlite3.connect(closed / "other.db")) as connection:
        connection.execute("INSERT INTO class (name, position, created_at) VALUES ('dom', 9, '')")
        connection.commit()
    (closed / "other.db").rename(closed / DATABASE_NAME)
    assert opened.query("SELECT name FROM class ORDER BY position")[-1]["name"] == "dom"


def test_a_removed_workspace_is_no_workspace_and_comes_back_by_no_query(workspace: Workspace) -> None:
    workspace.query("SELECT 1")
    shutil.rmtree(workspace.path)
    with pytest.raises(NoWorkspace):
        workspace.query("SELECT 1")
    assert not workspace.path.exists()


def test_a_check_of_a_damaged_database_is_refused_before_anything_is_written(closed: Path) -> None:
    zero_page_of(closed / DATABASE_NAME, "prediction")  # Opening a workspace does not read it.
    before = (closed / DATABASE_NAME).read_bytes()
    opened = workspaces.open_existing(closed)
    with pytest.raises(WorkspaceDamaged, match="damaged"):
        submit.verify(opened)
    opened.close()
    assert (closed / DATABASE_NAME).read_bytes() == before


def test_a_locked_database_says_that_something_else_writes(workspace: Workspace) -> None:
    workspace.connection().execute("PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(workspace.path / DATABASE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(WorkspaceBusy, match=r"is locked: .* is writing to it") as caught,
            workspace.transaction(),
        ):
            pass
        assert status.read(workspace).n_images == 0  # Reading goes on.
    assert "permission" not in str(caught.value)
    with workspace.transaction():
        pass


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who holds a lock")
def test_a_locked_database_names_the_process_that_writes(workspace: Workspace) -> None:
    code = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
    code += "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(workspace.path / DATABASE_NAME)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        workspace.connection().execute("PRAGMA busy_timeout = 20")
        with (
            pytest.raises(WorkspaceBusy, match=f"process {holder.pid} ") as caught,
            workspace.transaction(),
        ):
            pass
        assert Path(sys.executable).name in str(caught.value)
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(28, "No space left on device", "/x/y"), PeakidError),
        (PermissionError(13, "Permission denied", "/x/y"), PeakidError),
        (KeyError("x"), type(None)),
        (sqlite3.OperationalError("no such column: x"), type(None)),
    ],
)
def test_an_unexpected_error_is_explained_or_left_alone(
    workspace: Workspace, error: Exception, kind: type
) -> None:
    assert isinstance(database_errors.unexpected(error, workspace.path), kind)


def test_any_error_from_a_damaged_database_is_explained(closed: Path) -> None:
    zero_page_of(closed / DATABASE_NAME, "decision")
    assert isinstance(database_errors.unexpected(KeyError("verdict"), closed), WorkspaceDamaged)


def test_no_page_of_the_file_can_be_damaged_without_words(closed: Path, peakid: Callable) -> None:
    data = (closed / DATABASE_NAME).read_bytes()
    endings = set()
    for page in range(0, len(data) // PAGE, 5):
        for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"):
            (closed / name).unlink(missing_ok=True)
        noise = bytes((7 * i + page) % 256 for i in range(PAGE))
        (closed / DATABASE_NAME).write_bytes(data[: page * PAGE] + noise + data[(page + 1) * PAGE :])
        for command in (["status"], ["log"], ["queue", "all"]):
            answer = peakid(*command)
            assert answer.code in (0, 1)
            assert answer.err == "" or ("damaged" in answer.err and "backups" in answer.err)
            endings.add(answer.code)
    assert endings == {0, 1}


def test_errors_of_a_database_stay_errors_of_a_workspace() -> None:
    assert issubclass(WorkspaceBusy, WorkspaceNotWritable)  # A job retries what cannot be written now.
    assert issubclass(WorkspaceDamaged, WorkspaceError)
