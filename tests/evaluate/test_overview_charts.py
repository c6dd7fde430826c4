"""The figures of a whole workspace: intervals of runs, order and balance of classes."""

from dataclasses import replace

import pytest

from peakid.evaluate import overview_charts, run_scores
from peakid.evaluate.run_scores import RunScore
from peakid.records import ClassRow, Run, Snapshot

ROWS = [
    ClassRow("Dom", 30, 12, False, 1),
    ClassRow("Eiger", 12, 3, False, 2),
    ClassRow("old", 5, 0, True, 3),
]
SNAPSHOT = Snapshot(1, "d", "", 0, ["a"], 40, 40, 0, 0, {"train": 28, "valid": 7, "test": 5}, "")
RUN = Run(
    run_id=3,
    job_id=None,
    snapshot_id=1,
    snapshot_digest="d",
    snapshot_name="",
    state="done",
    recipe={},
    class_names=["a"],
    seed=0,
    code_version="",
    libraries={},
    device="cpu",
    n_workers=0,
    starting_weights=None,
    best_epoch=1,
    metrics={"accuracy": 6 / 7},
    warnings=[],
    path="",
    created_at="",
    finished_at=None,
    seconds=None,
    n_test_looks=0,
)


def test_the_score_of_a_run_is_measured_on_validation_or_on_every_image() -> None:
    found = run_scores.of(RUN, SNAPSHOT)
    # Wilson .487 to .974 (scipy: binomtest(6, 7).proportion_ci(method="wilson")).
    assert found is not None
    assert (found.n_images, found.interval) == (7, pytest.approx((0.487, 0.974), abs=1e-3))
    folded = run_scores.of(replace(RUN, recipe={"folds": 5}, metrics={"accuracy": 0.85}), SNAPSHOT)
    assert folded is not None
    assert folded.n_images == 40
    assert run_scores.of(replace(RUN, metrics={}), SNAPSHOT) is None


def test_only_a_run_with_a_model_or_of_every_fold_has_something_to_evaluate() -> None:
    assert RUN.has_score
    assert replace(RUN, state="cancelled").has_score
    assert replace(RUN, recipe={"folds": 5}, best_epoch=None).has_score
    assert not replace(RUN, state="cancelled", best_epoch=None).has_score
    assert not replace(RUN, state="cancelled", recipe={"folds": 5}, best_epoch=None).has_score
    assert not replace(RUN, state="failed", best_epoch=None).has_score


def test_each_point_of_the_scores_has_the_interval_of_its_run() -> None:
    points = [RunScore(1, 1, 0.5, (0.2, 0.8), 10), RunScore(4, 2, 0.9, (0.85, 0.95), 200)]
    [line] = overview_charts.scores(points, {1: "Snapshot 1", 2: "Snapshot 2 (clean)"}).data
    assert (list(line.x), list(line.y)) == (["1", "4"], [0.5, 0.9])
    assert list(line.error_y.array) == pytest.approx([0.3, 0.05])
    assert list(line.error_y.arrayminus) == pytest.approx([0.3, 0.05])
    assert line.hovertext[1] == "Run 4: 90 &#37; (85-95 &#37;, n = 200)<br>Snapshot 2 (clean)"


def test_the_finding_of_the_scores_says_where_intervals_overlap() -> None:
    low, high = RunScore(1, 1, 0.5, (0.2, 0.8), 10), RunScore(2, 1, 0.9, (0.7, 0.95), 10)
    overlaps = "Run 2 has the highest validation accuracy; its interval overlaps with that of run 1"
    assert overview_charts.scores_finding([low, high]) == overlaps
    apart = replace(high, interval=(0.81, 0.95))
    assert overview_charts.scores_finding([low, apart]) == "Run 2 has the highest validation accuracy"
    assert overview_charts.scores_finding([low]) == "Run 1: 50 % (20-80 %, n = 10)"


def test_the_finding_of_the_classes_is_their_ratio_or_which_are_empty() -> None:
    finding = overview_charts.balance_finding
    assert finding(ROWS) == "Dom has 2.5 times as many images as Eiger"
    empty = [replace(ROWS[0], class_name=name, n_images=0) for name in "abcde"]
    assert finding([ROWS[0], empty[0]]) == "No image yet of a"
    assert finding(empty) == "No image yet of a, b, c and 2 more"
    assert finding([ROWS[0], replace(ROWS[0], class_name="x")]) == "Every class has 30 images"
    assert finding([ROWS[0], replace(ROWS[0], class_name="x", n_images=31)]) == (
        "Every class has 30 to 31 images"
    )
    assert finding(ROWS[:1]) == "30 images of 1 class"
    assert finding([]) == "There is no class yet"


def test_the_classes_are_drawn_by_key_or_the_fewest_images_first() -> None:
    by_key = overview_charts.class_balance(ROWS)
    assert list(by_key.layout.yaxis.ticktext) == ["Dom", "Eiger"]
    assert [list(trace.x) for trace in by_key.data] == [[12, 3], [18, 9]]
    assert by_key.layout.xaxis.title.text == "Images"
    assert by_key.layout.xaxis.dtick is None
    assert overview_charts.class_balance([replace(ROWS[0], n_images=3)]).layout.xaxis.dtick == 1
    fewest = overview_charts.class_balance(ROWS, "fewest")
    assert list(fewest.layout.yaxis.ticktext) == ["Eiger", "Dom"]
