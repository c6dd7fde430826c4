"""The menu of workspaces, the demo in one of its own, and folders chosen by browsing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.acquire import demo_import
from peakid.records import Snapshot
from peakid.store import status
from peakid.store import workspace as workspaces
from peakid.store.folders import recent_workspaces
from peakid.store.workspace import Workspace
from peakid.web import uploads, workspace_address
from peakid.web.workspaces import folder_browser, opening

HOSTILE = "<b>x</b> [y](http://z) *w* $v$"


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    workspace_address._known.clear()


def choices() -> None:
    from peakid.web.workspaces import menu

    menu.show_choices()


def choice_of_folder() -> None:
    from peakid.web.workspaces import folder_browser

    folder_browser.show_choice("field")


def choice_of_new_folder() -> None:
    from peakid.web.workspaces import folder_browser

    folder_browser.show_choice("field", new_name="new")


@pytest.fixture
def menu(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    """Draw what the dialog of the menu has; a test cannot press two buttons of a dialog in turn."""
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    return lambda: AppTest.from_function(choices, default_timeout=60).run()


def press(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run()


def html_of(app: AppTest) -> str:
    return "\n".join(each.proto.body for each in app.get("html"))


def add_photo(folder: Path, draw: Callable[..., bytes], *names: str) -> None:
    for n, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(draw(n))


def test_the_menu_names_the_workspace_and_puts_it_on_the_list(
    open_page: Callable[..., AppTest], workspace: Workspace
) -> None:
    app = open_page()
    assert app.sidebar.button(key="workspaces:choose").label == "workspace"
    assert [each.path for each in recent_workspaces.listed()] == [workspace.path]


def test_recent_workspaces_are_links_with_what_each_holds(
    menu: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace, tmp_path: Path
) -> None:
    fill(river=2, sea=1)
    workspace.close()
    shutil.copytree(workspace.path, tmp_path / HOSTILE.replace("/", ""))
    for path in (tmp_path / "gone", tmp_path / HOSTILE.replace("/", "")):
        recent_workspaces.note(path)
    html = html_of(menu())
    key = workspace_address.key_of(tmp_path / HOSTILE.replace("/", ""))
    assert f'href="/w/{key}/"' in html
    assert "3 images · 2 classes · opened just now" in html
    assert "&lt;b&gt;x&lt;b&gt;" in html
    assert "<b>x" not in html
    assert "The folder is not there." in html
    assert f"/w/{workspace_address.key_of(tmp_path / 'gone')}/" not in html  # What is gone is no link.


def test_a_workspace_is_taken_off_the_list(menu: Callable[..., AppTest], tmp_path: Path) -> None:
    recent_workspaces.note(tmp_path / "gone")
    app = menu()
    app.button(key=f"workspaces:remove:{tmp_path / 'gone'}").click().run()
    assert tmp_path / "gone" not in [each.path for each in recent_workspaces.listed()]


def test_a_workspace_outside_the_allowed_folders_is_not_offered(
    menu: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", str(tmp_path / "yes"))
    for name in ("yes", "no"):
        workspaces.create(tmp_path / name)
        recent_workspaces.note(tmp_path / name)
    html = html_of(menu())
    assert f"/w/{workspace_address.key_of(tmp_path / 'yes')}/" in html
    assert str(tmp_path / "no") not in html


def test_a_new_workspace_is_created_beside_this_one_and_opened(
    menu: Callable[..., AppTest], tmp_path: Path
) -> None:
    app = menu()
    app.text_input[-1].set_value("peaks")
    press(app, "Create")
    assert not app.error
    assert (tmp_path / "peaks" / "peakid.db").is_file()
    assert app.session_state[opening.GOING] == f"/w/{workspace_address.key_of(tmp_path / 'peaks')}/"


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "photos", "\U0001f3d4" * 60])
def test_a_name_that_cannot_be_used_is_explained_and_nothing_is_created(
    menu: Callable[..., AppTest], tmp_path: Path, draw: Callable[..., bytes], name: str
) -> None:
    add_photo(tmp_path, draw, "photos/1.jpg")
    before = sorted(tmp_path.rglob("peakid.db"))
    app = menu()
    app.text_input[-1].set_value(name)
    press(app, "Create")
    assert not app.exception
    assert len(app.error) == 1
    assert opening.GOING not in app.session_state
    assert sorted(tmp_path.rglob("peakid.db")) == before


def test_a_workspace_is_found_by_browsing_and_opened(menu: Callable[..., AppTest], tmp_path: Path) -> None:
    workspaces.create(tmp_path / "other")
    app = menu()
    assert "a workspace" in "\n".join(each.value for each in app.markdown)
    press(app, "other")
    press(app, "Open this workspace")
    assert app.session_state[opening.GOING] == f"/w/{workspace_address.key_of(tmp_path / 'other')}/"


def test_the_demo_gets_a_workspace_of_its_own_and_says_the_way_back(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("peakid.demo.dataset.draw", few(monkeypatch))
    app = open_page()
    next(each for each in app.main.button if each.label == "Open the demo").click().run()
    assert not app.exception
    assert not app.error
    assert status.read(workspace).n_images == 0
    demo = workspaces.open_existing(tmp_path / "demo")
    assert status.read(demo).n_images > 0
    address = workspace_address.address_of(demo.path, "review")
    assert app.session_state[opening.GOING] == address
    # As its address does in a browser.
    monkeypatch.setattr(workspace_address, "of_session", lambda: demo.path)
    there = open_page("review")
    assert "This is the demo." in html_of(there)
    assert '<a href="/" style="color:inherit">Back to workspace</a>' in html_of(there)


def few(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    from peakid.demo import dataset

    draw = dataset.draw
    return lambda folder, *, n_images, seed, report: draw(folder, n_images=6, seed=seed, report=report)


def test_a_page_that_opens_the_demo_again_does_not_draw_it_again(
    menu: Callable[..., AppTest], fill: Callable[..., list[str]], tmp_path: Path
) -> None:
    fill(river=1)
    demo = workspaces.create(tmp_path / "demo")
    demo_import.import_demo(demo, n_images=3, actor="human:anna")
    app = menu()
    app.button(key="workspaces:demo").click().run()
    assert status.read(demo).n_images == 3
    assert app.session_state[opening.GOING].endswith(f"{workspace_address.key_of(demo.path)}/review")


def test_photos_are_not_imported_into_the_demo(
    open_page: Callable[..., AppTest], workspace: Workspace, tmp_path: Path, draw: Callable[..., bytes]
) -> None:
    demo_import.import_demo(workspace, n_images=3, actor="human:anna")
    add_photo(tmp_path, draw, "photos/river/1.jpg")
    app = open_page("collect")
    app.text_input(key="folder_path").set_value(str(tmp_path / "photos"))
    press(app, "Preview")
    assert "its drawn mountains would be mixed with photos" in app.error[0].value
    assert not any(each.label.startswith("Import ") for each in app.main.button)


def test_a_folder_to_import_is_chosen_by_browsing(tmp_path: Path, draw: Callable[..., bytes]) -> None:
    name = HOSTILE.replace("/", "")
    add_photo(tmp_path, draw, f"{name}/river/1.jpg", "other/2.jpg", " blanks /3.jpg")
    app = AppTest.from_function(choice_of_folder, default_timeout=60)
    app.session_state["browser:field"] = tmp_path
    app.run()
    assert ":gray[1 picture]" in [each.value for each in app.markdown]
    next(each for each in app.button if each.label.startswith(r"\<b\>x")).click().run()
    press(app, "Choose this folder")
    assert app.session_state["field"] == str(tmp_path / name)
    press(app, "Up")
    press(app, " blanks ")
    press(app, "Choose this folder")
    assert uploads.given(app.session_state["field"], "folder") == tmp_path / " blanks "


def test_a_workspace_is_no_folder_to_import(workspace: Workspace) -> None:
    app = AppTest.from_function(choice_of_folder, default_timeout=60)
    app.session_state["browser:field"] = workspace.path
    app.run()
    assert next(each for each in app.button if each.label == "Choose this folder").disabled


def test_the_page_of_imports_has_a_button_that_browses(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    app = open_page("collect")
    app.button(key="browse:folder_path").click().run()
    assert not app.exception
    assert {"photos", "Choose this folder"} <= {each.label for each in app.button}


def test_a_backup_to_restore_is_chosen_by_browsing(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backups").mkdir()
    for name in ("old.zip", "new.ZIP", "notes.txt", ".hidden.zip"):
        (tmp_path / "backups" / name).write_bytes(b"x")
    os.utime(tmp_path / "backups" / "old.zip", (0, 0))
    monkeypatch.setenv("HOME", str(tmp_path / "backups"))
    app = open_page("history", section="keep")
    app.button(key="browse:restore:file").click().run()
    assert not app.exception
    found = [each.label for each in app.button if (each.key or "").startswith("restore:file:file:")]
    assert found == ["new.ZIP", "old.zip"]  # The newest first.
    app.button(key="restore:file:file:1:old.zip").click().run()
    assert app.text_input(key="restore:file").value == str(tmp_path / "backups" / "old.zip")


def test_a_folder_for_a_snapshot_is_chosen_and_a_new_one_is_named_where_it_is_not_empty(
    open_page: Callable[..., AppTest], tmp_path: Path, frozen: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    app = open_page("snapshots", section="files")
    app.button(key="browse:folder").click().run()
    captions = "".join(each.value for each in app.caption).replace("\\", "")
    assert "A new folder snapshot-1 is made in it" in captions
    press(app, "Choose this folder")
    assert app.text_input(key="folder").value == str(tmp_path / "snapshot-1")
    app = AppTest.from_function(choice_of_new_folder, default_timeout=60)
    app.session_state["browser:field"] = tmp_path / "out"
    app.run()
    press(app, "Choose this folder")
    assert app.session_state["field"] == str(tmp_path / "out")  # It is empty.


def test_browsing_starts_in_the_home_folder_and_cannot_leave_the_allowed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_browser.start() == tmp_path
    (tmp_path / "allowed" / "inner").mkdir(parents=True)
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", str(tmp_path / "allowed"))
    assert folder_browser.start() == tmp_path / "allowed"
    app = AppTest.from_function(choice_of_folder, default_timeout=60).run()
    press(app, "Up")
    assert "is outside the folders that pages may use" in app.error[0].value.replace("\\", "")
    press(app, "Home")
    assert not app.error
    assert "inner" in [each.label for each in app.button]


def test_many_sub_folders_are_found_by_a_part_of_the_name(tmp_path: Path) -> None:
    for n in range(80):
        (tmp_path / f"class {n:02}").mkdir()
    app = AppTest.from_function(choice_of_folder, default_timeout=60)
    app.session_state["browser:field"] = tmp_path
    app.run()
    assert "20 more: type a part of the name." in [each.value for each in app.caption]
    app.text_input[0].set_value("CLASS 79").run()
    assert [each.label for each in app.button if each.label.startswith("class")] == ["class 79"]


@pytest.mark.parametrize("typed", ["{outside}", "{allowed}/../outside", "{allowed}/link"])
def test_a_typed_path_outside_the_allowed_folders_is_refused(
    open_page: Callable[..., AppTest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    draw: Callable[..., bytes],
    typed: str,
) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    add_photo(outside, draw, "river/1.jpg")
    allowed.mkdir()
    (allowed / "link").symlink_to(outside)
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", str(allowed))
    app = open_page("collect")
    app.text_input(key="folder_path").set_value(typed.format(allowed=allowed, outside=outside))
    press(app, "Preview")
    assert "is outside the folders that pages may use" in app.error[0].value


def test_a_workspace_that_cannot_be_opened_still_has_the_menu(
    open_page: Callable[..., AppTest], workspace: Workspace, tmp_path: Path
) -> None:
    open_page()
    os.rename(workspace.path, tmp_path / "elsewhere")  # noqa: PTH104
    app = open_page()
    assert "There is no workspace in" in app.error[0].value
    assert app.sidebar.button(key="workspaces:choose").label == "workspace"
