import math
import os

import numpy as np
import pytest

import peakid
from peakid.dataset import snapshot
from peakid.errors import NotFound, RunDamaged
from peakid.job_settings import JobSettings
from peakid.jobs import presence, queue
from peakid.jobs.arguments import VerifyArguments
from peakid.records import EpochMetrics, Prediction
from peakid.run_records import RunWarning, StartingWeights
from peakid.store import exports, run_predictions, runs


@pytest.fixture
def digests(plant):
    return plant({"a": "dom", "b": "dom", "c": "eiger", "d": "eiger"})


@pytest.fixture
def run_id(workspace, digests):
    frozen = snapshot.create(workspace, name="first", actor="human:anna")
    return runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe={"arch": "resnet18", "seed": 3},
        class_names=["dom", "eiger"],
        seed=3,
        code_version="0.1.0+4f2a",
        libraries={"torch": "2.14.1"},
    )


def test_a_run_stores_how_it_was_trained_and_how_it_ended(workspace, run_id):
    begun = runs.show(workspace, run_id)
    assert (begun.state, begun.recipe, begun.snapshot_name, begun.path) == (
        "running",
        {"arch": "resnet18", "seed": 3},
        "first",
        "runs/1",
    )
    assert (workspace.path / begun.path).is_dir()
    assert (begun.best_epoch, begun.metrics, begun.finished_at, begun.n_test_looks) == (None, {}, None, 0)
    runs.finish(
        workspace,
        run_id,
        "done",
        best_epoch=2,
        metrics={"accuracy": 0.75, "valid_loss": 0.5},
        device="cpu",
        n_workers=0,
        starting_weights=StartingWeights("random", note="requested"),
        warnings=[RunWarning("small_class", "Few images.")],
        seconds=1.5,
    )
    ended = runs.show(workspace, run_id)
    assert (ended.state, ended.best_epoch, ended.metrics) == (
        "done",
        2,
        {"accuracy": 0.75, "valid_loss": 0.5},
    )
    assert (ended.device, ended.seconds) == ("cpu", 1.5)
    assert ended.starting_weights == StartingWeights("random", note="requested")
    assert ended.warnings == [RunWarning("small_class", "Few images.")]
    assert ended.libraries == {"torch": "2.14.1"}  # Kept, because none were told at the end.
    assert runs.list_runs(workspace) == [ended]


def test_the_error_for_an_unknown_run_lists_the_existing_ones(workspace, run_id):
    with pytest.raises(NotFound, match=r"There is no run 7\. There are: 1\."):
        runs.show(workspace, 7)
    with pytest.raises(NotFound, match=r"There is no run 7\."):
        runs.look_at_test(workspace, 7, "human:anna")


def test_epochs_are_listed_in_order(workspace, run_id):
    second = EpochMetrics(2, "body", 0.4, 0.5, 0.75, 1e-3, 2.0)
    first = EpochMetrics(1, "head", 0.9, 0.8, 0.5, 2e-3, 1.0)
    runs.add_epoch(workspace, run_id, second)
    runs.add_epoch(workspace, run_id, first)
    assert runs.epochs(workspace, run_id) == [first, second]


def test_predictions_are_rows_and_all_probabilities_are_in_a_file(workspace, run_id, digests):
    names = [digests["d"], digests["a"]]  # Not in the order of the database.
    pred_probs = np.array([[0.75, 0.25], [0.125, 0.875]], dtype=np.float32)
    run_predictions.add(
        workspace, run_id, "valid", names, pred_probs, ["eiger", "dom"], is_out_of_sample=True
    )
    run_predictions.add(
        workspace, run_id, "train", [digests["b"]], pred_probs[:1], ["dom"], is_out_of_sample=False
    )
    assert run_predictions.rows(workspace, run_id, "valid") == [  # By image id: a before d.
        Prediction(digests["a"], "valid", "dom", "eiger", 0.875, True),
        Prediction(digests["d"], "valid", "eiger", "dom", 0.75, True),
    ]
    assert [
        prediction.is_out_of_sample for prediction in run_predictions.rows(workspace, run_id, "train")
    ] == [False]
    read_names, read = run_predictions.pred_probs(workspace, run_id, "valid")
    assert read_names == names
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, pred_probs)
    assert not list((workspace.runs_dir / str(run_id)).glob("*.part*"))
    with pytest.raises(NotFound, match="Run 1 has no predictions for test"):
        run_predictions.pred_probs(workspace, run_id, "test")


def test_an_export_is_compared_with_the_predictions_of_the_saved_model(workspace, run_id, digests):
    given, before = [digests["d"], digests["a"]], np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    run_predictions.add(workspace, run_id, "valid", given, before, ["eiger", "dom"], is_out_of_sample=True)
    assert np.array_equal(run_predictions.of_saved_model(workspace, run_id)[1], before)
    run_predictions.add_refit(workspace, run_id, given, before[::-1])
    assert np.array_equal(run_predictions.of_saved_model(workspace, run_id)[1], before[::-1])
    assert np.array_equal(run_predictions.pred_probs(workspace, run_id, "valid")[1], before)


def test_every_look_at_the_test_score_is_counted(workspace, run_id):
    assert [runs.look_at_test(workspace, run_id, "human:anna") for _ in range(3)] == [1, 2, 3]
    assert runs.show(workspace, run_id).n_test_looks == 3


def test_the_code_version_starts_with_the_package_version():
    assert runs.code_version().startswith(peakid.__version__)


