"""Results and arguments of jobs as records: stored and read back, also rows that an earlier version wrote."""

import dataclasses
import json
import typing

import pytest

from peakid.acquire.sources.browsing.records import ClassPage
from peakid.acquire.verification import Damage, Move
from peakid.curate.duplicates.view_search import ViewReport
from peakid.embed.stored import UnreadImage
from peakid.evaluate.comparing.bought import Bought
from peakid.job_settings import JobSettings
from peakid.jobs import arguments, job, queue, results
from peakid.jobs.albums.results import PreviewAlbumsResult, UndoAlbumsResult, WriteAlbumsResult
from peakid.jobs.arguments import ImportArguments, SweepArguments, TrainArguments
from peakid.jobs.results import (
    AttributionResult,
    BrowseResult,
    BundleResult,
    ChangedCopiesResult,
    CollectResult,
    EmbedResult,
    EstimateResult,
    ExportResult,
    FiguresResult,
    HeatMapsResult,
    ImportResult,
    IndexResult,
    InputImage,
    LearningCurveResult,
    MapResult,
    NameImagesResult,
    OpenSetResult,
    PhaseEstimate,
    RateFinderResult,
    RetrainResult,
    ScanResult,
    SimilarResult,
    SkippedTrial,
    SweepFinding,
    SweepResult,
    TrainResult,
    TrialResult,
    TtaResult,
    VerifyResult,
)
from peakid.records import RejectionRow, ScanReport

BEST = TrialResult(run_id=2, settings={"dropout": 0.2, "is_mirrored": True, "mix": "none"}, valid_loss=0.4)
EXAMPLES = [
    TrainResult(run_id=4),
    RateFinderResult(suggestions={"valley": 1e-3}, rates=(1e-4, 1e-3), losses=(1.0, 0.5)),
    EstimateResult(
        seconds=754.0,
        notes=("One note.",),
        phases=(PhaseEstimate("head", 5, 128, 32, 20.0, 100.0, 900.0),),
        seen=(InputImage("head", "dom", "1.png"),),
        folder="runs/seen",
    ),
    SweepResult(
        n_trials=2,
        trials=(TrialResult(run_id=1, state="failed", error="Diverged."), BEST),
        best=BEST,
        not_tried=({"dropout": 0.5},),
        skipped=(SkippedTrial({"arch": "vit_b_16"}, "224 px only"),),
        finding="A sentence.",
        comparison=SweepFinding("luck", best=BEST.settings, p=0.3),
    ),
    TtaResult(run_id=1, n_views=4, n_images={"valid": 3}),
    AttributionResult(
        run_id=3,
        title="step 12",
        seeds=(0, 1),
        runs_without=(4, 6),
        runs_with=(5, 7),
        n_relabelled=9,
        bought=Bought(55, 0.8, 0.85, 0.05, (0.01, 0.09), (0.04, 0.06)),
    ),
    ExportResult(export_id=1, path="/out", files=({"format": "onnx"},), parity={"onnx": {"agreement": 1.0}}),
    VerifyResult(3, 1, (Damage("d", "a.jpg", "gone"),), 1, (Move("e", "/photos", "b.jpg", "c.jpg"),), 2),
    ScanResult(scan=ScanReport(1, 0, 0, 0, {"dark": 1}, 0.5)),
    IndexResult(n_rows=4, n_indexed=3, seconds=1.5),
    MapResult(n_images=3, n_embedded=4, seconds=1.5),
    ChangedCopiesResult("vgg16", 3, ViewReport(3, 2, 1, 0, 0.5), 1),
    ImportResult(
        n_added=1,
        rejections=(RejectionRow("a.txt", "not_an_image", "text"),),
        scan=ScanReport(1, 0, 0, 0, {"dark": 1}, 0.5),
    ),
    BundleResult(export_id=1, path="/exports/run-1.zip", files=("model.onnx",), bytes=3),
    RetrainResult("1b" * 32, 8),
    CollectResult("lakes", 3, 2, 1, 0, 1.5, ScanReport(1, 0, 0, 0, {"dark": 1}, 0.5)),
    BrowseResult("browse-3/urls_x.csv", 7, (ClassPage("lake", "https://example.org", 7, "enough", 2),)),
    EmbedResult("resnet18", 160, 9, 7, 512, 1, (UnreadImage("d", "a.jpg", "gone"),), 80.0),
    SimilarResult("d", "a.jpg", 3),
    NameImagesResult(n_images=3, n_classes=2),
    FiguresResult(run_id=1, n_images={"valid": 3}, has_probe=True),
    OpenSetResult(run_id=1, set_id=2, n_images=3, is_alarm=True),
    LearningCurveResult(run_id=1, n_fits=121, n_train=9, n_valid=3, sentence="No clear gain.", seconds=2.0),
    PreviewAlbumsResult("0123456789abcdef", 1, "/photos", 7, 2, 1),
    WriteAlbumsResult("0123456789abcdef", "/albums", "copy", {"sea": 2}, 1, 1, 0, 1, ("sea/a.jpg",)),
    UndoAlbumsResult("/albums", 2),
    HeatMapsResult(1, "valid", 3, 5, 2, n_unread=1, unread=("d: gone",)),
]


