"""Calibrated probabilities agree with how often a prediction is right."""

import numpy as np
import pytest
from scipy.special import softmax

from peakid.suggest import calibrated


def test_the_scale_of_the_scores_is_found_again():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 3))
    truth = softmax(4 * scores, axis=1)
    labels = (rng.random((20_000, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    found = calibrated.fit(scores, labels, np.ones(len(labels)))
    assert found.scale == pytest.approx(4, abs=0.15)
    assert np.abs(calibrated.probabilities(scores, found) - truth).mean() < 0.01


def test_a_rare_class_is_as_likely_as_it_is_frequent():
    labels = np.array([0] * 950 + [1] * 50)
    scores = np.zeros((1000, 2))
    p = calibrated.probabilities(scores, calibrated.fit(scores, labels, np.ones(1000)))
    assert p[0, 1] == pytest.approx(0.05, abs=0.01)


def test_a_head_without_a_mistake_is_not_certain():
    labels = np.arange(20) % 2
    found = calibrated.fit(np.eye(2)[labels], labels, np.ones(20))
    p = calibrated.probabilities(np.eye(2), found)
    # One image of 21 is spread over both classes: 1 - 1 / 42 is the best constant.
    assert p[0, 0] == pytest.approx(1 - 1 / 42, abs=0.01)


def test_images_of_weight_0_do_not_count():
    labels = np.array([0, 1] * 20 + [1, 0] * 20)
    scores = np.eye(2)[np.array([0, 1] * 40)]
    weights = np.repeat([1.0, 0.0], 40)
    assert calibrated.fit(scores, labels, weights).loss < calibrated.fit(scores, labels, np.ones(80)).loss / 5
