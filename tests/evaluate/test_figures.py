"""The numbers of an evaluation, against worked values and against scikit-learn and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from peakid.errors import BadInput
from peakid.evaluate import baselines, intervals
from peakid.evaluate.errors import confusion, per_class
from peakid.evaluate.trust import calibration

NAMES = ["dom", "eiger", "lyskamm"]
GIVEN = ["dom", "dom", "dom", "eiger", "eiger", "dom"]
PREDICTED = ["dom", "eiger", "dom", "eiger", "dom", "eiger"]


def test_the_interval_of_ten_of_ten_is_not_empty():
    # Wilson at k = n: lo = 1 / (1 + z^2 / n) = 1 / (1 + 3.8415 / 10) = .7225
    lo, hi = intervals.wilson(10, 10)
    assert lo == pytest.approx(0.7225, abs=1e-4)
    assert hi == 1.0
    assert intervals.wilson(0, 10) == pytest.approx((0.0, 1 - 0.7225), abs=1e-4)


def test_the_interval_without_images_is_zero_to_one():
    assert intervals.wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 400), st.data())
@settings(max_examples=80, deadline=None)
def test_the_interval_matches_scipy(n, data):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert intervals.wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_interval_of_a_paired_difference_is_worked_by_hand():
    # n = 98, 3 and 13 decided apart: with the half images 100, 3.5, 13.5; difference .1;
    # variance (17 - 10^2 / 100) / 100^2 = .0016, its root .04; .1 -+ 1.96 x .04
    assert intervals.paired_difference(98, 3, 13) == pytest.approx((0.0216, 0.1784), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_a_paired_difference_has_the_right_coverage(seed):
    # 15 % only a, 20 % only b: the true difference is .05. On 80 images, 95 % of 2,000 draws should cover it.
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(80, [0.15, 0.20, 0.65], size=2000)
    covered = [lo <= 0.05 <= hi for lo, hi in (intervals.paired_difference(80, a, b) for a, b, _ in draws)]
    assert 0.935 <= np.mean(covered) <= 0.975


def test_rows_are_given_and_columns_predicted():
    # dom: 2 right, 2 predicted as eiger; eiger: 1 predicted as dom, 1 right; no lyskamm.
    assert confusion.counts(GIVEN, PREDICTED, NAMES).tolist() == [[2, 2, 0], [1, 1, 0], [0, 0, 0]]


labels = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=40)


@given(labels)
@settings(max_examples=60, deadline=None)
def test_confusion_counts_match_scikit_learn(pairs):
    given_labels, predicted = zip(*pairs, strict=True)
    expected = confusion_matrix(given_labels, predicted, labels=NAMES)
    assert confusion.counts(given_labels, predicted, NAMES).tolist() == expected.tolist()


@given(labels)
@settings(max_examples=60, deadline=None)
def test_class_scores_match_scikit_learn(pairs):
    given_labels, predicted = zip(*pairs, strict=True)
    scores = per_class.scores(confusion.counts(given_labels, predicted, NAMES), NAMES)
    expected = precision_recall_fscore_support(given_labels, predicted, labels=NAMES, zero_division=0)
    for i, score in enumerate(scores):
        assert (score.precision, score.recall, score.f1, score.support) == pytest.approx(
            tuple(column[i] for column in expected)
        )


def test_a_class_without_images_has_the_interval_zero_to_one():
    score = per_class.scores(confusion.counts(GIVEN, PREDICTED, NAMES), NAMES)[2]
    assert (score.support, score.recall, score.recall_interval) == (0, 0.0, (0.0, 1.0))


def test_a_label_that_is_not_a_class_is_an_error():
    with pytest.raises(BadInput, match="'moench'"):
        confusion.counts(["moench"], ["dom"], NAMES)


def test_the_most_frequent_error_is_outside_the_diagonal():
    assert confusion.worst(np.array([[9, 1], [2, 9]])) == (1, 0)
    assert confusion.worst(np.array([[9, 0], [0, 9]])) is None


def test_the_most_frequent_errors_come_first_and_of_equal_ones_the_larger_share():
    matrix = np.array([[90, 2, 3], [2, 4, 0], [0, 1, 9]])
    # 3 of 95; then 2 of 6 before 2 of 95; then 1 of 10.
    assert confusion.most_frequent(matrix, 9) == [(0, 2), (1, 0), (0, 1), (2, 1)]
    assert confusion.most_frequent(matrix, 2) == [(0, 2), (1, 0)]
    assert confusion.most_frequent(np.diag([3, 4]), 5) == []


def test_calibration_error_is_worked_by_hand():
    # Two bins: (0, .5] with .4 and .4, one right: |.8 - 1| = .2; (.5, 1] with .9, .9, 1.0, two right: |2.8 -
    # 2| = .8. (.2 + .8) / 5 = .2
    confidence, is_right = np.array([0.4, 0.4, 0.9, 0.9, 1.0]), np.array([True, False, True, True, False])
    assert calibration.ece(confidence, is_right, n_bins=2) == pytest.approx(0.2)


def test_certain_and_always_wrong_is_the_worst_calibration():
    assert calibration.ece(np.ones(7), np.zeros(7)) == 1.0
    assert calibration.ece(np.ones(7), np.ones(7)) == 0.0


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_calibration_error_follows_its_definition(pairs):
    confidence, is_right = (np.array(each) for each in zip(*pairs, strict=True))
    total = 0.0
    for i in range(15):
        inside = [(c, r) for c, r in pairs if max(0, math.ceil(c * 15) - 1) == i]
        if inside:
            total += (
                len(inside)
                / len(pairs)
                * abs(np.mean([r for _, r in inside]) - np.mean([c for c, _ in inside]))
            )
    assert calibration.ece(confidence, is_right) == pytest.approx(total)


def test_baselines_are_worked_by_hand():
    assert baselines.chance(4) == 0.25
    assert baselines.majority(np.array([4, 2, 0]), NAMES) == ("dom", 4 / 6)
    assert baselines.majority(np.array([0, 1, 1]), ["a", "eiger", "dom"]) == ("dom", 0.5)
