"""What every page has in common: navigation, reviewer, error messages."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.resources import PROJECT_ROOT
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
    fill(river=2, sea=1)
    assert navigation.title(review, workspace) == "Review 3"


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
