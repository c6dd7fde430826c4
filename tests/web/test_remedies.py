"""The remedies of an error on a page: every kind of action has a button or link that works."""

import ast
import re
from collections.abc import Callable
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from peakid.cli.output import remedies as cli_remedies
from peakid.curate import classes
from peakid.errors import NotFound
from peakid.remedies import ActionKind, action
from peakid.resources import PROJECT_ROOT
from peakid.store.workspace import Workspace
from peakid.web import navigation
from peakid.web.remedies import OFFERS, Link

KINDS: tuple[ActionKind, ...] = get_args(ActionKind)


def documented_arguments() -> dict[str, list[str]]:
    """Return the arguments of each kind, which the comments of `ActionKind` list: `# run_id, split`."""
    source = (PROJECT_ROOT / "peakid" / "remedies.py").read_text(encoding="utf-8")
    found = {}
    for kind, comment in re.findall(r'^    "(\w+)",(?: +# (.*))?$', source, re.MULTILINE):
        names = comment.partition(":")[0].split(", ")
        found[kind] = [name for name in names if re.fullmatch(r"[a-z_]+", name)]
    return found


def queries_of(page: str) -> set[str]:
    """Return the query parameters that a page and the modules it imports read, as string literals."""
    source = (PROJECT_ROOT / "pages" / f"{page}.py").read_text(encoding="utf-8")
    parts = [source]
    for package, several, one in re.findall(
        r"from (peakid\.web\.\w+) import (?:\(([^)]*)\)|([\w, ]+))", source
    ):
        folder = PROJECT_ROOT.joinpath(*package.split("."))
        files = [folder / f"{name.strip()}.py" for name in (several or one).split(",")]
        parts += [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    nodes = [node for part in parts for node in ast.walk(ast.parse(part))]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_kind_of_action_has_an_offer_and_a_command() -> None:
    assert set(OFFERS) == set(cli_remedies.COMMANDS) == set(KINDS) == set(documented_arguments())


@pytest.mark.parametrize("kind", KINDS)
def test_labels_queries_and_commands_use_documented_arguments_only(kind: ActionKind) -> None:
    arguments = dict.fromkeys(documented_arguments()[kind], "7")
    cli_remedies.command(action(kind, **arguments))
    offer = OFFERS[kind]
    if offer is not None:
        assert "{" not in offer.label.format_map(arguments)
    if isinstance(offer, Link):
        assert all(value.format_map(arguments) for value in offer.query.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if isinstance(OFFERS[kind], Link)])
def test_links_open_an_existing_page_with_parameters_that_it_reads(kind: ActionKind) -> None:
    offer = OFFERS[kind]
    assert isinstance(offer, Link)
    assert offer.page in {page.name for page in navigation.PAGES}
    assert set(offer.query) <= queries_of(offer.page)


def test_a_button_names_a_setting_by_the_title_of_its_field(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))

    def page() -> None:
        from peakid.remedies import action
        from peakid.web import remedies, session

        setting = action("set_recipe", key="batch_size", value=0)
        leaks = action("set_recipe", key="allow_leaks", value=True)
        remedies.offer(session.workspace(), (setting, leaks), actor="human:anna", key="x")

    labels = [button.label for button in AppTest.from_function(page).run().button]
    assert labels == ["Set Batch size to 0", "Set Allow leaks between splits to yes"]


def failing_page() -> None:
    import streamlit as st

    from peakid.errors import NotFound
    from peakid.remedies import action
    from peakid.web import session

    with session.error_boundary():
        name = st.session_state.setdefault("name", "eiger")
        raise NotFound("No class 'eiger'.", "Add it first.", action("add_class", class_name=name))


@pytest.fixture
def app(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("PEAKID_ACTOR", "anna")
    return AppTest.from_function(failing_page, default_timeout=60).run()


def test_a_button_under_an_error_acts(app: AppTest, workspace: Workspace) -> None:
    assert app.error[0].value.replace("\\", "") == "No class 'eiger'.\n\nAdd it first."
    app.button[0].click().run()
    assert not app.exception
    assert classes.names(workspace) == ["eiger"]


def test_an_error_of_the_button_itself_is_shown_as_a_message(app: AppTest) -> None:
    app.session_state["name"] = "  "
    app.run()
    app.button[0].click().run()
    assert not app.exception
    assert [error.value for error in app.error][0] != "No class 'eiger'."
    assert len(app.error) == 2


def test_a_button_that_fails_with_the_same_error_is_no_duplicate(app: AppTest) -> None:
    app.session_state["remedy:error"] = NotFound(
        "No class 'eiger'.", "Add it first.", action("add_class", class_name="eiger")
    )
    app.run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Add the class eiger"] * 2


def test_an_action_without_an_offer_draws_nothing(app: AppTest) -> None:
    assert OFFERS["create_workspace"] is None
    assert len(app.button) == 1


def test_without_a_workspace_the_error_is_shown_without_buttons(
    app: AppTest, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PEAKID_WORKSPACE", str(tmp_path / "file"))
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert not app.button


def test_a_link_under_an_error_opens_its_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, fill: Callable[..., list[str]]
) -> None:
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    fill(river=2, sea=2)
    app = AppTest.from_file(str(PROJECT_ROOT / "peakid" / "web" / "shell.py"), default_timeout=60)
    app.switch_page("../../pages/snapshots.py").run()
    app.checkbox(key="reviewed_only").check()
    next(button for button in app.button if button.label == "Freeze a snapshot").click().run()
    assert len(app.error) == 1  # No label is confirmed.
    next(button for button in app.button if button.label == "Open Review").click().run()
    assert not app.exception
    assert app.pills[0].value == "unreviewed"  # The page Review.
    assert app.query_params["queue"] == "unreviewed"
