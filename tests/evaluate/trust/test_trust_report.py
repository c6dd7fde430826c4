"""The report about a run on one split, and the threshold that its exports carry."""

import numpy as np
import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput, NotFound
from peakid.evaluate.trust import operating_point, temperature, trust_report, trust_text
from peakid.store import runs
from peakid.store.evaluation import operating_points
from tests import planted_runs, scored

ANNA = "human:anna"


@pytest.fixture
def run_id(workspace, plant):
    """A run on forty images of two classes, with one dom of each split taken for an eiger."""
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return planted_runs.plant(workspace, frozen, {"dom": "eiger"})


def test_test_is_reported_with_what_validation_fitted_and_the_look_is_counted(workspace, run_id):
    found = trust_report.trust(workspace, run_id, split="test", actor=ANNA)
    assert (found.split, found.n_test_looks) == ("test", 1)
    assert found.conformal.scheme == "valid"
    assert runs.show(workspace, run_id).n_test_looks == 1
    assert trust_report.trust(workspace, run_id, actor=ANNA).conformal.scheme == "cross-fitted"
    assert runs.show(workspace, run_id).n_test_looks == 1
    assert found.to_json()["scores"][0]["name"] == "accuracy"


def test_train_and_levels_out_of_range_are_refused(workspace, run_id):
    with pytest.raises(BadInput, match="trained on the images of train"):
        trust_report.trust(workspace, run_id, split="train", actor=ANNA)
    with pytest.raises(BadInput, match="A level of 1 is out of range"):
        trust_report.trust(workspace, run_id, level=1.0, actor=ANNA)
    with pytest.raises(BadInput, match="was not cross-validated"):
        trust_report.trust(workspace, run_id, split="cv", actor=ANNA)


def test_a_threshold_is_stored_reported_and_removed(workspace, run_id):
    operating_point.set_threshold(workspace, run_id, 0.95, actor=ANNA)
    point = operating_points.of_run(workspace, run_id)
    assert (point.threshold, point.temperature, point.target, point.actor) == (0.95, 1.0, None, ANNA)
    found = trust_report.trust(workspace, run_id, actor=ANNA)
    assert found.at_point.n_answered == 0  # Every planted confidence is .9.
    assert "answers none of" in trust_text.coverage(found.at_point)
    operating_point.set_threshold(workspace, run_id, 0.5, actor=ANNA)
    assert trust_report.trust(workspace, run_id, actor=ANNA).at_point.coverage == 1.0
    operating_point.remove(workspace, run_id)
    assert operating_points.of_run(workspace, run_id) is None


def test_a_promise_that_validation_cannot_show_is_refused_with_what_it_shows(workspace, run_id):
    with pytest.raises(BadInput, match=r"No threshold can be shown to reach 97 % on the 6 validation"):
        operating_point.choose_for_accuracy(workspace, run_id, 0.97, actor=ANNA)
    assert operating_points.of_run(workspace, run_id) is None
    with pytest.raises(BadInput, match="No temperature can be fitted"):
        operating_point.set_threshold(workspace, run_id, 0.5, is_calibrated=True, actor=ANNA)
    with pytest.raises(BadInput, match=r"A threshold of 1\.5 is no confidence"):
        operating_point.set_threshold(workspace, run_id, 1.5, actor=ANNA)
    with pytest.raises(NotFound):
        operating_point.set_threshold(workspace, 99, 0.5, actor=ANNA)


def test_a_threshold_for_an_accuracy_is_stored_with_it(workspace, plant):
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    run_id = planted_runs.plant(workspace, snapshot.create(workspace, actor=ANNA), {})
    # All of the 6 validation images are right with a confidence of .9; .025 ** (1 / 6) is .54.
    point = operating_point.choose_for_accuracy(workspace, run_id, 0.5, actor=ANNA)
    assert (point.threshold, point.target) == (pytest.approx(0.9), 0.5)
    assert operating_point.on_validation(workspace, run_id, point).n_answered == 6
    with pytest.raises(BadInput, match="the most that they show is 54 %"):
        operating_point.choose_for_accuracy(workspace, run_id, 0.6, actor=ANNA)


def test_a_threshold_for_an_accuracy_is_chosen_at_the_temperature(workspace, run_id):
    images = scored.drawn(400, sharpness=3.0, split="valid")
    found = temperature.confidence(images.pred_probs, 3.0)
    assert found.mean() < images.confidence.mean()
    assert np.array_equal(found, temperature.scaled(images.pred_probs, 3.0).max(axis=1))
    assert np.array_equal(temperature.confidence(images.pred_probs, 1.0), images.confidence)


def test_one_image_and_predictions_of_one_class_are_said_in_words():
    one = trust_report.of_images(scored.images([[0.9, 0.1]], [0], split="valid"), None)
    assert (one.conformal, one.temperature, one.n_images) == (None, None, 1)
    assert "'class 1' has no image here" in one.notes[0]
    same = trust_report.of_images(scored.images([[0.9, 0.1]] * 12, [0, 1] * 6, split="valid"), None)
    assert any(note == "Every image is predicted as 'class 0'." for note in same.notes)


def test_test_without_validation_says_that_nothing_can_be_fitted():
    found = trust_report.of_images(scored.drawn(60), None)
    assert (found.temperature, found.conformal) == (None, None)
    assert any("no validation images" in note for note in found.notes)


def test_sentences_name_the_share_the_interval_and_the_number():
    images = scored.drawn(200, sharpness=3.0)
    found = trust_report.of_images(images, scored.drawn(200, sharpness=3.0, seed=1, split="valid"))
    text = trust_text.temperature(found.temperature)
    assert text.startswith("A temperature of ")
    assert "makes the model less sure (fitted on 200 validation images): log loss" in text
    assert "better" in text
    assert "more than chance" in trust_text.calibration(found)
    point = found.curve[-1]
    assert trust_text.coverage(point).startswith(f"At {point.threshold:.2f} it answers ")
    assert trust_text.sets(found.conformal).startswith("Prediction sets for 90 %: they contain the label of")
