"""The difference between a slice and the other images of the same classes."""

import numpy as np
import pytest

from peakid.evaluate.slices import within_class
from peakid.evaluate.slices.within_class import Counts


def counts(n_images, n_right) -> Counts:
    return Counts(np.array(n_images), np.array(n_right))


def test_the_difference_is_weighted_as_by_mantel_and_haenszel():
    # Class 0: .5 of 10 against .8 of 20; weight 10 * 20 / 30. Class 1: .9 of 20 against 1 of 20; weight 10.
    found = within_class.difference(counts([10, 20], [5, 18]), counts([20, 20], [16, 20]))
    assert found is not None
    assert found.value == pytest.approx((-0.3 * 200 / 30 - 0.1 * 10) / (200 / 30 + 10))
    assert (found.n_inside, found.n_outside) == (30, 40)
    assert found.interval[0] < found.value < found.interval[1]


def test_without_strata_the_interval_is_that_of_two_shares():
    # Many images: 1.96 sqrt(.8 * .2 / 4000 + .9 * .1 / 4000), of a share of 3,200 and 3,600 of 4,000.
    found = within_class.difference(counts([4000], [3200]), counts([4000], [3600]))
    assert found is not None
    half = 1.959964 * np.sqrt((0.16 + 0.09) / 4000)
    assert found.interval == pytest.approx((-0.1 - half, -0.1 + half), abs=2e-4)


def test_classes_that_are_only_inside_or_only_outside_do_not_count():
    both = within_class.difference(counts([10], [5]), counts([10], [10]))
    more = within_class.difference(counts([10, 7, 0], [5, 0, 0]), counts([10, 0, 9], [10, 0, 9]))
    assert both == more
    assert within_class.difference(counts([10, 0], [5, 0]), counts([0, 10], [0, 5])) is None


def test_no_errors_on_either_side_leave_room_for_a_difference():
    # Wilson's bound of 0 of 12: 1.96^2 / (12 + 1.96^2).
    for n_outside in (12, 300):
        found = within_class.difference(counts([12], [12]), counts([n_outside], [n_outside]))
        assert found is not None
        assert found.value == 0
        assert found.interval == pytest.approx((-0.2425, 0.2425), abs=1e-4)


def test_a_slice_of_hard_classes_is_expected_to_have_errors():
    everything = counts([100, 100], [95, 50])
    inside = counts([10, 90], [9, 46])
    assert within_class.expected_accuracy(inside, everything) == pytest.approx((10 * 0.95 + 90 * 0.5) / 100)
    assert within_class.balanced_accuracy(inside) == pytest.approx((0.9 + 46 / 90) / 2)
    nothing = counts([0, 0], [0, 0])
    assert within_class.expected_accuracy(nothing, everything) is None
    assert within_class.balanced_accuracy(nothing) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_inside", "accuracy", "effect"),
    [([40], [0.8], -0.15), ([8, 8, 8], [0.95, 0.9, 0.85], -0.1), ([4] * 15, np.linspace(0.6, 0.95, 15), 0.0)],
)
def test_the_intervals_hold_the_difference_in_93_to_97_percent_of_cases(n_inside, accuracy, effect):
    random, n_times = np.random.default_rng(0), 3_000
    inside, outside = np.array(n_inside), 5 * np.array(n_inside)
    n_held = 0
    for _ in range(n_times):
        right = random.binomial(inside, np.array(accuracy) + effect), random.binomial(outside, accuracy)
        found = within_class.difference(Counts(inside, right[0]), Counts(outside, right[1]))
        assert found is not None
        n_held += found.interval[0] <= effect <= found.interval[1]
    assert 0.93 <= n_held / n_times <= 0.97