def test_there_is_an_example_of_every_kind() -> None:
    assert {type(each) for each in EXAMPLES} == set(typing.get_args(results.Result))


@pytest.mark.parametrize("result", EXAMPLES, ids=lambda result: result.kind)
def test_a_result_is_read_back_as_it_was_stored(result: results.Result) -> None:
    stored = json.loads(json.dumps(results.document(result)))
    assert results.parse(result.kind, stored) == result


def test_a_result_without_the_newer_keys_gets_their_defaults() -> None:
    stored = {"trials": [{"run_id": 1, "settings": {}, "valid_loss": 0.5}], "finding": "A sentence."}
    found = results.parse("sweep", stored)
    assert found == SweepResult(trials=(TrialResult(run_id=1, valid_loss=0.5),), finding="A sentence.")
    assert results.parse("import", {"n_added": 3, "unknown": 1}) == ImportResult(n_added=3)


def test_no_result_and_one_of_an_unknown_kind_or_shape_are_none() -> None:
    assert results.parse("train", {}) is None
    assert results.parse("dance", {"steps": 3}) is None
    assert results.parse("train", {"run_id": "many"}) is None


@pytest.mark.parametrize("kind", typing.get_args(arguments.Arguments), ids=lambda kind: kind.kind)
def test_arguments_without_any_key_get_defaults(kind: type[arguments.Arguments]) -> None:
    assert arguments.parse(kind.kind, {}) == kind()


def test_arguments_are_read_back_as_they_were_stored() -> None:
    for given in (
        SweepArguments(snapshot="4f2a", recipe={"phases": [{"epochs": 2}]}, tried=("l1=0,1",), minutes=5.0),
        ImportArguments(source="csv", path="/a.csv", root="/photos", path_column="file", label_column="kind"),
    ):
        stored = json.loads(json.dumps(arguments.document(given)))
        assert arguments.parse(given.kind, stored) == given


@pytest.mark.usefixtures("as_worker")
def test_a_job_refuses_to_read_its_arguments_as_another_kind(workspace) -> None:
    submitted = queue.submit(workspace, TrainArguments(snapshot="4f2a"), lane="gpu", settings=JobSettings())
    assert submitted.arguments_as(arguments.RecipeArguments).snapshot == "4f2a"
    assert submitted.result_as(TrainResult) is None
    with pytest.raises(TypeError, match=r"Job 1 \(train\) has no SweepArguments"):
        submitted.arguments_as(SweepArguments)


@pytest.mark.usefixtures("as_worker")
def test_actions_that_only_another_version_knows_are_left_out(workspace) -> None:
    queue.submit(workspace, TrainArguments(), lane="gpu", settings=JobSettings())
    actions = [{"kind": "dance", "arguments": {}}, {"kind": "list_jobs", "arguments": {}}]
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET actions = ?", (json.dumps(actions),))
    [found] = queue.list_jobs(workspace)
    assert [each.kind for each in found.actions] == ["list_jobs"]
    assert {each.name for each in dataclasses.fields(job.Job)} >= {"error", "remedy", "actions", "result"}
