"""Decisions that were saved and are gone are counted, said, and never said where nothing is lost."""

import shutil
from collections.abc import Callable

import pytest

from peakid.curate import decisions
from peakid.errors import BadInput
from peakid.records import Choice
from peakid.store import saved_decisions
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace

ANNA = "human:anna"


def decide(workspace: Workspace, digest: str, label: str) -> None:
    decisions.decide(workspace, [Choice(digest, "label", label)], actor=ANNA)


def losses(workspace: Workspace) -> list[tuple[int, int]]:
    return [(loss.first_id, loss.last_id) for loss in saved_decisions.losses(workspace.connection())]


@pytest.fixture
def filled(workspace: Workspace, fill: Callable[..., list[str]]) -> list[str]:
    """Five images with one decision each, all of them in the database file itself."""
    digests = fill(river=3, sea=2)
    workspace.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return digests


def test_decisions_in_a_deleted_journal_are_counted(workspace: Workspace, filled: list[str]) -> None:
    for digest in filled[:4]:
        decide(workspace, digest, "sea")
    # A copy while it is open: closing would move the decisions into the database.
    copy = workspace.path.with_name("copy")
    shutil.copytree(workspace.path, copy)
    (copy / f"{DATABASE_NAME}-wal").unlink()
    opened = workspaces.open_existing(copy)
    assert losses(opened) == [(6, 9)]
    assert saved_decisions.losses(opened.connection())[0].text().startswith("4 saved decisions are missing")
    opened.close()
    decide(opened, filled[0], "sea")
    opened.close()
    assert losses(workspaces.open_existing(copy)) == [(6, 9)]  # Told once, kept permanently.


def test_nothing_is_said_where_nothing_is_lost(workspace: Workspace, filled: list[str]) -> None:
    decide(workspace, filled[0], "sea")
    for _ in range(2):
        workspace.close()
        workspace = workspaces.open_existing(workspace.path)
        assert losses(workspace) == []
    (workspace.path / saved_decisions.FILE_NAME).unlink()
    workspace.close()
    assert losses(workspaces.open_existing(workspace.path)) == []


def test_an_older_copy_of_the_database_is_noticed(workspace: Workspace, filled: list[str]) -> None:
    shutil.copy(workspace.path / DATABASE_NAME, workspace.path / "older.db")
    decide(workspace, filled[0], "sea")
    workspace.close()
    (workspace.path / "older.db").rename(workspace.path / DATABASE_NAME)
    opened = workspaces.open_existing(workspace.path)
    assert losses(opened) == [(6, 6)]
    assert saved_decisions.losses(opened.connection())[0].text().startswith("1 saved decision is missing")


@pytest.mark.parametrize("content", [b"", b"text", b"-5", b"\xff\xfe" * 40])
def test_a_damaged_file_beside_the_database_says_nothing(
    workspace: Workspace, filled: list[str], content: bytes
) -> None:
    workspace.close()
    (workspace.path / saved_decisions.FILE_NAME).write_bytes(content)
    assert losses(workspaces.open_existing(workspace.path)) == []


def test_a_transaction_that_fails_notes_nothing(workspace: Workspace, filled: list[str]) -> None:
    before = saved_decisions.noted(workspace.path)
    with pytest.raises(BadInput):
        decisions.decide(
            workspace, [Choice(filled[0], "label", "sea"), Choice(filled[1], "label", None)], actor=ANNA
        )
    assert saved_decisions.noted(workspace.path) == before == 5
