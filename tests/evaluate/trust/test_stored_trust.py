"""The figures of the tab Trust are computed once and stored; they know when they are out of date."""

from dataclasses import replace

import numpy as np
import pytest

from peakid.curate import decisions, remarks
from peakid.dataset import snapshot
from peakid.evaluate import figures, scored_images
from peakid.evaluate.trust import answers, operating_point, stored_trust, trust_report
from peakid.records import Choice
from peakid.store import runs
from peakid.store.evaluation import operating_points
from tests import planted_runs, scored

ANNA = "human:anna"


@pytest.fixture
def run(workspace, plant):
    """A run on eighty images of two classes; a dom of each split is taken for an eiger."""
    plant({**{f"d{i}": "dom" for i in range(40)}, **{f"e{i}": "eiger" for i in range(40)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


def test_what_is_read_is_what_was_computed_and_what_the_command_prints(workspace, run):
    assert stored_trust.stored(workspace, run, "test") is None
    computed = stored_trust.compute(workspace, run, "test")
    again = stored_trust.stored(workspace, run, "test")
    assert again.is_current
    assert (again.report, again.curves, again.sets) == (computed.report, computed.curves, computed.sets)
    point = operating_point.set_threshold(workspace, run.run_id, 0.5, actor=ANNA)
    printed = trust_report.trust(workspace, run.run_id, split="test", actor=ANNA)
    assert again.at(point, n_test_looks=1) == printed
    assert [each.level for each in again.sets] == list(trust_report.LEVELS)
    images = scored_images.load(workspace, run, "test")
    assert again.answers.image_ids.tolist() == images.image_ids.tolist()
    assert again.answers.wrong(0.5) == images.image_ids[~images.is_right].tolist()
    assert again.answers.at(0.5) == operating_point.on(images, point)


def test_a_judgement_changes_nothing_and_a_further_class_makes_them_out_of_date(workspace, run, monkeypatch):
    computed = stored_trust.compute(workspace, run, "valid")
    images = scored_images.load(workspace, run, "valid")
    [wrong] = np.flatnonzero(~images.is_right)
    decisions.decide(workspace, [Choice(images.digests[wrong], "label", "dom")], actor=ANNA)
    assert stored_trust.stored(workspace, run, "valid").is_current
    remarks.also(workspace, images.digests[wrong], "eiger", actor=ANNA)
    assert not stored_trust.stored(workspace, run, "valid").is_current
    monkeypatch.setattr(figures, "MAX_INLINE", 1)  # A large split keeps the old ones until the job has run.
    assert stored_trust.of_run(workspace, run, "valid").report == computed.report
    monkeypatch.undo()
    renewed = stored_trust.of_run(workspace, run, "valid")
    assert renewed.is_current
    assert renewed.answers.is_right.all()


def test_a_temperature_that_they_do_not_have_makes_them_out_of_date(workspace, run):
    stored_trust.compute(workspace, run, "valid")
    point = operating_points.put(workspace, run.run_id, threshold=0.6, temperature=1.7, actor=ANNA)
    found = stored_trust.stored(workspace, run, "valid")
    assert not found.is_current
    assert found.at(point).point == point  # Still shown, at the nearest temperature.
    renewed = stored_trust.of_run(workspace, run, "valid")
    assert renewed.temperature_of(point) == 1.7


def test_damaged_files_and_those_of_another_version_are_computed_again(workspace, run, monkeypatch):
    stored_trust.compute(workspace, run, "valid")
    folder = runs.folder(workspace, run.run_id)
    with monkeypatch.context() as patch:
        patch.setattr(stored_trust, "VERSION", 99)
        assert stored_trust.stored(workspace, run, "valid") is None
    for name in ("trust_valid.npz", "trust_valid.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        assert stored_trust.stored(workspace, run, "valid") is None
        stored_trust.compute(workspace, run, "valid")
    answers_before = (folder / "trust_valid.npz").read_bytes()
    stored_trust.compute(workspace, run, "valid")
    (folder / "trust_valid.npz").write_bytes(answers_before)  # Of another computation.
    assert stored_trust.stored(workspace, run, "valid") is None


def test_of_many_images_a_stated_sample_is_fitted_and_all_are_scored(monkeypatch):
    images = scored.drawn(400, n_classes=3, sharpness=3.0, split="valid")
    monkeypatch.setattr(trust_report, "MOST_FITTED", 200)
    found = trust_report.of_images(images, None)
    assert (found.n_images, found.conformal.n_images, found.temperature.n_images) == (400, 200, 200)
    assert found.temperature.n_fitted == 400
    assert any("200 images, drawn at random from 400" in each for each in found.notes)
    known = answers.some(answers.of(images), 50)
    assert len(known) == 50
    assert set(known.image_ids) < set(images.image_ids.tolist())


ONE = [[0.9, 0.1]]
BAD = {
    "one image": ((ONE, [0]), None),
    "every image predicted as one class": ((ONE * 12, [0, 1] * 6), None),
    "a class without images": (([[0.8, 0.1, 0.1]] * 12, [0, 1] * 6), None),
    "a test split without validation images": ((ONE * 12, [0, 1] * 6), "test"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_splits_are_stored_and_read_with_the_words_of_the_report(workspace, run, case):
    (pred_probs, given), split = BAD[case]
    images = scored.images(pred_probs, given, split=split or "valid")
    state = stored_trust._state(workspace, run, split or "valid")
    found = stored_trust.of_images(images, None, state)
    stored_trust._write(workspace, run, split or "valid", found)
    again = stored_trust.stored(workspace, run, split or "valid")
    assert again.at(None) == trust_report.of_images(images, None)
    assert again.report.notes
    assert again.answers.at(0.5).n_images == len(images)


def test_predictions_without_all_probabilities_have_no_figures_of_them(workspace, run):
    images = replace(scored.drawn(60, n_classes=6, split="valid"), has_all_probabilities=False)
    found = stored_trust.of_images(images, None, stored_trust._state(workspace, run, "valid"))
    names = [each.name for each in found.report.scores]
    assert names == ["accuracy", "balanced_accuracy", "macro_f1", "overconfidence"]
    assert (found.report.temperature, found.sets, list(found.curves)) == (None, (), [1.0])
    [note] = found.report.notes
    assert "the probability of the predicted class only" in note
