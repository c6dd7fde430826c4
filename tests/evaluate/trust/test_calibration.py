"""Reliability bins, the calibration error that chance explains, and temperature scaling."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from peakid.evaluate import intervals
from peakid.evaluate.trust import calibration, temperature
from tests import scored


def test_bins_have_the_images_of_their_range_and_wilsons_interval():
    confidence = np.array([0.55, 0.6, 0.95, 1.0])
    is_right = np.array([True, False, True, True])
    found = calibration.bins(confidence, is_right, np.arange(4), n_bins=10)
    assert [(each.low, each.high, each.n_images) for each in found] == [(0.5, 0.6, 2), (0.9, 1.0, 2)]
    assert found[0].confidence == pytest.approx(0.575)
    assert found[0].accuracy_interval == pytest.approx(intervals.wilson(1, 2))
    gaps = [each.n_images / 4 * abs(each.confidence - each.accuracy) for each in found]
    assert sum(gaps) == pytest.approx(calibration.ece(confidence, is_right, n_bins=10))


def test_a_calibrated_model_exceeds_the_chance_error_1_time_in_20():
    n_above = 0
    for seed in range(100):
        images = scored.drawn(80, seed=seed)
        limit = calibration.chance_ece(images.confidence, images.groups, seed=seed)
        n_above += calibration.ece(images.confidence, images.is_right) > limit
    assert n_above <= 12  # Binomial(100, .05) is above once in 500.
    sure = scored.drawn(300, sharpness=4.0)
    limit = calibration.chance_ece(sure.confidence, sure.groups)
    assert calibration.ece(sure.confidence, sure.is_right) > limit


def test_the_temperature_of_an_overconfident_model_is_found():
    images = scored.drawn(2000, sharpness=3.0)
    found = temperature.fit(images)
    assert found.temperature == pytest.approx(3.0, rel=0.15)
    grid = np.linspace(2, 4, 101)
    powers = np.log(images.pred_probs.astype(np.float64).clip(1e-15))
    losses = [log_loss(images.given, softmax(powers / each, axis=1), labels=range(4)) for each in grid]
    assert found.temperature == pytest.approx(grid[int(np.argmin(losses))], abs=0.02)


def test_scaling_keeps_the_order_of_the_classes_and_the_sum():
    images = scored.drawn(50)
    after = temperature.scaled(images.pred_probs, 2.5)
    assert np.array_equal(after.argsort(axis=1), images.pred_probs.argsort(axis=1))
    assert after.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    expected = softmax(np.log(images.pred_probs.astype(np.float64)) / 2.5, axis=1)
    assert after == pytest.approx(expected, abs=1e-6)
    assert temperature.scaled(images.pred_probs, 1.0) is images.pred_probs


def test_the_effect_is_reported_on_other_images_than_it_was_fitted_on():
    valid, test = (scored.drawn(200, sharpness=3.0, seed=seed, split="valid") for seed in (1, 2))
    found = temperature.effect(test, valid)
    assert (found.scheme, found.n_fitted, found.n_images) == ("valid", 200, 200)
    assert found.temperature == temperature.fit(valid).temperature
    assert found.log_loss.after < found.log_loss.before
    assert found.log_loss.interval[1] < 0
    assert found.ece.after < found.ece.before


def test_without_other_images_each_fifth_is_scaled_by_the_other_four():
    images = scored.drawn(100, sharpness=3.0, group_size=2)
    fold = temperature.folds(images.groups)
    assert all(len(set(fold[images.groups == each].tolist())) == 1 for each in range(50))
    found = temperature.effect(images, None)
    assert found.scheme == "cross-fitted"
    after = temperature.cross_fitted(images)
    inside = fold == 0
    others = scored.images(images.pred_probs[~inside], images.given[~inside])
    expected = temperature.scaled(images.pred_probs[inside], temperature.fit(others).temperature)
    assert after[inside] == pytest.approx(expected)


def test_nine_images_are_too_few_and_no_error_determines_no_temperature():
    assert temperature.fit(scored.drawn(9)) is None
    assert temperature.effect(scored.drawn(50), scored.drawn(9)) is None
    assert temperature.fit(scored.images([[0.9, 0.1]] * 20, [0] * 20)).is_at_limit
