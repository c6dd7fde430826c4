"""Intervals and tests with near duplicates: scipy, hand-worked values, a bootstrap and simulations."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from peakid.evaluate.comparing import grouped
from peakid.evaluate.intervals import paired_difference


def arrays(n_both: int, n_only_a: int, n_only_b: int, n_none: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images each run predicts right."""
    of_a = [True] * (n_both + n_only_a) + [False] * (n_only_b + n_none)
    of_b = [True] * n_both + [False] * n_only_a + [True] * n_only_b + [False] * n_none
    return np.array(of_a), np.array(of_b)


def test_without_near_duplicates_everything_is_as_for_independent_images() -> None:
    of_a, of_b = arrays(70, 3, 14, 13)
    groups = np.arange(100)
    assert not grouped.has_groups(groups)
    assert grouped.exchange_p(of_a, of_b, groups) == pytest.approx(binomtest(3, 17, 0.5).pvalue)
    assert grouped.difference_interval(of_a, of_b, groups) == pytest.approx(paired_difference(100, 3, 14))


def test_the_p_value_of_groups_counts_every_exchange() -> None:
    # Changes by group: +2, +1, -1. Of the 8 ways to set their signs, the sum 2 or more in size has 6 of them:
    # +2+1+1, +2+1-1, +2-1+1 and their opposites; +2-1-1 and its opposite are 0.
    of_a = np.array([False, False, False, True, True])
    of_b = np.array([True, True, True, False, True])
    groups = np.array([0, 0, 1, 2, 3])
    assert grouped.exchange_p(of_a, of_b, groups) == pytest.approx(6 / 8)


def test_the_p_value_of_groups_is_that_of_all_exchanges_written_out() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(9), [1, 2, 3, 1, 2, 4, 1, 2, 3])
    of_a, of_b = rng.random(19) < 0.4, rng.random(19) < 0.7
    sums = np.bincount(groups, weights=of_b.astype(float) - of_a)
    every = [abs(np.dot(signs, sums)) for signs in itertools.product([-1, 1], repeat=9)]
    expected = np.mean(np.array(every) >= abs(sums.sum()) - 1e-9)
    assert grouped.exchange_p(of_a, of_b, groups) == pytest.approx(expected)


def test_ten_copies_of_one_change_are_no_evidence() -> None:
    of_a, of_b = arrays(20, 0, 10, 0)
    groups = np.array([*range(20), *[20] * 10])
    assert grouped.exchange_p(of_a, of_b, groups) == 1.0  # One group, of which both signs are as likely.
    low, high = grouped.difference_interval(of_a, of_b, groups)
    assert low < 0 < high
    assert paired_difference(30, 0, 10)[0] > 0.1  # Ten independent images would be evidence.


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.95])
def test_intervals_of_groups_cover_the_true_difference_in_95_percent(alike: float) -> None:
    """150 groups of 1 to 6; `alike` images of a group share their outcome. The truth is +5 points."""
    rng = np.random.default_rng(7)
    n_rounds, n_held, n_plain = 1500, 0, 0
    for _ in range(n_rounds):
        groups = np.repeat(np.arange(150), rng.choice([1, 2, 3, 6], size=150))
        own, shared = (rng.choice(3, size=n, p=[0.05, 0.10, 0.85]) for n in (len(groups), 150))
        outcome = np.where(rng.random(len(groups)) < alike, shared[groups], own)
        of_a, of_b = outcome != 1, outcome != 0  # 0: only a is right, 1: only b, 2: both.
        low, high = grouped.difference_interval(of_a, of_b, groups)
        n_held += low <= 0.05 <= high
        plain = paired_difference(len(groups), int((outcome == 0).sum()), int((outcome == 1).sum()))
        n_plain += plain[0] <= 0.05 <= plain[1]
    assert 0.93 <= n_held / n_rounds <= 0.97
    if alike == 0.95:
        assert n_plain / n_rounds < 0.8  # Counting duplicates as independent images claims too much.


def test_intervals_cover_the_difference_where_few_groups_have_most_of_the_images() -> None:
    """100 groups, one in ten of ten images, 95 % of a group alike. The truth is +7 points."""
    rng = np.random.default_rng(12)
    n_rounds, n_held = 1000, 0
    for _ in range(n_rounds):
        groups = np.repeat(np.arange(100), rng.choice([1] * 9 + [10], size=100))
        own, shared = (rng.choice(3, size=n, p=[0.03, 0.10, 0.87]) for n in (len(groups), 100))
        outcome = np.where(rng.random(len(groups)) < 0.95, shared[groups], own)
        low, high = grouped.difference_interval(outcome != 1, outcome != 0, groups)
        n_held += low <= 0.07 <= high
    # With the variance between groups alone, 86 to 87 of 100 held: no large group may happen to have changed.
    assert 0.925 <= n_held / n_rounds <= 0.97
