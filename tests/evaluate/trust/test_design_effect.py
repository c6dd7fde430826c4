"""The design effect against values worked by hand, a bootstrap and scipy, and intervals that it makes."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from peakid.evaluate.intervals import wilson
from peakid.evaluate.trust.grouped import design_effect, share_interval


@pytest.mark.parametrize(
    ("values", "groups", "expected"),
    [
        ([0, 0, 0, 0], [0, 0, 1, 1], 2.0),  # All the same: the sizes decide, (4 + 4) / 4.
        ([1, 1, 1, 1, 1], [0, 0, 0, 1, 2], 11 / 5),  # (9 + 1 + 1) / 5.
        ([1, 0], [0, 0], 2.0),  # One group is one draw.
        ([1, 0, 1], [0, 1, 2], 1.0),
        ([1], [0], 1.0),
        ([], [], 1.0),
    ],
)
def test_the_design_effect_has_a_value_where_nothing_varies(values, groups, expected) -> None:
    found = design_effect(np.array(values, dtype=float), np.array(groups, dtype=int))
    assert found == pytest.approx(expected)


def test_the_design_effect_of_two_pairs_worked_by_hand() -> None:
    # Values 1 1 | 1 0, mean 3/4. Squared deviations 1/8 | 5/8, in all 3/4: the variance is 3/16.
    # Squared sums 1/4 | 1/4, each divided by 1 - 2/4 (its leverage): 1. Beyond single images: 1 - 3/4 = 1/4.
    # Correlation of the 4 ordered pairs: 1/4 / (4 * 3/16) = 1/3.
    # Evidence: 4 pairs * (1/8 + 5/8) / (2 * 2 + 2 * 2) = 3/8; with one agreeing group of variance .05:
    # (3/8 * 1/3 + .05) / (3/8 + .05) = .175 / .425. The design effect is 1 + .175 / .425 * 4/4.
    assert design_effect(np.array([1, 1, 1, 0]), np.array([7, 7, 9, 9])) == pytest.approx(1 + 0.175 / 0.425)


def test_the_design_effect_is_that_of_a_bootstrap_over_groups() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 5, size=300)
    groups = np.repeat(np.arange(300), sizes)
    values = (rng.random(300) < 0.3)[groups].astype(float)
    sums = np.bincount(groups, weights=values)
    drawn = rng.integers(300, size=(4000, 300))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    effect = means.var() / (values.var() / len(values))
    assert design_effect(values, groups) == pytest.approx(effect, rel=0.08)


@pytest.mark.parametrize("alike", [0.0, 0.4, 1.0])
def test_the_design_effect_of_many_pairs_is_one_more_than_their_correlation(alike: float) -> None:
    rng = np.random.default_rng(5)
    pairs = rng.random((3000, 2)) < 0.2
    pairs[:, 1] = np.where(rng.random(3000) < alike, pairs[:, 0], pairs[:, 1])
    both_ways = np.concatenate([pairs, pairs[:, ::-1]]).astype(float)
    correlation = pearsonr(both_ways[:, 0], both_ways[:, 1]).statistic
    found = design_effect(pairs.ravel(), np.repeat(np.arange(3000), 2))
    assert found == pytest.approx(1 + max(0.0, correlation), abs=0.002)


def test_large_groups_without_a_change_do_not_show_that_their_images_are_independent() -> None:
    """90 single images, of which 12 changed, and 10 groups of 10 without: ten draws, not a hundred."""
    values = np.concatenate([np.ones(12), np.zeros(78 + 100)])
    groups = np.concatenate([np.arange(90), np.repeat(np.arange(90, 100), 10)])
    agreeing = (90 + 10 * 100) / 190  # Where all images of a group agree.
    assert design_effect(values, groups) == pytest.approx(agreeing)
    # Were they independent, about 13 of the 100 had changed, in nearly all groups.
    values[[90 + 10 * n for n in range(10)]] = 1
    assert design_effect(values, groups) < 0.4 * agreeing


def test_differences_have_the_design_effect_of_their_negatives_and_shares_that_of_their_complement() -> None:
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(40), rng.integers(1, 6, size=40))
    change = rng.choice([-1.0, 0.0, 1.0], size=len(groups), p=[0.1, 0.7, 0.2])
    assert design_effect(-change, groups) == pytest.approx(design_effect(change, groups))
    hits = change == 0
    low, high = share_interval(hits, groups)
    assert share_interval(~hits, groups) == pytest.approx((1 - high, 1 - low))
    effect = design_effect(hits, groups)
    assert (low, high) == pytest.approx(wilson(hits.sum() / effect, len(hits) / effect))


@pytest.mark.parametrize(
    ("sizes", "n_groups", "alike", "share"),
    [([1, 2, 3, 4, 6], 15, 0.5, 0.85), ([1] * 9 + [10], 30, 0.5, 0.8), ([1, 1, 2, 3], 40, 0.95, 0.95)],
)
def test_95_percent_intervals_of_shares_hold_93_to_97_times_in_100(sizes, n_groups, alike, share) -> None:
    """With the variance between groups alone and Student's quantile, 97.4 to 99.3 of 100 held."""
    rng = np.random.default_rng(6)
    n_rounds, n_held = 1500, 0
    for _ in range(n_rounds):
        groups = np.repeat(np.arange(n_groups), rng.choice(sizes, size=n_groups))
        own, shared = rng.random(len(groups)) < share, rng.random(n_groups) < share
        low, high = share_interval(np.where(rng.random(len(groups)) < alike, shared[groups], own), groups)
        n_held += low <= share <= high
    assert 0.93 <= n_held / n_rounds <= 0.97
