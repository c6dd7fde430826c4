"""The models page: exporting once, the check of the files, downloads, and trying a photo."""

import io
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from peakid.errors import ParityBroken
from peakid.jobs import ledger, process, queue
from peakid.jobs.run_predictor import requests
from peakid.recipe import export_formats
from peakid.records import Export, Snapshot
from peakid.serve.predictor import ImagePrediction, RankedClass
from peakid.store import exports
from peakid.store.workspace import Workspace
from peakid.web.exports import photo_answer
from tests import drawn_pages

pytestmark = pytest.mark.usefixtures("no_worker")

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
AddRun = Callable[..., int]


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def photo(red: int, green: int, blue: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 10), (red, green, blue)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def exported(workspace: Workspace, frozen: Snapshot, add_run: AddRun, colour_export: Path) -> Export:
    """A run whose export says how much of a photo is red, green and blue."""
    size = (colour_export / "model.onnx").stat().st_size
    return exports.add(
        workspace,
        run_id=add_run(frozen),
        path=colour_export,
        files=[{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": size}],
        parity={"onnx": {"n_images": 7, "max_abs_diff": 4e-7, "agreement": 1.0}},
    )


def test_without_a_run_the_page_says_what_an_export_is_and_leads_to_training(
    open_page: OpenPage, fill: Callable[..., list[str]]
) -> None:
    fill(river=2)
    app = open_page("models")
    assert not app.exception
    assert "No run has a model yet" in app.info[0].value
    assert button(app, "Train a model")


def test_a_trained_run_can_be_exported_and_two_clicks_are_one_job(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace
) -> None:
    add_run(frozen)
    app = open_page("models")
    assert "No exports yet" in app.info[0].value
    button(app, "Export run 1").click().run()
    button(app, "Export run 1").click().run()
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.lane, job.arguments.run_id, job.arguments.formats) == (
        "export",
        "cpu",
        1,
        ("onnx", "safetensors"),
    )
    assert [each.proto.text for each in app.get("progress")]


def test_an_export_that_failed_says_why(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace
) -> None:
    add_run(frozen)
    button(open_page("models"), "Export run 1").click().run()
    work = ledger.claim(workspace, 1, process.own())
    assert work is not None
    work.end("failed", error=ParityBroken("The onnx file predicts differently from the trained model."))
    app = open_page("models")
    assert "predicts differently from the trained model" in app.error[0].value
    assert button(app, "Resume")


def test_an_export_shows_its_check_its_files_and_its_folder(
    open_page: OpenPage, exported: Export, text_of: TextOf
) -> None:
    app = open_page("models")
    assert not app.exception
    [listed] = (frame.value.to_dict("records") for frame in app.dataframe)
    [check] = drawn_pages.tables(app)
    shown = [listed[0][name] for name in ("Export", "Stage", "Run", "Snapshot", "Formats")]
    assert shown == ["Export 1", "Candidate", "Run 1", "Snapshot 1 (first)", "onnx"]
    # .8 of 7 images rounds to 6 right: Wilson .487 to .974.
    assert listed[0]["Validation accuracy"] == "86 % (49-97 %, n = 7)"
    assert "86 % (49-97 %, n = 7)** on validation" in text_of(app)
    assert check[0] == {
        "Format": "onnx",
        "Images": "7",
        "Same prediction": "100 %",
        "Largest difference": "4.0e-07",
    }
    assert any(each.label.startswith("Download model.onnx (") for each in app.get("download_button"))
    assert exported.path in [code.value for code in app.code]


def test_a_missing_file_is_reported_instead_of_offered(
    open_page: OpenPage, exported: Export, text_of: TextOf
) -> None:
    (Path(exported.path) / "model.onnx").unlink()
    app = open_page("models")
    assert not app.get("download_button")
    assert "model.onnx is missing. Export the run again." in text_of(app)


def test_a_photo_is_predicted_with_its_most_probable_classes(
    open_page: OpenPage, exported: Export, text_of: TextOf
) -> None:
    app = open_page("models")
    app.file_uploader(key="photo:1").upload("meadow.png", photo(50, 100, 10), "image/png").run()
    assert not app.exception
    assert "green (63 %)" in text_of(app)  # 100 / (50 + 100 + 10) = .625
    assert len(drawn_pages.figures(app)) == 1


def test_a_file_that_is_not_a_photo_is_an_error_message(open_page: OpenPage, exported: Export) -> None:
    app = open_page("models")
    app.file_uploader(key="photo:1").upload("notes.txt", b"no picture at all", "text/plain").run()
    assert not app.exception
    assert "cannot be read" in app.error[0].value
    assert "Not an image" in app.error[0].value


def test_an_export_with_a_threshold_says_so_and_gives_no_answer_below_it(
    open_page: OpenPage, exported: Export, text_of: TextOf
) -> None:
    card = Path(exported.path) / "card.json"
    document = json.loads(card.read_text())
    card.write_text(json.dumps(document | {"facts": {"threshold": 0.9, "temperature": 1.5}}))
    app = open_page("models")
    out = io.BytesIO()
    Image.new("RGB", (20, 10), (50, 100, 10)).save(out, "PNG")
    app.file_uploader(key="photo:1").upload("photo.png", out.getvalue(), "image/png").run()
    text = text_of(app)
    assert "It gives no answer below a confidence of 0.900 at temperature 1.50." in text
    assert "which is below its threshold" in text


def test_several_photos_are_predicted_side_by_side(
    open_page: OpenPage, exported: Export, text_of: TextOf
) -> None:
    app = open_page("models")
    colours = {"leaf.png": (0, 90, 10), "sky.png": (0, 10, 90), "rose.png": (90, 10, 0)}
    files = [(name, photo(*colour), "image/png") for name, colour in colours.items()]
    app.file_uploader(key="photo:1").set_value(files).run()
    assert [label for label in ("green (90 %)", "blue (90 %)", "red (90 %)") if label in text_of(app)] == [
        "green (90 %)",
        "blue (90 %)",
        "red (90 %)",
    ]
    assert len(drawn_pages.figures(app)) == 3


def test_the_current_export_leads_the_page_and_the_table_and_says_who_set_it(
    open_page: OpenPage, exported: Export, colour_export: Path, workspace: Workspace, text_of: TextOf
) -> None:
    for _ in range(2):
        exports.add(workspace, run_id=1, path=colour_export, files=[], parity={})
    app = open_page("models", export="2")
    stage = app.segmented_control(key="stage:2:candidate")
    stage.set_value("current").run()
    assert not app.exception
    text = text_of(app)
    assert "Export 2 of run 1: 86 % (49-97 %, n = 7) on validation, set by anna, just now." in text.replace(
        "**", ""
    )
    [listed] = (frame.value.to_dict("records") for frame in app.dataframe)
    assert [(row["Export"], row["Stage"]) for row in listed] == [
        ("Export 2", "Current"),
        ("Export 3", "Candidate"),
        ("Export 1", "Candidate"),
    ]
    assert exports.current(workspace).export_id == 2
    other = open_page("models", export="3")
    other.segmented_control(key="stage:3:candidate").set_value("current").run()
    assert [each.stage for each in exports.list_exports(workspace)] == ["current", "retired", "candidate"]
    assert "Export 3 of run 1" in text_of(open_page("models")).replace("**", "")


def test_a_bundle_is_made_with_one_button_and_offered_for_download(
    open_page: OpenPage, exported: Export, workspace: Workspace, run_jobs: Callable[[], None]
) -> None:
    app = open_page("models")
    app.text_area(key="bundle:use:1").set_value("Sort photos of walls.")
    app.checkbox(key="bundle:people:1").check()
    button(app, "Make the bundle").click().run()
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.arguments.intended_use, job.arguments.names_people) == (
        "bundle",
        "Sort photos of walls.",
        True,
    )
    assert [each.proto.text for each in app.get("progress")]
    run_jobs()
    labels = [each.label for each in open_page("models").get("download_button")]
    assert any(label.startswith("Download run\\-1\\-export\\-1.zip (") for label in labels)


