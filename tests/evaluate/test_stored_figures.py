"""Figures are computed once, stored, and known to be out of date after a judgement."""

import numpy as np
import pytest

from peakid.curate import decisions, remarks
from peakid.dataset import snapshot
from peakid.errors import BadInput
from peakid.evaluate import figures, report
from peakid.records import Choice
from peakid.store import run_predictions, runs
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def run(workspace, plant):
    """A run on forty images of two classes; one dom of each split is taken for an eiger."""
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


def labels_of(workspace, run, digests):
    """The given labels of images of valid."""
    label = {each.digest: each.given_label for each in run_predictions.rows(workspace, run.run_id, "valid")}
    return [label[digest] for digest in digests]


def fields(found):
    """The figures without their arrays, which `==` cannot compare."""
    scored = {**found.scored.to_json()}
    return scored, found.worst, found.unconfirmed.tolist(), found.n_errors, found.doubtful_ids, found.state


def test_stored_figures_are_the_ones_that_were_computed(workspace, run):
    assert figures.stored(workspace, run, "valid") is None
    computed = figures.compute(workspace, run, "valid")
    again = figures.stored(workspace, run, "valid")
    assert fields(again) == fields(computed)
    assert again.is_current
    assert again.scored.to_json() == report.evaluate(workspace, run.run_id, actor=ANNA).to_json()
    assert (again.n_errors, len(again.worst), again.unconfirmed.tolist()) == (1, 1, [[0, 1], [0, 0]])
    assert (again.worst.given_probability, again.worst.predicted_probability) == ((0.1,), (0.9,))


def test_a_judgement_in_the_split_makes_them_out_of_date_and_one_elsewhere_does_not(workspace, run):
    computed = figures.compute(workspace, run, "valid")
    [elsewhere, *_] = [each.digest for each in run_predictions.rows(workspace, run.run_id, "train")]
    decisions.decide(workspace, [Choice(elsewhere, "exclude", reason="a map")], actor=ANNA)
    assert figures.stored(workspace, run, "valid").is_current
    [wrong] = computed.worst.digests
    decisions.decide(workspace, [Choice(wrong, "label", "eiger")], actor=ANNA)
    found = figures.stored(workspace, run, "valid")
    assert (found.is_current, found.n_changed_since, found.scored.n_changed) == (False, 1, 0)
    renewed = figures.of_run(workspace, run, "valid")  # A small split is computed again at once.
    assert (renewed.is_current, renewed.scored.n_changed, renewed.unconfirmed.sum()) == (True, 1, 0)
    assert figures.stored(workspace, run, "valid").is_current


def test_a_second_class_of_an_image_makes_them_out_of_date(workspace, run):
    [wrong] = figures.compute(workspace, run, "valid").worst.digests
    remarks.also(workspace, wrong, "eiger", actor=ANNA)
    assert figures.stored(workspace, run, "valid").n_changed_since == 1
    assert figures.of_run(workspace, run, "valid").n_errors == 0


def test_large_splits_show_figures_that_are_out_of_date_until_a_job_computes_them(
    workspace, run, monkeypatch
):
    monkeypatch.setattr(figures, "MAX_INLINE", 1)
    assert figures.of_run(workspace, run, "valid") is None
    [wrong] = figures.compute(workspace, run, "valid").worst.digests
    decisions.decide(workspace, [Choice(wrong, "label", "dom")], actor=ANNA)
    found = figures.of_run(workspace, run, "valid")
    assert (found.is_current, found.n_changed_since, found.n_errors) == (False, 1, 1)


def test_figures_of_other_predictions_are_never_shown(workspace, run):
    figures.compute(workspace, run, "valid")
    digests, pred_probs = run_predictions.pred_probs(workspace, run.run_id, "valid")
    turned, given = np.array(pred_probs)[:, ::-1], labels_of(workspace, run, digests)
    run_predictions.add(workspace, run.run_id, "valid", digests, turned, given, is_out_of_sample=True)
    assert figures.stored(workspace, run, "valid") is None
    assert figures.of_run(workspace, run, "valid").n_errors == len(digests) - 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version": 0}', '{"version": 1, "state": 3}']
)
def test_a_damaged_file_is_computed_again(workspace, run, text):
    figures.compute(workspace, run, "valid")
    (runs.folder(workspace, run.run_id) / "figures_valid.json").write_text(text)
    assert figures.of_run(workspace, run, "valid").n_errors == 1


def test_figures_of_test_are_computed_without_a_look_and_looked_at_with_one(workspace, run):
    figures.compute(workspace, run, "test")
    assert runs.show(workspace, run.run_id).n_test_looks == 0
    assert figures.evaluate(workspace, run.run_id, split="test", actor=ANNA).scored.n_test_looks == 1
    assert figures.evaluate(workspace, run.run_id, split="test", actor=ANNA).scored.n_test_looks == 2
    with pytest.raises(BadInput):
        figures.evaluate(workspace, run.run_id, split="cv", actor=ANNA)


def test_the_worst_errors_come_first_and_are_limited(workspace, run, monkeypatch):
    digests, _ = run_predictions.pred_probs(workspace, run.run_id, "valid")
    given = labels_of(workspace, run, digests)
    sure = np.linspace(0.55, 0.95, len(digests), dtype=np.float32)
    wrong = [1 - run.class_names.index(label) for label in given]
    pred_probs = np.empty((len(digests), 2), dtype=np.float32)
    pred_probs[np.arange(len(digests)), wrong] = sure
    pred_probs[np.arange(len(digests)), [1 - each for each in wrong]] = 1 - sure
    run_predictions.add(workspace, run.run_id, "valid", digests, pred_probs, given, is_out_of_sample=True)
    monkeypatch.setattr(figures, "MAX_WORST", 2)
    found = figures.compute(workspace, run, "valid")
    assert (found.n_errors, list(found.worst.digests)) == (len(digests), [digests[-1], digests[-2]])
    assert found.n_doubtful == int((sure >= 0.9).sum())
