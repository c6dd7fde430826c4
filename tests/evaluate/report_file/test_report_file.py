"""The report of a run as a file: it has the figures of the page, loads nothing, and escapes names."""

import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from peakid.curate import decisions
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput
from peakid.evaluate import report as evaluation
from peakid.evaluate import scored_images
from peakid.evaluate.errors import confusion
from peakid.evaluate.report_file import gather, page, plots, writing
from peakid.evaluate.report_file.gather import RunReport
from peakid.records import Choice
from peakid.run_records import ImportedPredictions
from peakid.store import images as stored_images
from peakid.store import runs
from tests import planted_runs
from tests.hostile_names import NAMES, seen

ANNA = "human:anna"


class Reader(HTMLParser):
    """Read the tags, the text, and what a page would load."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.texts += [value or "" for name, value in attrs if name in ("alt", "aria-label")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return seen("\n".join(self.texts))


def report_of(workspace, run_id, *, split="valid", with_gallery=False) -> RunReport:
    return writing.of_run(
        workspace, run_id, split=split, with_tta=False, with_gallery=with_gallery, actor=ANNA
    )


@pytest.fixture
def run_id(frozen, add_run) -> int:
    return add_run(frozen, n_wrong=3)


def test_the_figures_are_those_of_the_evaluation(workspace, run_id):
    report = report_of(workspace, run_id)
    scored = evaluation.evaluate(workspace, run_id, actor=ANNA)
    document = json.loads(writing.as_json(report))
    assert document["evaluation"] == json.loads(json.dumps(scored.to_json()))
    assert document["confusions"] == [{"given": "river", "predicted": "sea", "n_images": 3, "n_given": 4}]
    assert document["n_predicted"] == {"river": 1, "sea": 6}
    assert document["snapshot"]["n_images"] == 40
    assert document["snapshot"]["splits"]["valid"] == 7
    assert document["slices"]["n_images"] == 7
    # All predictions have a confidence of .9; 4 of 7 are correct.
    [bin_] = document["reliability"]
    assert (bin_["n_images"], bin_["accuracy"]) == (7, 4 / 7)
    scores = {each["name"]: each["value"] for each in document["scores"]}
    assert scores["accuracy"] == 4 / 7
    assert scores["balanced_accuracy"] == pytest.approx((1 / 4 + 1) / 2)
    text = Reader(page.write(report)).text
    assert "Balanced accuracy" in text
    assert "Log loss" in text
    assert "57 % (25-84 %, n = 7)" in text
    assert "Most frequent error: river predicted as sea (3 of 4)." in text
    assert "7 of 7 labels here were never confirmed by a person." in text
    assert "25 % (5-70 %)" in text  # Recall of river: 1 of 4.


def test_the_linear_probe_and_an_imported_model_are_named(workspace, run_id):
    probe = gather.Baseline("Linear probe (resnet18)", 0.5, (0.3, 0.7), 7)
    report = report_of(workspace, run_id)
    found = replace(report, probe=probe)
    assert "30-70 %" not in Reader(page.write(report)).text
    assert "Linear probe (resnet18)\n50 % (30-70 %)" in Reader(page.write(found)).text
    assert json.loads(writing.as_json(found))["linear_probe"]["interval"] == [0.3, 0.7]
    imported = ImportedPredictions("colleague's model", "theirs.csv", "ab" * 32, False)
    text = Reader(page.write(replace(report, run=replace(report.run, imported=imported)))).text
    assert "colleague's model, scored on Snapshot 1 (first)." in text
    assert "imported from theirs.csv, SHA-256 abababababab" in text
    assert "Starting weights" not in text


def test_the_page_loads_nothing_and_runs_nothing(workspace, run_id):
    read = Reader(page.write(report_of(workspace, run_id)))
    assert not read.addresses
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(read.tags)
    with_gallery = Reader(page.write(report_of(workspace, run_id, with_gallery=True)))
    assert len(with_gallery.addresses) == 3
    assert all(each.startswith("data:image/jpeg;base64,") for each in with_gallery.addresses)


def test_a_gallery_has_thumbnails_without_metadata_and_names_files_that_are_gone(workspace, run_id):
    report = report_of(workspace, run_id, with_gallery=True)
    first, second, _ = report.gallery
    exif = Image.Exif()
    exif[0x010E] = "Anna at home"
    file = io.BytesIO()
    Image.open(io.BytesIO(first.thumbnail)).save(file, "JPEG", exif=exif)
    assert b"Anna at home" in file.getvalue()
    stored_images.thumbnail_path(workspace, first.digest).write_bytes(file.getvalue())
    stored_images.thumbnail_path(workspace, second.digest).write_bytes(b"no picture")
    again = report_of(workspace, run_id, with_gallery=True)
    assert again.gallery[0].thumbnail is not None
    assert b"Anna" not in again.gallery[0].thumbnail
    assert again.gallery[1].address == ""
    assert "river predicted as sea; the file cannot be read" in Reader(page.write(again)).text


@pytest.mark.parametrize("start", range(0, len(NAMES), 20))
def test_hostile_names_are_text(workspace, run_id, start):
    names = [*NAMES[start : start + 20], "zq last"]
    report = report_of(workspace, run_id)
    matrix = np.ones((len(names), len(names)), dtype=np.int64)
    scored = replace(
        report.scored,
        class_names=names,
        confusion=matrix,
        majority_class=names[0],
        per_class=evaluation.per_class.scores(matrix, names),
        warnings=[f"This split has no image of {names[0]}."],
    )
    found = replace(
        report,
        scored=scored,
        n_predicted=(1,) * len(names),
        confusions=tuple(gather.Confusion(name, names[0], 1, 2) for name in names),
        snapshot=replace(report.snapshot, name=names[0]),
    )
    before, after = Reader(page.write(report)), Reader(page.write(found))
    assert set(after.tags) <= {*before.tags, "path", "rect", "text", "title"}
    assert not after.addresses
    assert all(seen(name) in after.text for name in names)


def test_reviewers_have_no_names_in_a_file(workspace, run_id):
    images = scored_images.load(workspace, runs.show(workspace, run_id), "valid")
    decisions.decide(workspace, [Choice(images.digests[0], "label", "river")], actor="human:zquser")
    report = report_of(workspace, run_id)
    assert "zquser" not in page.write(report)
    assert b"zquser" not in writing.as_json(report)
    assert "reviewer 1" in page.write(report)


def test_looks_at_test_are_counted_and_told(workspace, run_id):
    assert "was shown once" in Reader(page.write(report_of(workspace, run_id, split="test"))).text
    assert "was shown 2 times" in Reader(page.write(report_of(workspace, run_id, split="test"))).text
    assert runs.show(workspace, run_id).n_test_looks == 2
    assert "was shown" not in Reader(page.write(report_of(workspace, run_id))).text


def test_one_image_and_a_class_that_is_missing_make_a_report(workspace, plant):
    plant({**{f"d{n}": "dom" for n in range(6)}, **{f"e{n}": "eiger" for n in range(2)}})
    frozen = snapshots.create(workspace, actor=ANNA)
    run_id = planted_runs.plant(workspace, frozen, {"dom": "eiger"})
    split = min(("valid", "test"), key=lambda each: frozen.splits[each])
    report = report_of(workspace, run_id, split=split, with_gallery=True)
    assert len(report.scored.class_names) == 2
    read = Reader(page.write(report))
    assert "This split has no image of 'eiger'." in read.text
    assert "No slice was tested" in read.text
    json.loads(writing.as_json(report))


def test_without_errors_the_report_says_so(workspace, frozen, add_run):
    read = Reader(page.write(report_of(workspace, add_run(frozen, n_wrong=0), with_gallery=True)))
    assert "No errors on 7 images." in read.text
    assert "Gallery" not in read.text
    assert "Most frequent errors" not in read.text


def test_a_folder_is_refused_before_anything_is_written(workspace, run_id, tmp_path):
    html = tmp_path / "a.html"
    with pytest.raises(BadInput, match="is a folder"):
        writing.write(report_of(workspace, run_id), html=html, json=tmp_path)
    assert not html.exists()


@pytest.mark.parametrize("n_classes", [2, 15, 16, 50, 200])
def test_a_matrix_of_any_size_is_as_wide_as_a_page(n_classes):
    names = [f"class number {n}" for n in range(n_classes)]
    matrix = np.random.default_rng(0).integers(0, 3, (n_classes, n_classes))
    drawn = plots.matrix(names, matrix, confusion.finding(names, matrix))
    width = float(drawn.split('viewBox="0 0 ')[1].split()[0])
    assert width <= plots.WIDTH_PX + 5
    assert len(drawn) < 1_500_000
    assert (f">{matrix[0, 0]}<" in drawn) == (n_classes <= 15)
    is_named = n_classes <= 50
    assert drawn.count("class number 1<") == (2 if is_named else 0)
