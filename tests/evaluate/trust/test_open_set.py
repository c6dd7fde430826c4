"""Unrelated photos: AUROC against scikit-learn, false accepts, and the alarm about new photos."""

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from peakid.evaluate import intervals
from peakid.evaluate.trust import exchangeability, open_set
from tests import scored


def test_auroc_is_that_of_scikit_learn_also_with_ties():
    rng = np.random.default_rng(0)
    high, low = rng.integers(2, 8, 40) / 10, rng.integers(0, 7, 30) / 10
    expected = roc_auc_score([1] * 40 + [0] * 30, np.concatenate([high, low]))
    value, (below, above) = open_set.auroc(high, np.arange(40), low, np.arange(30))
    assert value == pytest.approx(expected)
    assert below < value < above


def test_the_interval_of_auroc_has_the_variance_of_delong():
    # Hand-worked: high 3, 1; low 2, 0. V10 = (1, .5), V01 = (.5, 1): AUROC .75, variance .0625 / 2 twice
    # with the denominator n: (.25 ** 2 + .25 ** 2) / 4 of each side = .03125, .0625 together.
    value, _ = open_set.auroc(np.array([3, 1]), np.arange(2), np.array([2, 0]), np.arange(2))
    assert value == 0.75


def test_complete_separation_has_an_interval_with_a_width():
    value, (low, high) = open_set.auroc(np.full(20, 0.9), np.arange(20), np.full(50, 0.3), np.arange(50))
    assert (value, high) == (1.0, 1.0)
    assert low == pytest.approx(intervals.wilson(20, 20)[0])


def test_intervals_of_auroc_hold_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(5)
    truth = 0.8413  # P(N(1.414, 1) > N(0, 1)) = Phi(1.414 / sqrt(2)) = Phi(1).
    held = 0
    for _ in range(300):
        high = np.repeat(rng.normal(1.41421, 1, 40), 2)
        _, (below, above) = open_set.auroc(high, np.arange(80) // 2, rng.normal(0, 1, 50), np.arange(50))
        held += below <= truth <= above
    assert 272 <= held <= 298


def test_strangers_above_the_threshold_are_false_accepts():
    found = open_set.compare(
        np.array([0.9, 0.95, 0.6]),
        np.arange(3),
        np.array([0.85, 0.3, 0.2, 0.8]),
        np.arange(4),
        threshold=0.8,
    )
    assert (found.n_accepted, found.false_accepts, found.answered) == (2, 0.5, pytest.approx(2 / 3))
    assert found.false_accepts_interval == pytest.approx(intervals.wilson(2, 4))


def test_a_prediction_of_other_is_no_answer():
    probabilities = np.array([[0.1, 0.9], [0.7, 0.3]])
    assert open_set.known_confidence(probabilities, ["dom", "Other"]).tolist() == [0.0, 0.7]
    assert open_set.known_confidence(probabilities, ["dom", "eiger"]).tolist() == [0.9, 0.7]
    found = open_set.compare(
        np.array([0.7]), np.zeros(1), np.array([0.0, 0.4]), np.arange(2), threshold=0.0, has_other=True
    )
    assert found.n_accepted == 1


def compared(reference, new, seed=0):
    return exchangeability.compare(
        np.sqrt(reference.pred_probs),
        np.sqrt(new.pred_probs),
        reference.confidence,
        new.confidence,
        space="probabilities",
        seed=seed,
    )


def test_photos_of_the_same_kind_raise_the_alarm_at_most_1_time_in_20():
    alarms = [
        compared(scored.drawn(40, seed=seed), scored.drawn(30, seed=seed + 1000), seed).is_alarm
        for seed in range(60)
    ]
    assert sum(alarms) <= 9  # Binomial(60, .05) is above once in a thousand.


def test_other_photos_raise_the_alarm():
    reference = scored.drawn(60, signal=3.0)
    found = compared(reference, scored.drawn(60, signal=0.5, seed=1))
    assert found.is_alarm
    assert found.p == min(1.0, 2 * min(found.p_looks, found.p_confidence))
    assert found.confidence_new < found.confidence_reference


def test_the_permutation_test_agrees_with_kolmogorov_and_smirnov():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 0.5):
        a, b = rng.normal(0, 1, 60), rng.normal(shift, 1, 50)
        expected = ks_2samp(a, b, method="exact").pvalue
        assert exchangeability.ks_p(a, b, rng) == pytest.approx(expected, abs=0.05)


def test_seven_photos_are_too_few_to_tell():
    found = compared(scored.drawn(50), scored.drawn(7))
    assert (found.is_alarm, found.p, found.n_new) == (None, None, 7)
