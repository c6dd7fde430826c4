"""Scores against scikit-learn and values worked by hand, and the coverage of their intervals."""

import numpy as np
import pytest
from sklearn import metrics

from peakid.evaluate import intervals, scored_images
from peakid.evaluate.trust import grouped, scores
from tests import scored


def by_name(images):
    return {each.name: each for each in scores.all_scores(images)}


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_scikit_learn(seed):
    images = scored.drawn(120, n_classes=7, seed=seed)
    given, predicted = images.given, images.predicted
    probabilities = images.pred_probs.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = {name: each.value for name, each in by_name(images).items()}
    every = list(range(7))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(given, predicted))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(given, predicted))
    assert found["macro_f1"] == pytest.approx(
        metrics.f1_score(given, predicted, average="macro", labels=np.unique(given))
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(given, probabilities, labels=every), abs=1e-6)
    one_hot = np.eye(7)[given]
    assert found["brier"] == pytest.approx(np.mean(np.square(probabilities - one_hot).sum(axis=1)), abs=1e-6)
    for n_top in (3, 5):
        expected = metrics.top_k_accuracy_score(given, probabilities, k=n_top, labels=every)
        assert found[f"top{n_top}_accuracy"] == pytest.approx(expected)


def test_brier_of_two_classes_is_twice_that_of_scikit_learn():
    images = scored.drawn(60, n_classes=2)
    expected = metrics.brier_score_loss(images.given, images.pred_probs[:, 1].astype(np.float64))
    assert by_name(images)["brier"].value == pytest.approx(2 * expected, abs=1e-6)


def test_a_class_without_images_is_left_out_of_the_means():
    # Recalls 1 and 1/2; F1 of class 0 is 2*2/(2+3) = .8, of class 1 2*1/(2+1) = 2/3.
    images = scored.images([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0], [0.1, 0.9, 0]], given=[0, 0, 1, 1])
    found = by_name(images)
    assert found["balanced_accuracy"].value == pytest.approx(0.75)
    assert found["macro_f1"].value == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["accuracy"].value == 0.75


def test_a_class_that_the_image_also_shows_counts_as_right_in_every_score():
    images = scored.images([[0.9, 0.1], [0.2, 0.8]], given=[1, 1], also_shows=[True, False])
    found = by_name(images)
    assert (found["accuracy"].value, found["macro_f1"].value) == (1.0, 1.0)
    assert found["log_loss"].value == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2)


def test_of_equal_probabilities_the_first_classes_are_the_top():
    assert scores.in_top(np.full((3, 4), 0.25), np.array([0, 2, 3]), 3).tolist() == [True, True, False]


def test_the_interval_of_the_accuracy_of_single_images_is_wilsons():
    images = scored.drawn(50)
    n_right = int(images.is_right.sum())
    assert grouped.accuracy_interval(images) == pytest.approx(intervals.wilson(n_right, 50))
    assert by_name(images)["accuracy"].method == "wilson"


def test_copies_of_every_image_do_not_make_an_interval_shorter():
    images = scored.drawn(40, seed=3)
    four = scored_images.subset(images, np.repeat(np.arange(40), 4))
    single, copied = by_name(images), by_name(four)
    assert copied["accuracy"].value == single["accuracy"].value
    assert copied["accuracy"].method == "wilson_groups"
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier", "overconfidence"):
        widths = [each[name].interval[1] - each[name].interval[0] for each in (single, copied)]
        assert widths[1] >= 0.98 * widths[0], name
    as_if_independent = intervals.wilson(int(four.is_right.sum()), 160)
    assert copied["accuracy"].interval[0] < as_if_independent[0]


def test_copies_that_are_all_right_count_once():
    images = scored.images([[0.9, 0.1]] * 40, given=[0] * 40, groups=np.repeat(np.arange(10), 4))
    low, high = grouped.accuracy_interval(images)
    assert (low, high) == (pytest.approx(intervals.wilson(10, 10)[0]), 1.0)


def test_one_image_has_scores_but_no_interval_that_misleads():
    found = by_name(scored.images([[0.9, 0.1]], given=[0]))
    assert found["accuracy"].interval == pytest.approx(intervals.wilson(1, 1))
    assert found["macro_f1"].interval == pytest.approx(intervals.wilson(1, 1))
    assert (found["log_loss"].interval, found["log_loss"].method) == (None, "none")


def test_a_probability_of_zero_for_the_label_is_a_large_finite_loss():
    found = by_name(scored.images([[1.0, 0.0]], given=[1]))
    assert found["log_loss"].value == pytest.approx(-np.log(1e-15))


@pytest.mark.parametrize("group_size", [1, 3])
def test_95_percent_intervals_hold_the_truth_about_95_times_in_100(group_size):
    population = scored.drawn(30_000, n_classes=3, group_size=group_size, seed=99)
    truth = {each.name: each.value for each in scores.all_scores(population)}
    held = dict.fromkeys(truth, 0)
    n = 120
    for seed in range(n):
        for each in scores.all_scores(scored.drawn(150, n_classes=3, group_size=group_size, seed=seed)):
            held[each.name] += each.interval[0] <= truth[each.name] <= each.interval[1]
    # Of 120 intervals that hold 95 %, fewer than 106 hold once in a thousand.
    assert {name: k for name, k in held.items() if k < 106} == {}
    independent = sum(
        low <= truth["accuracy"] <= high
        for low, high in (
            intervals.wilson(int(each.is_right.sum()), 150)
            for each in (
                scored.drawn(150, n_classes=3, group_size=group_size, seed=seed) for seed in range(n)
            )
        )
    )
    assert (independent >= 106) == (group_size == 1)
