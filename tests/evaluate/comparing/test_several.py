"""More than two runs: Cochran's Q by hand and with scipy, Holm by hand."""

import numpy as np
import pytest
from scipy.stats import chi2

from peakid.evaluate.comparing import several


def test_cochrans_q_is_the_textbook_one() -> None:
    # Rows are runs, columns images. Column sums of the textbook: C = 6, 4, 2 (runs), R = 3, 2, 2, 2, 2, 1.
    is_right = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 0], [1, 0, 0, 1, 0, 0]], dtype=bool)
    found = several.cochran_q(is_right, np.arange(6))
    # Q = (k - 1) (k sum C^2 - T^2) / (k T - sum R^2) = 2 (3 x 56 - 144) / (36 - 26) = 4.8
    assert (found.q, found.degrees) == (pytest.approx(4.8), 2)
    assert found.p == pytest.approx(chi2.sf(4.8, 2))


def test_two_runs_have_the_q_of_mcnemar() -> None:
    is_right = np.array([[1] * 10 + [0] * 10, [0] * 2 + [1] * 18], dtype=bool)
    assert several.cochran_q(is_right, np.arange(20)).q == pytest.approx((10 - 2) ** 2 / (10 + 2))


def test_copies_of_an_image_add_no_evidence() -> None:
    is_right = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1]], dtype=bool)
    once = several.cochran_q(is_right, np.arange(4))
    copied = several.cochran_q(np.tile(is_right, 5), np.tile(np.arange(4), 5))
    assert copied.q == pytest.approx(once.q)


def test_equal_runs_have_no_q() -> None:
    assert several.cochran_q(np.ones((3, 5), dtype=bool), np.arange(5)).p == 1.0


def test_q_is_significant_in_five_percent_of_equal_runs() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(80), rng.integers(1, 4, size=80))
    p_values = [several.cochran_q((rng.random((4, 80)) < 0.8)[:, groups], groups).p for _ in range(1000)]
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.07


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    # Sorted .01, .02, .03, .04 times 4, 3, 2, 1 = .04, .06, .06, .04; none below the one before it.
    assert several.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert several.holm([0.5, 0.9]) == [1.0, 1.0]
    assert several.holm([0.03]) == [0.03]
