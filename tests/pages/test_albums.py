"""The albums page: what is missing, the preview with its threshold, writing, moving and taking back."""

import pytest
from PIL import Image

from peakid.jobs import queue
from peakid.jobs.albums import sorting
from peakid.serve.albums import previews
from peakid.store import exports
from peakid.store.folders import album_placements
from peakid.web.albums import board, move_panel, rules_form, write_form

COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220)}


@pytest.fixture
def folder(tmp_path):
    """Two photos of each colour, a grey one, and a file that is no photo."""
    made = tmp_path / "photos"
    made.mkdir()
    for name, colour in COLOURS.items():
        for n in (1, 2):
            Image.new("RGB", (30, 20 + n), colour).save(made / f"{name}{n}.png")
    Image.new("RGB", (30, 20), (90, 90, 90)).save(made / "grey.png")
    (made / "bad.jpg").write_text("no picture")
    return made


@pytest.fixture
def export(workspace, frozen, add_run, colour_export):
    """An export that predicts the colour of a photo."""
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 9}]
    return exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=files, parity={})


@pytest.fixture
def preview(workspace, export, folder, run_jobs):
    sorting.preview(workspace, export.export_id, folder)
    run_jobs()
    return previews.list_previews(workspace)[0]


def button(app, label):
    return next(each for each in app.button if each.label == label)


def field(app, label):
    return next(each for each in app.text_input if each.label == label)


def test_without_a_model_the_page_leads_to_training_and_without_an_export_to_the_export(
    open_page, fill, frozen, add_run, text_of
):
    assert button(open_page("albums"), "Train a model")
    add_run(frozen)
    app = open_page("albums")
    assert "Export a run in the format ONNX" in text_of(app)
    assert button(app, "Export a run")


@pytest.mark.slow
def test_a_folder_is_previewed_written_and_taken_back(
    open_page, export, folder, run_jobs, workspace, text_of
):
    app = open_page("albums")
    assert "Choose a folder of photos" in text_of(app)
    field(app, "Folder of photos").set_value(str(folder)).run()
    button(app, "Preview").click().run()
    button(app, "Preview").click().run()
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.arguments.folder) == ("preview-albums", str(folder))
    run_jobs()
    app.run()
    assert not app.exception
    assert "7 photos in 3 albums." in text_of(app)
    assert "1 file cannot be read" in app.expander[0].label
    app.slider[0].set_value(0.5).run()
    assert "1 of 7 photos (14 %) goes to other." in text_of(app)
    assert "7 photos in 4 albums." in text_of(app)
    assert button(app, "Preview again")
    button(app, "Write 7 photos into 4 albums").click().run()
    run_jobs()
    app.run()
    out = folder.with_name("photos albums")
    assert f"Wrote 7 photos into 4 albums in {out}." in text_of(app)
    assert (out / "other/grey.png").is_file()
    button(app, "Write 7 photos into 4 albums").click().run()
    run_jobs()
    app.run()
    assert "7 were there already." in text_of(app)
    button(app, "Take the albums back").click().run()
    run_jobs()
    app.run()
    assert f"Took back 7 photos from {out}." in text_of(app)
    assert not out.exists()
    assert "Take the albums back" not in [each.label for each in app.button]


def test_photos_are_moved_only_after_it_was_typed(open_page, preview):
    app = open_page("albums")
    app.selectbox(key=f"albums:mode:{preview.key}").set_value("move").run()
    assert button(app, "Move 7 photos into 3 albums").disabled
    assert "The photos leave" in app.warning[0].value
    field(app, 'Type "move" to allow it').set_value("move").run()
    assert not button(app, "Move 7 photos into 3 albums").disabled


def test_what_is_wrong_is_said_where_it_was_entered(open_page, export, folder, preview, tmp_path, text_of):
    (tmp_path / "empty").mkdir()
    app = open_page("albums")
    field(app, "Folder of photos").set_value(str(tmp_path / "empty")).run()
    button(app, "Preview").click().run()
    assert "There is no photo in" in app.error[0].value
    (tmp_path / "other").mkdir()
    (tmp_path / "other/own.txt").write_text("x")
    field(app, "Folder of the albums").set_value(str(tmp_path / "other")).run()
    button(app, "Write 7 photos into 3 albums").click().run()
    assert "is not empty" in text_of(app)


