"""A run has one accuracy with one interval, in which near duplicates count once, wherever it is shown."""

import numpy as np
import pytest

from peakid.dataset import snapshot as snapshots
from peakid.evaluate import figures, run_scores
from peakid.evaluate.comparing import compare
from peakid.evaluate.intervals import wilson
from peakid.evaluate.trust.grouped import share_interval
from peakid.jobs import bundling
from peakid.jobs.tasks import proof_images
from peakid.store import exports, run_predictions, runs
from peakid.store.folders import holdings
from peakid.web import names

ANNA = "human:anna"
N_FRAMES = 3  # Of each scene.
N_WRONG = 4  # Scenes of validation.


@pytest.fixture
def run_id(workspace, plant, add_run):
    """A run on scenes of three frames each; it predicts all frames of four scenes of validation wrong."""
    scenes = [f"{label} {scene}" for label in ("river", "sea") for scene in range(30)]
    digests = plant({f"{scene} {n}": scene.split()[0] for scene in scenes for n in range(N_FRAMES)})
    ids = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    with workspace.transaction() as connection:
        for scene in scenes:
            first, *others = (ids[digests[f"{scene} {n}"]] for n in range(N_FRAMES))
            for other in others:
                connection.execute(
                    "INSERT INTO duplicate_pair VALUES (?, ?, 'near', 3, 'now')", (first, other)
                )
    frozen = snapshots.create(workspace, actor=ANNA)
    made = add_run(frozen, n_wrong=0)
    valid = [item for item in snapshots.items(workspace, frozen.digest) if item.split == "valid"]
    wrong = sorted({item.group_key for item in valid})[:N_WRONG]
    is_sea = [(item.label == "sea") != (item.group_key in wrong) for item in valid]
    pred_probs = np.array([[0.1, 0.9] if sea else [0.9, 0.1] for sea in is_sea], dtype=np.float32)
    labels, own = [item.label for item in valid], [item.digest for item in valid]
    run_predictions.add(workspace, made, "valid", own, pred_probs, labels, is_out_of_sample=True)
    runs.finish(
        workspace, made, "done", best_epoch=2, metrics={"accuracy": 1 - N_FRAMES * N_WRONG / len(own)}
    )
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
    path = workspace.exports_dir / f"run-{made}"
    exports.add(workspace, run_id=made, path=path, files=files, parity={})
    return made


def test_all_pages_commands_cards_and_reports_show_the_same_score(
    workspace, run_id, open_page, text_of, peakid
) -> None:
    frozen = snapshots.list_snapshots(workspace)[0]
    n, n_groups = frozen.splits["valid"], frozen.splits["valid"] // N_FRAMES
    share = 1 - N_WRONG / n_groups
    groups = np.repeat(np.arange(n_groups), N_FRAMES)
    interval = share_interval(groups >= N_WRONG, groups)
    width = interval[1] - interval[0]
    narrow = wilson(share * n, n)
    assert width > 1.5 * (narrow[1] - narrow[0])  # Near duplicates matter here.
    text = f"{100 * share:.0f} % ({100 * interval[0]:.0f}-{100 * interval[1]:.0f} %, n = {n})"

    before = run_scores.of(runs.show(workspace, run_id), frozen)
    assert "if no near duplicates" in before.text()  # It is not measured yet, and says what it assumes.
    assert f"Accuracy (validation): {text}" in text_of(open_page("evaluate"))
    assert f"Run 1, validation: {text}" in text_of(open_page("overview"))
    assert text in text_of(open_page("models"))
    run = runs.show(workspace, run_id)
    assert run_scores.of(run, frozen).text() == names.run_score(run, frozen) == text
    assert f"{100 * share:.0f} % on validation" in names.run_option(run)
    assert bundling.model_facts(workspace, run, actor=ANNA).score == text
    proven = proof_images.of(workspace, run)
    is_right = proven.pred_probs.argmax(axis=1) == [frozen.class_names.index(x) for x in proven.given_labels]
    assert proven.interval(is_right) == pytest.approx(interval)

    held = holdings.read(workspace.path)
    evaluated = peakid("evaluate", run_id, "--json").json
    reported = peakid("report", run_id, "--json").json["evaluation"]
    exported = peakid("exports", "--json").json[0]
    sliced = peakid("slices", run_id, "--json").json
    accuracies = [held.accuracy, *(each["accuracy"] for each in (evaluated, reported, exported, sliced))]
    intervals = [each["accuracy_interval"] for each in (evaluated, reported, exported, sliced)]
    [trusted] = [x for x in peakid("trust", run_id, "--json").json["scores"] if x["name"] == "accuracy"]
    compared = compare.compare_runs(workspace, [run_id, run_id], actor=ANNA).accuracies[0]
    goal = peakid("goal", "--accuracy", 0.9, "--json").json["check"]["accuracy"]
    accuracies += [trusted["value"], compared.accuracy, goal["value"]]
    intervals += [held.accuracy_interval, trusted["interval"], compared.interval, goal["interval"]]
    assert accuracies == pytest.approx([share] * len(accuracies))
    assert [low for low, _ in intervals] == pytest.approx([interval[0]] * len(intervals))
    assert [high for _, high in intervals] == pytest.approx([interval[1]] * len(intervals))


def test_runs_of_earlier_versions_are_measured_when_the_workspace_is_opened(workspace, run_id) -> None:
    assert [each.run_id for each in runs.without_score(workspace)] == [run_id]
    figures.keep_scores(workspace)
    assert runs.without_score(workspace) == []
    assert (
        runs.show(workspace, run_id).score.n_images == snapshots.list_snapshots(workspace)[0].splits["valid"]
    )


def test_a_score_with_the_interval_of_an_earlier_version_is_measured_again(workspace, run_id) -> None:
    figures.keep_scores(workspace)
    measured = runs.show(workspace, run_id).score
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE run SET score = json_remove(json_set(score, '$.interval[0]', 0), '$.version')"
        )
    assert runs.show(workspace, run_id).score.interval == (0.0, measured.interval[1])
    assert [each.run_id for each in runs.without_score(workspace)] == [run_id]
    figures.keep_scores(workspace)
    assert runs.show(workspace, run_id).score == measured
    assert runs.without_score(workspace) == []


def test_a_score_that_a_restored_backup_has_damaged_is_measured_again(workspace, run_id) -> None:
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET score = '{\"accuracy\": 1}'")
    assert runs.show(workspace, run_id).score is None
    figures.of_run(workspace, runs.show(workspace, run_id), "valid")
    assert runs.show(workspace, run_id).score is not None
