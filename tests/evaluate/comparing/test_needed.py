"""How many more images would settle a comparison: by hand, and by simulating that many."""

import numpy as np
import pytest

from peakid.evaluate.comparing import needed
from peakid.evaluate.intervals import mcnemar, paired_difference


def test_the_number_is_that_of_the_formula() -> None:
    # Connor 1987: (1.96 sqrt(.10) + .8416 sqrt(.10 - .0009))^2 / .0009 = 869.7
    assert needed.images(0.10, 0.03) == pytest.approx(870, abs=1)
    assert needed.images(0.10, 0.03, effect=2.0) == pytest.approx(2 * 869.7, abs=1)


def test_no_number_settles_no_difference() -> None:
    assert needed.images(0.1, 0.0) is None
    assert needed.images(0.1, 1e-5) is None  # Above a million.
    found = needed.more(100, 5, 5, (-0.06, 0.06))
    assert found.n_more is None
    assert found.n_more_at_best is not None  # If the difference were as large as 6 points.
    assert found.n_more_at_best > 0


@pytest.mark.parametrize(("only_a", "only_b"), [(0.03, 0.06), (0.10, 0.16), (0.01, 0.05)])
def test_with_so_many_images_the_interval_leaves_out_0_in_80_percent(only_a: float, only_b: float) -> None:
    n_images = needed.images(only_a + only_b, only_b - only_a)
    assert n_images is not None
    rng = np.random.default_rng(3)
    drawn = rng.multinomial(n_images, [only_a, only_b, 1 - only_a - only_b], size=1500)
    bounds = [paired_difference(n_images, int(a), int(b)) for a, b, _ in drawn]
    assert 0.77 <= np.mean([low > 0 or high < 0 for low, high in bounds]) <= 0.85
    assert 0.72 <= np.mean([mcnemar(int(a), int(b)) < 0.05 for a, b, _ in drawn[:400]]) <= 0.85


def test_numbers_are_rounded_upwards_to_two_digits() -> None:
    assert [needed.rounded(n) for n in (7, 83, 401, 3_999, 12_345)] == [7, 83, 410, 4_000, 13_000]
