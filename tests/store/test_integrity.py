"""A damaged database is found, whatever the damage, and a sound one is not accused."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

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
