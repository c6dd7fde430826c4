"""Every page, empty and filled. Keys in the gallery are tested in web/ and browser/."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.curate.queues import saved_views
from peakid.jobs import queue
from peakid.records import Choice
from peakid.store import status
from peakid.store.workspace import Workspace
from tests import drawn_pages


def everything(app: AppTest) -> str:
    """Return all text of a page."""
    kinds = (
        app.title,
        app.header,
        app.markdown,
        app.caption,
        app.success,
        app.warning,
        app.info,
        app.error,
    )
    return "\n".join(element.value for kind in kinds for element in kind)


def test_a_first_start_offers_two_ways_in(open_page: Callable[..., AppTest]) -> None:
    app = open_page("overview")
    assert not app.exception
    assert [button.label for button in app.main.button] == ["Open the demo", "Import photos"]


def test_the_overview_suggests_the_next_step_and_links_to_it(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]]
) -> None:
    fill(river=3, sea=1)
    app = open_page("overview")
    assert not app.exception
    assert "Enough for a first model." in everything(app)
    assert [(cell.label, cell.value) for cell in app.metric][:3] == [
        ("Images", "4"),
        ("Reviewed", "0 %"),
        ("Excluded", "0"),
    ]
    assert [button.label for button in app.main.button] == ["Freeze a snapshot", "Train a first model"]


def test_the_overview_counts_decisions(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    a, b, *_ = fill(river=2, sea=2)
    decisions.decide(
        workspace, [Choice(a, "label", "sea"), Choice(b, "exclude", reason="duplicate")], actor="human:anna"
    )
    app = open_page("overview")
    assert [cell.value for cell in app.metric][:3] == ["4", "50 %", "1"]
    assert any("reviewed 2 images" in row["What"] for row in drawn_pages.tables(app)[0])


def test_the_empty_collect_page_says_what_to_do(open_page: Callable[..., AppTest]) -> None:
    app = open_page("collect")
    assert not app.exception
    assert "Nothing has been imported yet" in everything(app)


def test_a_folder_is_imported_and_its_rejections_are_listed(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    draw: Callable[..., bytes],
    tmp_path: Path,
    run_jobs: Callable[[], None],
) -> None:
    for name, data in {
        "river/a.jpg": draw(1),
        "sea/b.png": draw(2, format="PNG"),
        "sea/notes.txt": b"not a picture",
    }.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    app = open_page("collect")
    app.text_input(key="folder_path").set_value(f' "{tmp_path / "photos"}" ')
    next(each for each in app.button if each.label == "Preview").click().run()
    text = everything(app)
    assert "2 classes" in text
    assert "river 1, sea 1" in text
    assert "Not an image (1)" in text
    assert status.read(workspace).n_images == 0
    assert queue.list_jobs(workspace) == []
    app.button(key="import:start").click().run()
    run_jobs()
    app.run()
    assert not app.exception
    assert len(queue.list_jobs(workspace)) == 1
    assert "Added 2 images" in everything(app)
    assert "Rejected 1 file" in everything(app)
    assert "notes.txt" in app.dataframe[0].value.to_string()
    assert "Not an image" in app.dataframe[0].value.to_string()
    assert status.read(workspace).n_images == 2


def test_a_zip_and_a_table_are_imported_by_their_path(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    draw: Callable[..., bytes],
    tmp_path: Path,
    run_jobs: Callable[[], None],
) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("river/a.jpg", draw(1))
        archive.writestr("sea/b.jpg", draw(2))
    (tmp_path / "c.jpg").write_bytes(draw(3))
    (tmp_path / "labels.csv").write_text("path,label\nc.jpg,lake\n")
    for source, key, path in (("zip", "zip_path", "photos.zip"), ("csv", "csv_path", "labels.csv")):
        app = open_page("collect")
        app.segmented_control(key="source").set_value(source).run()
        app.text_input(key=key).set_value(str(tmp_path / path))
        next(each for each in app.button if each.label == "Preview").click().run()
        app.button(key="import:start").click().run()
        run_jobs()
        assert not app.exception
        assert not app.error
    assert status.read(workspace).classes == {"river": 1, "sea": 1, "lake": 1}


def test_a_missing_folder_is_an_error_message(open_page: Callable[..., AppTest]) -> None:
    app = open_page("collect")
    for path in ("/nowhere/at all", ""):
        app.text_input(key="folder_path").set_value(path)
        next(each for each in app.button if each.label == "Preview").click().run()
        assert not app.exception
        assert len(app.error) == 1


def test_without_any_image_review_and_duplicates_link_to_the_import(
    open_page: Callable[..., AppTest],
) -> None:
    for page in ("review", "duplicates"):
        app = open_page(page)
        assert "There are no images yet" in everything(app)
        assert any(button.label == "Import images" for button in app.button)


def test_an_empty_queue_says_how_images_get_there(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]]
) -> None:
    fill(river=1)
    app = open_page("review", queue="flagged")
    assert not app.exception
    assert "Press F" in everything(app)


def test_review_shows_the_queues_that_have_images(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    a, *_ = fill(river=2, sea=1)
    decisions.decide(workspace, [Choice(a, "flag")], actor="human:anna")
    app = open_page("review")
    assert not app.exception
    assert app.pills[0].options == [":blue[Unreviewed 2]", "Flagged 1"]
    assert app.query_params["queue"] == "unreviewed"
    folded = {button.key: button.label for button in app.button if button.key.startswith("to:")}
    assert folded == {"to:recent": "Recently decided", "to:sample": "Random sample", "to:all": "All images"}
    assert app.selectbox(key="queue:class").options == ["river 2", "sea 1"]


def test_filters_are_in_the_address_and_are_removed_one_by_one(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=2, sea=1)
    app = open_page("review", queue="all", text="river", **{"class": "sea"}, after="1")
    assert not app.exception
    assert "No image of this queue passes the filters" in everything(app)
    app.button(key="off:class").click().run()
    assert "class" not in app.query_params
    assert "after" not in app.query_params  # Another filter begins at the front.
    assert not app.info
    app.selectbox(key="filter:split").set_value("test").run()
    assert app.query_params["split"] == "test"
    app.text_input(key="filter:text").set_value("se").run()
    assert "too short" in app.error[0].value


def test_a_view_is_saved_opened_and_removed(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=2, sea=1)
    app = open_page("review", queue="all", tag="snow")
    next(field for field in app.text_input if field.label == "Name").set_value("snowy")
    next(button for button in app.button if button.label == "Save this view").click().run()
    assert not app.exception
    app = open_page("review", queue="flagged")
    app.button(key="view:snowy").click().run()
    assert (app.query_params["queue"], app.query_params["tag"]) == ("all", "snow")
    app.button(key="unview:snowy").click().run()
    assert saved_views.list_views(workspace) == []


def test_images_worth_the_time_are_offered_first(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=2, sea=1)
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO image_issue_score VALUES ('dark', 0.1, 2)")
    app = open_page("overview")
    worth = "1 image is worth your time: doubtful or missing labels and poor images, about 1 min"
    assert worth in everything(app)
    app = open_page("review")
    assert app.pills[0].value == "worth"
    assert app.pills[0].options[0] == ":blue[Worth your time 1 · about 1 min]"


def test_a_link_opens_its_queue(open_page: Callable[..., AppTest], fill: Callable[..., list[str]]) -> None:
    fill(river=2, sea=1)
    app = open_page("review", queue="class:river")
    assert app.pills[0].value == "class:river"
    assert app.pills[0].options[-1] == ":blue[river 2]"


def test_a_link_to_an_unknown_queue_opens_the_first_one_and_says_so(
    open_page: Callable[..., AppTest],
) -> None:
    app = open_page("review", queue="nonsense")
    assert not app.exception
    said = app.info[0].value.replace("\\", "")
    assert said == "queue=nonsense in the address is ignored: there is no such queue."
    assert app.pills[0].value == open_page("review").pills[0].value


def test_an_import_shows_what_it_read_and_merges_classes_that_differ_only_in_case(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    draw: Callable[..., bytes],
    tmp_path: Path,
    run_jobs: Callable[[], None],
) -> None:
    for n, name in enumerate(["train/sea/a.jpg", "train/sea/b.jpg", "valid/Sea/c.jpg", "train/@eaDir/a.jpg"]):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(draw(n))
    app = open_page("collect")
    app.text_input(key="folder_path").set_value(str(tmp_path / "photos"))
    next(each for each in app.button if each.label == "Preview").click().run()
    assert "differ only in case" in everything(app)
    app.button(key="import:start").click().run()
    run_jobs()
    app.run()
    assert not app.exception
    text = everything(app)
    assert "Sea 1, sea 2" in text
    assert "train 2, valid 1" in text
    assert "differ only in case" in text
    next(button for button in app.button if button.label == "Merge Sea into sea").click().run()
    assert not app.exception
    assert status.read(workspace).classes == {"sea": 3}