def test_a_key_that_is_missing_is_told_and_a_page_is_made_with_one_button(
    open_page: OpenPage, exported: Export, workspace: Workspace, run_jobs: Callable[[], None], tmp_path: Path
) -> None:
    app = open_page("models")
    app.text_input(key="bundle:key:1").set_value(str(tmp_path / "none.pem"))
    button(app, "Make the bundle").click().run()
    is_installed = find_spec("model_signing") is not None
    expected = "There is no file" if is_installed else "Signing needs the package model"
    assert expected in app.error[0].value.replace("\\", "")
    assert queue.list_jobs(workspace) == []
    app = open_page("models")
    button(app, "Make the page").click().run()
    assert not app.exception
    run_jobs()
    labels = [each.label for each in open_page("models").get("download_button")]
    assert any(label.startswith("Download run\\-1\\-export\\-1.html (") for label in labels)


def test_the_code_to_copy_is_that_of_the_chosen_export(open_page: OpenPage, exported: Export) -> None:
    app = open_page("models")
    assert any(repr(exported.path) in code.value for code in app.code)
    app.segmented_control(key="code:way").set_value("http").run()
    assert any(code.value.startswith("peakid serve ") for code in app.code)


@pytest.mark.slow
def test_photos_are_answered_by_a_run_before_any_export(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    from tests import planted_models  # It loads torch.

    planted_models.plant(workspace, frozen)
    app = open_page("models")
    marked, plain = (planted_models.photo(1, is_marked=each) for each in (True, False))
    files = [("marked.png", marked, "image/png"), ("notes.txt", b"no picture", "text/plain")]
    app.file_uploader(key="try:files:1").set_value(files)
    run_until(app, lambda: "sea (99.9 %)" in text_of(app))
    assert not app.exception
    assert "notes.txt cannot be read. Not an image" in text_of(app)
    assert "Right: where the score of the first class comes from (Grad-CAM, not tested)." in text_of(app)
    app.file_uploader(key="try:files:1").set_value([("plain.png", plain, "image/png")])
    run_until(app, lambda: "river (" in text_of(app))
    assert "sea (99.9 %)" not in text_of(app)


@pytest.mark.slow
def test_photos_that_wait_can_be_cancelled_and_asked_again(
    open_page: OpenPage,
    frozen: Snapshot,
    workspace: Workspace,
    text_of: TextOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests import planted_models  # It loads torch.

    planted_models.plant(workspace, frozen)
    asker = requests._Asker()
    monkeypatch.setattr(asker, "_thread", object())  # It takes no request, as while others are answered.
    monkeypatch.setattr(requests, "_asker", asker)
    app = open_page("models")
    app.file_uploader(key="try:files:1").set_value([("a.png", photo(1, 2, 3), "image/png")]).run()
    assert [each.proto.text for each in app.get("progress")] == ["Other photos come first"]
    button(app, "Cancel").click().run()
    assert "Cancelled after 0 of 1 photo." in text_of(app)
    button(app, "Ask again").click().run()
    assert button(app, "Cancel")


def run_until(app: AppTest, is_done: Callable[[], bool]) -> None:
    """Draw the page again until something is there, as a browser does: loading torch takes seconds."""
    ends_at = time.monotonic() + 180
    while not is_done():
        assert time.monotonic() < ends_at
        app.run()


def test_bars_run_from_the_most_probable_class_down() -> None:
    top = [RankedClass("dom", 0.7), RankedClass("eiger <3", 0.3)]
    figure = photo_answer.bars(ImagePrediction("dom", 0.7, abstained=False, top=top))
    [bar] = figure.data
    assert list(bar.x) == [0.3, 0.7]  # Plotly draws from the bottom.
    assert list(bar.text) == ["30 %", "70 %"]
    assert [text.strip() for text in figure.layout.yaxis.ticktext] == ["eiger &lt;3", "dom"]


def test_other_formats_are_offered_with_their_use_and_what_is_missing(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    add_run(frozen)
    app = open_page("models")
    for name in export_formats.FORMATS:
        assert name in ("onnx", "safetensors") or export_formats.USES[name] in text_of(app)
    for name in ("openvino", "litert"):
        is_available = export_formats.is_available(name)
        assert app.checkbox(key=f"export-format:{name}").disabled == (not is_available)
        assert (export_formats.install_command(name) in text_of(app)) == (not is_available)
    assert not app.warning
    app.checkbox(key="export-format:onnx-int8").check().run()
    app.checkbox(key="export-format:fastai").check().run()
    assert "executable code" in app.warning[0].value
    button(app, "Export run 1").click().run()
    [job] = queue.list_jobs(workspace)
    assert job.arguments.formats == ("onnx", "safetensors", "onnx-int8", "fastai")


def test_a_temperature_that_the_files_apply_is_shown(
    open_page: OpenPage, exported: Export, text_of: TextOf
) -> None:
    card = Path(exported.path) / "card.json"
    facts = {"threshold": 0.5, "temperature": 1.0}
    card.write_text(json.dumps(json.loads(card.read_text()) | {"temperature": 1.5, "facts": facts}))
    app = open_page("models")
    app.file_uploader(key="photo:1").upload("meadow.png", photo(50, 100, 10), "image/png").run()
    assert "at temperature 1.50" in text_of(app)
    assert "green (63 %)" in text_of(app)  # As the file gives it: 100 / (50 + 100 + 10).


def test_a_pickled_learner_is_offered_with_the_warning_that_it_is_executable(
    open_page: OpenPage,
    workspace: Workspace,
    frozen: Snapshot,
    add_run: AddRun,
    colour_export: Path,
    text_of: TextOf,
) -> None:
    (colour_export / "export.pkl").write_bytes(b"never loaded")
    files = [{"name": "export.pkl", "format": "fastai", "sha256": "0" * 64, "bytes": 12}]
    exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=files, parity={})
    app = open_page("models")
    assert any(each.label.startswith("Download export.pkl (") for each in app.get("download_button"))
    assert "export.pkl is executable code: loading it runs what is in it" in text_of(app)
