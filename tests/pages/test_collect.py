"""The preview of an import on the Collect page."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from peakid.curate.duplicates import duplicate_groups, resolve
from peakid.jobs import queue, submit
from peakid.store import status
from peakid.store.workspace import Workspace
from peakid.web import navigation

OpenPage = Callable[..., AppTest]


@pytest.fixture
def photos(tmp_path: Path, draw: Callable[..., bytes]) -> Path:
    for n in range(3):
        (tmp_path / f"{n}.jpg").write_bytes(draw(n))
    return tmp_path


def preview(open_page: OpenPage, file: Path) -> AppTest:
    app = open_page("collect")
    app.segmented_control(key="source").set_value("csv").run()
    app.text_input(key="csv_path").set_value(str(file))
    return next(each for each in app.button if each.label == "Preview").click().run()


def column(app: AppTest, role: str) -> Selectbox:
    return next(box for box in app.selectbox if str(box.key).startswith(f"column:{role}:"))


def texts(app: AppTest) -> str:
    return "\n".join(each.value for kind in (app.markdown, app.caption, app.info, app.error) for each in kind)


def test_a_table_with_filename_and_species_takes_two_clicks(
    open_page: OpenPage, workspace: Workspace, photos: Path, run_jobs: Callable[[], None]
) -> None:
    (photos / "list.csv").write_text("filename,species\n0.jpg,otter\n1.jpg,otter\n2.jpg,heron\n9.jpg,heron\n")
    app = preview(open_page, photos / "list.csv")
    assert [column(app, role).value for role in ("path", "label")] == [
        "filename",
        "species",
    ]
    assert "heron 1, otter 2" in texts(app)
    assert "**Not imported**: Listed, but the file is missing (1)." in texts(app)
    app.button(key="import:start").click().run()
    run_jobs()
    assert not app.exception
    assert status.read(workspace).classes == {"heron": 1, "otter": 2}


def test_columns_with_other_names_are_chosen_before_anything_is_imported(
    open_page: OpenPage, workspace: Workspace, photos: Path, run_jobs: Callable[[], None]
) -> None:
    (photos / "list.csv").write_text("a,b,c\n0.jpg,otter,x\n1.jpg,heron,y\n")
    app = preview(open_page, photos / "list.csv")
    assert not app.exception
    assert "Choose the columns" in texts(app)
    assert app.button(key="import:start").disabled
    column(app, "path").set_value("a").run()
    column(app, "label").set_value("b").run()
    assert "heron 1, otter 1" in texts(app)
    app.button(key="import:start").click().run()
    run_jobs()
    assert status.read(workspace).classes == {"heron": 1, "otter": 1}


def test_another_table_gets_the_suggestions_for_its_own_columns(open_page: OpenPage, photos: Path) -> None:
    (photos / "first.csv").write_text("a,b\n0.jpg,otter\n")
    (photos / "second.csv").write_text("filename,species\n0.jpg,otter\n")
    app = preview(open_page, photos / "first.csv")
    column(app, "path").set_value("a").run()
    app.text_input(key="csv_path").set_value(str(photos / "second.csv"))
    next(each for each in app.button if each.label == "Preview").click().run()
    assert not app.exception
    assert [column(app, role).value for role in ("path", "label")] == [
        "filename",
        "species",
    ]


def test_a_preview_can_be_discarded(open_page: OpenPage, workspace: Workspace, photos: Path) -> None:
    (photos / "list.csv").write_text("path,label\n0.jpg,otter\n")
    app = preview(open_page, photos / "list.csv")
    app.button(key="import:discard").click().run()
    assert not app.exception
    assert "otter" not in texts(app)
    assert queue.list_jobs(workspace) == []
    assert status.read(workspace).n_images == 0


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"path,label\n", b"path,label\n0.jpg\n"])
def test_a_table_that_cannot_be_read_is_an_error_and_nothing_can_be_imported(
    open_page: OpenPage, photos: Path, content: bytes
) -> None:
    (photos / "list.csv").write_bytes(content)
    app = preview(open_page, photos / "list.csv")
    assert not app.exception
    assert len(app.error) == 1
    assert "import:start" not in [button.key for button in app.button]


def test_an_upload_that_was_not_imported_is_listed_and_removed(
    open_page: Callable[..., AppTest], workspace: Workspace
) -> None:
    file = workspace.uploads_dir / "0123456789abcdef" / "photos.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not a zip")
    app = open_page("collect")
    assert [each.value for each in app.header] == ["Uploads that were not imported"]
    next(each for each in app.button if each.label == "Remove").click()
    app.run()
    assert not file.exists()
    assert not app.header


def test_a_zip_of_known_files_names_the_groups_that_the_duplicates_page_has(
    open_page: OpenPage,
    workspace: Workspace,
    photos: Path,
    draw: Callable[..., bytes],
    run_jobs: Callable[[], None],
) -> None:
    for n in range(2):
        (photos / f"{n}large.jpg").write_bytes(draw(n, size=(96, 72)))
    with zipfile.ZipFile(photos / "known.zip", "w") as known:
        for file in photos.glob("*.jpg"):
            known.write(file, f"sea/{file.name}")
    for _ in range(2):
        submit.import_images(workspace, "zip", photos / "known.zip", actor="human:anna")
        run_jobs()
        (photos / "known.zip").write_bytes((photos / "known.zip").read_bytes() + b" ")
    app = open_page("collect")
    app.session_state["collect:job"] = queue.list_jobs(workspace)[0].job_id
    assert "2 groups of duplicates to decide on" in texts(app.run())
    duplicates = next(page for page in navigation.PAGES if page.name == "duplicates")
    assert navigation.title(duplicates, workspace) == "Duplicates 2"
    assert "Near 2" in str(open_page("duplicates").pills[0].options)
    decided = duplicate_groups.list_groups(workspace)[0].images
    resolve.keep_all(workspace, [image.digest for image in decided], actor="human:anna")
    assert "1 group of duplicates to decide on" in texts(app.run())
