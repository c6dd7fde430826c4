"""A damaged database is found, whatever the damage, and a sound one is not accused."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.curate import decisions
from peakid.records import Choice
from peakid.store import integrity
from peakid.store.workspace import DATABASE_NAME, Workspace


@pytest.fixture
def database(workspace: Workspace, fill: Callable[..., list[str]]) -> Path:
    """The database file of a workspace with images and decisions, closed and without a WAL."""
    fill(river=3, sea=2)
    workspace.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    workspace.close()
    return workspace.path / DATABASE_NAME


def page_of(database: Path, table: str) -> tuple[int, int]:
    """Return the offset and the size of the root page of a table."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return (connection.execute(sql, (table,)).fetchone()[0] - 1) * size, size


def quick_check(database: Path) -> tuple[str, ...]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return integrity.quick_check(connection)


def test_a_sound_database_has_no_problems(database: Path) -> None:
    assert quick_check(database) == ()


@pytest.mark.parametrize("table", ["decision", "image", "image_state", "origin", "step", "snapshot"])
def test_a_zeroed_page_is_found(database: Path, table: str) -> None:
    start, size = page_of(database, table)
    data = bytearray(database.read_bytes())
    data[start : start + size] = bytes(size)
    database.write_bytes(data)
    assert quick_check(database)


def test_a_file_that_is_no_database_is_a_problem_and_no_exception(database: Path) -> None:
    database.write_bytes(b"This is a text." * 1000)
    assert quick_check(database) == ("file is not a database",)


def test_a_cut_database_is_found(database: Path) -> None:
    database.write_bytes(database.read_bytes()[: 40 * 4096])
    assert quick_check(database)


def full_check(workspace: Workspace) -> tuple[str, ...]:
    return integrity.full_check(workspace.connection())


def test_a_sound_workspace_passes_every_check(workspace: Workspace, fill: Callable[..., list[str]]) -> None:
    assert full_check(workspace) == ()
    first, *_ = fill(river=3, sea=2)
    decisions.decide(workspace, [Choice(first, "exclude", reason="blurred")], actor="human:anna")
    decisions.undo(workspace, actor="human:anna")
    assert full_check(workspace) == ()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE image_state SET verdict = 'exclude' WHERE image_id = 1", "the state of 1 image is not"),
        (
            "UPDATE image_state SET is_reviewed = 1",
            "the state of 5 images is not that of the newest decision",
        ),
        ("DELETE FROM image_state WHERE image_id = 2", "1 image without a state"),
        ("UPDATE state_count SET n = n + 1", "5 of the stored counts differ from the states"),
        ("UPDATE origin SET acquisition_id = 99", "5 rows of the table origin refer to a missing row"),
    ],
)
def test_rows_that_disagree_with_the_log_are_found(
    workspace: Workspace, fill: Callable[..., list[str]], sql: str, found: str
) -> None:
    fill(river=3, sea=2)
    workspace.connection().execute("PRAGMA foreign_keys = OFF")
    workspace.connection().execute(sql)
    assert any(problem.startswith(found) for problem in full_check(workspace)), full_check(workspace)


def test_an_index_that_lacks_a_row_is_found_by_the_full_check_alone(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = "UPDATE sqlite_master SET sql = replace(sql, 'verdict, image_id', 'image_id, verdict')"
        connection.execute(f"{sql} WHERE name = 'image_state_verdict'")
        connection.commit()
    assert quick_check(database) == ()
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert any("image_state_verdict" in problem for problem in integrity.full_check(connection))
