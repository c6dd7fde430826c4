"""What decisions bought: one seed as between two runs, several seeds by simulation."""

import numpy as np
import pytest

from peakid.evaluate.comparing import bought
from peakid.evaluate.intervals import paired_difference


def test_one_seed_has_the_interval_of_two_runs() -> None:
    without = np.array([[True] * 70 + [False] * 30])
    with_them = np.array([[False] * 3 + [True] * 83 + [False] * 14])
    found = bought.of(without, with_them, np.arange(100))
    assert (found.accuracy_without, found.accuracy_with) == (0.7, 0.83)
    assert found.difference == pytest.approx(0.13)
    assert found.interval == pytest.approx(paired_difference(100, 3, 16))
    assert found.is_real


def test_seeds_that_agree_add_no_width_and_seeds_that_differ_do() -> None:
    without = np.tile([True] * 80 + [False] * 20, (3, 1))
    same = np.tile([True] * 90 + [False] * 10, (3, 1))
    agreeing = bought.of(without, same, np.arange(100))
    assert agreeing.interval == pytest.approx(paired_difference(100, 0, 10))
    differing = same.copy()
    differing[0, 85:90], differing[1, 90:95] = False, True  # +5, +15 and +10 points.
    found = bought.of(without, differing, np.arange(100))
    assert found.by_seed == pytest.approx((0.05, 0.15, 0.10))
    assert found.difference == pytest.approx(0.10)
    assert np.diff(found.interval)[0] > np.diff(agreeing.interval)[0]


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_the_interval_of_three_seeds_covers_the_true_difference_in_95_percent(spread: float) -> None:
    """Each image has its own change, each seed its own shift of `spread`; the truth is 4 points."""
    rng = np.random.default_rng(5)
    n_held, n_rounds, n_images = 0, 1500, 300
    for _ in range(n_rounds):
        outcome = rng.choice(3, size=n_images, p=[0.06, 0.10, 0.84])  # Only without, only with, both.
        without, with_them = np.tile(outcome != 1, (3, 1)), np.tile(outcome != 0, (3, 1))
        for row, shift in enumerate(rng.normal(0, spread, size=3)):
            changed = rng.random(n_images) < abs(shift)
            with_them[row] = np.where(changed & (outcome == 2), shift > 0, with_them[row])
            without[row] = np.where(changed & (outcome == 2), shift < 0, without[row])
        low, high = bought.of(without, with_them, np.arange(n_images)).interval
        n_held += low <= 0.04 <= high
    assert 0.93 <= n_held / n_rounds <= 0.975
