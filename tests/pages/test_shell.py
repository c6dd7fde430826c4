"""What every page has in common: navigation, reviewer, error messages."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.keep import backup
from peakid.records import Choice
from peakid.resources import PROJECT_ROOT
from peakid.store import status
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from peakid.web import navigation


def test_a_fresh_workspace_opens_without_an_error(open_page: Callable[..., AppTest]) -> None:
    app = open_page()
    assert not app.exception
    assert not app.error


def test_the_reviewer_has_a_default_and_is_kept_across_pages(open_page: Callable[..., AppTest]) -> None:
    app = open_page()
    assert app.text_input(key="reviewer").value == "anna"
    app.text_input(key="reviewer").set_value("ben").run()
    app.switch_page("../../pages/overview.py").run()
    assert app.text_input(key="reviewer").value == "ben"


def test_the_title_of_a_page_counts_what_waits_there(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    review = next(page for page in navigation.PAGES if page.name == "review")
    assert navigation.title(review, workspace) == "Review"
    digests = fill(river=2, sea=1)
    assert navigation.title(review, workspace) == "Review"  # Unreviewed images alone need no look.
    decisions.decide(workspace, [Choice(digests[0], "clear")], actor="human:ben")
    assert navigation.title(review, workspace) == "Review 1"


def test_an_error_is_shown_in_words_with_its_remedy(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PEAKID_WORKSPACE", str(tmp_path / "file"))
    app = AppTest.from_file(str(PROJECT_ROOT / "peakid" / "web" / "shell.py"), default_timeout=60).run()
    assert not app.exception
    assert "cannot be written" in app.error[0].value
    assert "choose another folder" in app.error[0].value.lower()


def test_a_damaged_database_is_explained_with_a_form_that_restores_a_backup(
    open_page: Callable[..., AppTest], workspace: Workspace, fill: Callable[..., list[str]], tmp_path: Path
) -> None:
    fill(river=2, sea=1)
    backup.backup(workspace, tmp_path / "good.zip")
    workspace.close()
    (workspace.path / "peakid.db").write_bytes(b"no database " * 1000)
    app = open_page()
    assert not app.exception
    assert "is damaged: file is not a database" in app.error[0].value.replace("\\", "")
    assert "backups" in app.error[0].value
    app.main.text_input[-1].set_value(str(tmp_path / "good.zip"))
    app.main.button[-1].click().run()
    assert not app.exception
    assert not app.error
    assert app.success[0].value.startswith("Restored 3 images.")
    assert status.read(workspaces.open_existing(workspace.path)).n_images == 3
    [former] = tmp_path.glob("workspace.replaced-*")
    assert (former / "peakid.db").read_bytes().startswith(b"no database ")


@pytest.mark.parametrize(
    "page", ["overview", "review", "classes", "history", "snapshots", "train", "collect"]
)
def test_a_read_only_workspace_is_shown_and_named(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    fill: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    page: str,
) -> None:
    fill(river=2, sea=1)
    workspace.close()

    def inside(path: object) -> bool:
        return str(path).startswith(str(workspace.path))

    # Root can write anywhere, so the answer of the system is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or not inside(path))
    app = open_page(page)
    assert not app.exception
    assert not app.error
    assert any("Read-only" in each.value for each in app.sidebar.caption)
