"""What a workspace holds, also one that is gone, damaged, in use, or of another version."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from peakid.acquire import demo_import
from peakid.records import Snapshot
from peakid.store.folders import holdings
from peakid.store.workspace import Workspace


def test_images_classes_and_the_score_of_the_newest_run_are_counted(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen)
    run_id = add_run(frozen)
    found = holdings.read(workspace.path)
    assert (found.n_images, found.n_classes, found.problem, found.is_demo) == (40, 2, "", False)
    assert (found.run_id, found.accuracy, found.n_scored) == (run_id, 0.8, frozen.splits["valid"])


def test_a_run_in_folds_is_scored_on_all_images(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen, folds=5)
    assert holdings.read(workspace.path).n_scored == 40


def test_reading_changes_no_file(workspace: Workspace, fill: Callable[..., list[str]]) -> None:
    fill(river=2)
    workspace.close()
    before = {file: file.stat().st_mtime_ns for file in workspace.path.rglob("*")}
    assert holdings.read(workspace.path).n_images == 2
    assert {file: file.stat().st_mtime_ns for file in workspace.path.rglob("*")} == before


def test_a_workspace_that_is_being_written_is_read_without_waiting(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    fill(river=2)
    with workspace.transaction() as connection:
        connection.execute("UPDATE class SET is_retired = 1")
        found = holdings.read(workspace.path)
    assert (found.n_images, found.n_classes) == (2, 1)


def test_the_demo_is_told_from_photos(workspace: Workspace) -> None:
    assert not holdings.read(workspace.path).is_demo
    demo_import.import_demo(workspace, n_images=2, actor="human:anna")
    assert holdings.read(workspace.path).is_demo


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "There is no workspace in this folder."),
        (b"no database " * 1000, "is damaged: file is not a database"),
        (b"", "Another version of Peakid wrote it."),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "peakid.db").write_bytes(content)
    assert problem in holdings.read(tmp_path).problem


def test_a_folder_that_is_gone_and_a_name_that_is_none_are_said(tmp_path: Path) -> None:
    assert holdings.read(tmp_path / "gone").problem == "The folder is not there."
    assert holdings.read(tmp_path / ("x" * 300)).problem.startswith("The folder cannot be opened: ")


def test_a_database_of_another_program_is_said(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "peakid.db")) as other:
        other.execute("CREATE TABLE state_count (n TEXT)")
    assert "Another version of Peakid" in holdings.read(tmp_path).problem


def test_values_that_no_version_writes_are_no_score(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen)
    for metrics in ('{"accuracy": "high"}', '{"accuracy": 7}', "[1]", "{}"):
        with workspace.transaction() as connection:
            connection.execute("UPDATE run SET metrics = ?", (metrics,))
        assert holdings.read(workspace.path).accuracy is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_said(workspace: Workspace) -> None:
    workspace.path.chmod(0)
    try:
        assert "permission" in holdings.read(workspace.path).problem
    finally:
        workspace.path.chmod(0o755)
