"""Comparisons of runs are stored; a judgement of a compared image makes them out of date."""

import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.evaluate import figures
from peakid.evaluate.comparing import compare, stored_comparisons
from peakid.records import Choice
from peakid.store import run_predictions, runs
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def compared(workspace, plant):
    """Two runs on eighty images; the first one takes three doms of each split for an eiger."""
    plant({**{f"d{i}": "dom" for i in range(40)}, **{f"e{i}": "eiger" for i in range(40)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    planted_runs.plant(workspace, frozen, {"dom": "eiger"}, per_class=3)
    planted_runs.plant(workspace, frozen, {"eiger": "dom"})
    return [runs.show(workspace, 1), runs.show(workspace, 2)]


def test_what_is_read_is_what_is_computed_and_no_look_is_counted(workspace, compared):
    assert stored_comparisons.stored(workspace, compared, "test") is None
    stored_comparisons.compute(workspace, compared, "test")
    assert [runs.show(workspace, each.run_id).n_test_looks for each in compared] == [0, 0]
    found = stored_comparisons.stored(workspace, compared, "test")
    assert found.is_current
    assert found.found == compare.compare_runs(workspace, [1, 2], split="test", actor=ANNA)


def test_a_judgement_is_compared_at_once_in_a_small_split_and_by_the_job_in_a_large_one(
    workspace, compared, monkeypatch
):
    before = stored_comparisons.of_runs(workspace, compared, "valid")
    wrong = next(
        each
        for each in run_predictions.rows(workspace, 1, "valid")
        if each.predicted_label != each.given_label
    )
    decisions.decide(workspace, [Choice(wrong.digest, "label", "eiger")], actor=ANNA)
    monkeypatch.setattr(figures, "MAX_INLINE", 1)
    kept = stored_comparisons.of_runs(workspace, compared, "valid")
    assert (kept.is_current, kept.found) == (False, before.found)
    stored_comparisons.renew(workspace, compared[-1], "valid")
    renewed = stored_comparisons.stored(workspace, compared, "valid")
    assert renewed.is_current
    assert renewed.found == compare.compare_runs(workspace, [1, 2], actor=ANNA)
    assert renewed.found.accuracies[0].n_right == before.found.accuracies[0].n_right + 1
    decisions.decide(workspace, [Choice(wrong.digest, "label", "dom")], actor=ANNA)
    monkeypatch.undo()
    assert stored_comparisons.of_runs(workspace, compared, "valid").found == before.found
