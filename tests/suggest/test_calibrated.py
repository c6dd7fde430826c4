"""Calibrated probabilities agree with how often a prediction is right."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from peakid.suggest import calibrated


def test_the_scale_of_the_scores_is_found_again():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 3))
    truth = softmax(4 * scores, axis=1)
    labels = (rng.random((20_000, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    found = calibrated.fit(scores, labels, np.ones(len(labels)))
    assert found.scales == pytest.approx([4], abs=0.15)
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


def test_two_sets_of_scores_are_weighted_as_scikit_learn_weights_them():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 300, 2))
    logit = np.tensordot([1.5, 3.0], scores[:, :, 1] - scores[:, :, 0], 1) + 0.7
    labels = (rng.random(300) < 1 / (1 + np.exp(-logit))).astype(int)
    found = calibrated.fit(scores, labels, np.ones(300), offset_penalty=0)
    # Two classes are a logistic regression on differences; 1 / 301 of each image has either label.
    x, y = np.tile((scores[:, :, 1] - scores[:, :, 0]).T, (2, 1)), np.repeat([0, 1], 300)
    weights = np.where(y == np.tile(labels, 2), 1 - 0.5 / 301, 0.5 / 301)
    oracle = LogisticRegression(C=np.inf, tol=1e-8).fit(x, y, weights)
    assert found.scales == pytest.approx(oracle.coef_[0], rel=1e-3)
    assert found.offsets[1] - found.offsets[0] == pytest.approx(oracle.intercept_[0], rel=1e-3)


def test_a_set_of_scores_that_says_nothing_gets_a_small_scale():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 2000)
    useful = 0.3 * np.eye(3)[labels] + rng.normal(0, 0.3, (2000, 3))
    useless = rng.normal(0, 0.3, (2000, 3))
    found = calibrated.fit(np.stack([useful, useless]), labels, np.ones(2000))
    assert found.scales[1] < 0.1 * found.scales[0]


@pytest.mark.parametrize(("n", "low", "high"), [(140, 0, 0.7), (2800, 0.9, 1)])
def test_offsets_of_classes_are_held_back_where_there_are_few_images_of_each(n, low, high):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 14, n)
    scores = 0.1 * np.eye(14)[labels] + rng.normal(0, 0.2, (n, 14)) - 0.5 * np.arange(14) / 14
    once = calibrated.fit(scores, labels, np.ones(n))
    twice = calibrated.fit_in_two(scores, labels, np.ones(n))
    assert low < np.ptp(twice.offsets) / np.ptp(once.offsets) < high
    assert np.corrcoef(once.offsets, twice.offsets)[0, 1] > 0.95


def test_the_offsets_of_three_classes_are_not_held_back():
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    scores, ones = np.zeros((100, 3)), np.ones(100)
    once, twice = calibrated.fit(scores, labels, ones), calibrated.fit_in_two(scores, labels, ones)
    assert np.array_equal(once.offsets, twice.offsets)