def test_folders_that_pages_may_not_use_are_refused(open_page, preview, folder, monkeypatch, text_of):
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", str(folder))
    app = open_page("albums")
    assert field(app, "Folder of the albums").value == str(folder / "albums")
    field(app, "Folder of the albums").set_value(str(folder.parent / "elsewhere")).run()
    button(app, "Write 7 photos into 3 albums").click().run()
    assert "is outside the folders that pages may use" in text_of(app)


def test_an_album_opens_and_an_earlier_preview_can_be_removed(open_page, preview, workspace, text_of):
    app = open_page("albums", album="red")
    assert "red 3" in [each.value for each in app.header]
    assert "Click the photos that are in the wrong album" in text_of(app)
    button(app, "All albums").click().run()
    assert not app.header
    previews.remove(workspace, preview.key)
    assert "Choose a folder of photos" in text_of(app.run())


def test_classes_share_an_album(open_page, preview, text_of):
    app = open_page("albums")
    app.multiselect(key=f"albums:new:{preview.key}").set_value(["red", "green"]).run()
    app.button(key=f"albums:new:{preview.key}:add").click().run()
    assert "7 photos in 2 albums." in text_of(app)
    assert "red and green" in [each.name for each in cards(preview, {"red and green": ("red", "green")})]
    next(each for each in app.toggle if each.label == "Albums inside the shared ones").set_value(True).run()
    assert "7 photos in 3 albums." in text_of(app)


def cards(preview, groups):
    return board.cards(sorting.plan.make(preview.photos, rules_form.AlbumRules(groups=groups)))


def test_a_photo_that_was_moved_by_hand_stays_where_it_was_put(
    open_page, preview, workspace, folder, text_of
):
    album_placements.put(workspace, folder, ["grey.png"], "blue", actor="human:anna")
    app = open_page("albums")
    assert "7 photos in 3 albums. 1 moved by hand." in text_of(app)
    plan = sorting.planned(workspace, preview, rules_form.AlbumRules(threshold=0.5))
    [card] = [each for each in board.cards(plan) if each.name == "blue"]
    assert card.n_photos == 3
    names = [preview.photos.paths[n] for n in board.opened(plan, "blue").numbers]
    assert names == ["grey.png", "blue1.png", "blue2.png"]  # The least certain first.
    grey = plan.placements[preview.photos.paths.index("grey.png")]
    assert board.facts(grey)[0].startswith("moved by hand; ")


def test_only_photos_of_the_album_can_be_selected():
    sent = {"album": "red", "numbers": [4, 99, "4", True, 2]}
    assert board.selected(sent, "red", [2, 3, 4]) == [2, 4]
    assert board.selected(sent, "blue", [2, 3, 4]) == []
    for wrong in (None, [], {"album": "red", "numbers": 4}, {"album": "red"}):
        assert board.selected(wrong, "red", [2, 3, 4]) == []


def test_a_class_is_in_one_shared_album_only():
    groups = {"a and b": ("a", "b"), "b and c": ("b", "c"), "d, e": ("d", "e")}
    assert rules_form.disjoint(groups) == {"b and c": ("b", "c"), "d, e": ("d", "e")}
    assert rules_form.group_name(["mountain", "glacier"]) == "mountain and glacier"
    assert rules_form.group_name(list("abcde")) == "a, b, c and 2 more"


def test_what_a_move_did_is_one_sentence():
    done = move_panel.Placed(2, (7, 8))
    assert (
        move_panel.done_text(done, "sea") == "Moved 2 photos to sea. 2 images labelled sea in this workspace."
    )
    assert (
        move_panel.done_text(move_panel.Placed(1), None) == "Moved 1 photo back to where the model puts them."
    )
    assert set(write_form.TITLES) == set(write_form.MODES)
