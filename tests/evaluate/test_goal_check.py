"""A goal is met where all of the interval reaches it, and cannot be told where the interval contains it."""

import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput
from peakid.evaluate import figures, goal_check, intervals, run_scores
from peakid.evaluate.run_scores import RunScore
from peakid.store import runs
from peakid.store.evaluation import goals
from tests import planted_runs

ANNA = "human:anna"


def test_the_interval_of_an_independent_difference_is_the_published_one():
    # Newcombe 1998, table II, example (a), method 10: 56 of 70 minus 48 of 80.
    assert intervals.independent_difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    # Example (g): 10 of 10 minus 0 of 20.
    assert intervals.independent_difference(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [(0.80, "met"), (0.81, "cannot be told"), (0.95, "cannot be told"), (0.96, "not met")],
)
def test_an_accuracy_is_judged_by_its_interval(wanted, verdict):
    score = RunScore(1, 1, 0.9, (0.80, 0.95), 100)
    assert goal_check.accuracy(wanted, score).verdict == verdict
    assert goal_check.accuracy(wanted, None).verdict == "not measured"


@pytest.mark.parametrize(("wanted", "verdict"), [(0.12, "met"), (0.05, "cannot be told"), (0.01, "not met")])
def test_a_gap_is_judged_by_its_interval(wanted, verdict):
    assert goal_check.largest_gap(wanted, 0.07, (0.02, 0.12)).verdict == verdict
    assert goal_check.largest_gap(wanted, None, None).verdict == "not measured"


@pytest.fixture
def run(workspace, plant):
    """A run on forty images that is wrong on one dom of each split."""
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


def test_a_run_is_checked_with_the_predictions_of_its_training_images(workspace, run):
    frozen = snapshot.show(workspace, run.snapshot_digest)
    n_train, n_valid = frozen.splits["train"], frozen.splits["valid"]
    goal = goals.set_goal(workspace, accuracy=0.99, max_gap=0.5, actor=ANNA)
    figures.keep_scores(workspace)
    run = runs.show(workspace, run.run_id)
    check = goal_check.of_run(workspace, goal, run, {frozen.digest: frozen})
    expected = intervals.independent_difference(n_train - 1, n_train, n_valid - 1, n_valid)
    assert check.gap.interval == pytest.approx(expected)
    assert check.gap.value == pytest.approx(1 / n_valid - 1 / n_train)
    assert check.accuracy.value == run_scores.of(run, frozen).share == 1 - 1 / n_valid
    accuracy, gap = goal_check.texts(check)
    assert accuracy.startswith("At least 99 % on validation: 83 % (")
    assert accuracy.endswith("), not met.")
    assert gap.startswith("Train at most 50 points above validation: +")
    assert gap.endswith("cannot be told yet: the interval contains the goal.")
    only = goals.set_goal(workspace, max_gap=0.5, actor=ANNA)
    assert goal_check.of_run(workspace, only, run, {}).accuracy is None


@pytest.mark.parametrize("values", [{"accuracy": 90}, {"max_gap": -0.1}, {"accuracy": float("nan")}, {}])
def test_a_goal_out_of_range_is_refused_and_the_earlier_one_stays(workspace, values):
    goals.set_goal(workspace, accuracy=0.8, actor=ANNA)
    with pytest.raises(BadInput):
        goals.set_goal(workspace, **values, actor=ANNA)
    assert goals.read(workspace).accuracy == 0.8


def test_the_goal_is_set_seen_and_removed_by_command(peakid, workspace, run):
    assert peakid("goal").out.strip() == "No goal is set."
    answer = peakid("goal", "--accuracy", "0.5", "--gap", "0.4", "--json").json
    assert (answer["accuracy"], answer["max_gap"], answer["check"]["run_id"]) == (0.5, 0.4, run.run_id)
    assert "At least 50 % on validation" in peakid("goal").out
    assert peakid("goal", "--clear", "--json").json["check"] is None
    assert goals.read(workspace) is None
    assert peakid("goal", "--accuracy", "90").code == 1