def test_an_export_in_the_workspace_moves_with_it_and_another_one_does_not(workspace, run_id, tmp_path):
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 10}]
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 1e-7, "agreement": 1.0}}
    inside = exports.add(
        workspace, run_id=run_id, path=workspace.exports_dir / "run-1", files=files, parity=parity
    )
    outside = exports.add(workspace, run_id=run_id, path=tmp_path / "elsewhere", files=files, parity=parity)
    assert inside.path == str(workspace.exports_dir / "run-1")
    assert outside.path == str(tmp_path / "elsewhere")
    assert [row["path"] for row in workspace.query("SELECT path FROM export ORDER BY id")] == [
        "exports/run-1",
        str(tmp_path / "elsewhere"),
    ]
    assert exports.list_exports(workspace, run_id) == [outside, inside]
    assert exports.show(workspace, inside.export_id).files == files
    assert math.isclose(exports.show(workspace, inside.export_id).parity["onnx"]["max_abs_diff"], 1e-7)
    with pytest.raises(NotFound, match=r"There is no export 9\. There are: 1, 2\."):
        exports.show(workspace, 9)


def test_tta_probabilities_are_kept_until_the_run_is_resumed(workspace, run_id, digests):
    named, plain = [digests["a"], digests["c"]], np.array([[0.9, 0.1], [0.6, 0.4]], dtype=np.float32)
    run_predictions.add(workspace, run_id, "valid", named, plain, ["dom", "eiger"], is_out_of_sample=True)
    assert run_predictions.tta(workspace, run_id, "valid") == {}
    averaged = np.array([[0.7, 0.3], [0.4, 0.6]], dtype=np.float32)
    run_predictions.add_tta(workspace, run_id, {"valid": (named, averaged)}, n_views=4)
    assert (
        run_predictions.n_views(workspace, run_id, "valid"),
        run_predictions.n_views(workspace, run_id, "test"),
    ) == (4, None)
    found = run_predictions.tta(workspace, run_id, "valid")
    assert [found[digest].tolist() for digest in named] == averaged.tolist()
    assert run_predictions.pred_probs(workspace, run_id, "valid")[1].tolist() == plain.tolist()
    assert [each.predicted_label for each in run_predictions.rows(workspace, run_id, "valid")] == [
        "dom",
        "dom",
    ]
    run_predictions.add(workspace, run_id, "valid", named, plain, ["dom", "eiger"], is_out_of_sample=True)
    assert run_predictions.n_views(workspace, run_id, "valid") is None  # They were those of another model.


def test_all_runs_of_a_job_are_listed_oldest_first(workspace, run_id):
    lock = presence.take(workspace)  # No worker is started behind the test's back.
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    named = {
        "snapshot_id": 1,
        "recipe": {},
        "class_names": ["dom"],
        "seed": 0,
        "code_version": "",
        "libraries": {},
    }
    made = [runs.create(workspace, job_id=job_id, **named) for _ in range(2)]
    assert [run.run_id for run in runs.all_of_job(workspace, job_id)] == made
    os.close(lock)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "a cut array": lambda folder: cut(folder / "pred_probs_valid.npy"),
    "an empty array": lambda folder: (folder / "pred_probs_valid.npy").write_bytes(b""),
    "no array": lambda folder: (folder / "pred_probs_valid.npy").unlink(),
    "cut names": lambda folder: cut(folder / "pred_probs_valid.json"),
    "no names": lambda folder: (folder / "pred_probs_valid.json").unlink(),
    "names of another kind": lambda folder: (folder / "pred_probs_valid.json").write_text("7"),
    "too few names": lambda folder: (folder / "pred_probs_valid.json").write_text('["a"]'),
    "names that are no text": lambda folder: (folder / "pred_probs_valid.json").write_bytes(b"\xff\xfe["),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_of_a_run_is_named_with_what_to_do(workspace, run_id, digests, how):
    named, plain = [digests["a"], digests["c"]], np.array([[0.9, 0.1], [0.6, 0.4]], dtype=np.float32)
    run_predictions.add(workspace, run_id, "valid", named, plain, ["dom", "eiger"], is_out_of_sample=True)
    DAMAGE[how](workspace.runs_dir / str(run_id))
    with pytest.raises(
        RunDamaged, match=rf"A file of run {run_id} cannot be read: .*pred_probs_valid"
    ) as caught:
        run_predictions.pred_probs(workspace, run_id, "valid")
    assert [each.kind for each in caught.value.actions] == ["restore_backup", "train"]


@pytest.mark.parametrize("name", ["tta.json", "pred_probs_valid-tta.npy", "pred_probs_valid-tta.json"])
@pytest.mark.parametrize("damage", [cut, lambda path: path.unlink(), lambda path: path.write_text("[1]")])
def test_tta_with_a_damaged_file_can_be_computed_again(workspace, run_id, digests, name, damage):
    named, plain = [digests["a"], digests["c"]], np.array([[0.9, 0.1], [0.6, 0.4]], dtype=np.float32)
    run_predictions.add(workspace, run_id, "valid", named, plain, ["dom", "eiger"], is_out_of_sample=True)
    run_predictions.add_tta(workspace, run_id, {"valid": (named, plain)}, n_views=4)
    damage(workspace.runs_dir / str(run_id) / name)
    assert run_predictions.n_views(workspace, run_id, "valid") is None
    assert run_predictions.tta(workspace, run_id, "valid") == {}
    run_predictions.add_tta(workspace, run_id, {"valid": (named, plain)}, n_views=4)
    assert run_predictions.n_views(workspace, run_id, "valid") == 4
