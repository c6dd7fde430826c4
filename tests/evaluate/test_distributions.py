"""The distributions are those of scipy.stats, which they do not import."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy
import scipy.signal
from scipy.stats import betabinom, binom, binomtest, norm
from scipy.stats import t as student

from peakid.evaluate import distributions
from peakid.evaluate.comparing import grouped
from peakid.evaluate.intervals import mcnemar

# What the page Evaluate computes by itself. The rest is computed in jobs.
OF_PAGES = (
    "import sys, numpy as np; from peakid.evaluate.comparing import bought, grouped, several;"
    "from peakid.evaluate.errors import mergeable, per_class; from peakid.evaluate import intervals;"
    "from peakid.evaluate.trust.grouped import Groups;"
    "from peakid.evaluate.heat import heat_shares;"
    "matrix = np.array([[20, 5, 1], [5, 20, 0], [0, 1, 25]]);"
    "per_class.often_predicted(matrix, ['a', 'b', 'c']); mergeable.confused_pairs(matrix);"
    "intervals.mcnemar(3, 9); Groups.of(np.array([0, 0, 1, 2])).z;"
    "right = np.random.default_rng(0).random((3, 40)) < 0.7; groups = np.arange(40) // 2;"
    "grouped.exchange_p(right[0], right[1], groups); several.cochran_q(right, groups);"
    "sys.exit('scipy.stats' in sys.modules)"
)


def test_nothing_that_a_page_computes_imports_scipy_stats() -> None:
    assert subprocess.run([sys.executable, "-c", OF_PAGES], check=False).returncode == 0


@pytest.mark.parametrize("n", [0, 1, 7, 400])
def test_counts_of_draws_are_those_of_scipy(n: int) -> None:
    counts = np.arange(n + 1)
    expected = binom.pmf(counts, n, 1 / 49)
    assert distributions.binomial(n, 1 / 49) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    expected = betabinom.pmf(counts, n, 3.0, 140.5)
    assert distributions.beta_binomial(n, 3.0, 140.5) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 5), (3, 5), (5, 5), (300, 500), (900, 1000)])
def test_throws_of_a_coin_are_those_of_scipy(k: int, n: int) -> None:
    assert distributions.at_least(k, n) == pytest.approx(binom.sf(k - 1, n, 0.5), rel=1e-9)
    expected = binomtest(k, n, 0.5).pvalue if n else 1.0
    assert mcnemar(k, n - k) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(n - k, k) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("freedom", [1.0, 2.5, 30.0, 1e6, math.inf])
def test_students_t_is_that_of_scipy(freedom: float) -> None:
    assert distributions.t_quantile(0.975, freedom) == pytest.approx(student.ppf(0.975, freedom), rel=1e-9)
    if math.isfinite(freedom):
        assert distributions.t_above(2.1, freedom) == pytest.approx(student.sf(2.1, freedom), rel=1e-9)
    else:
        assert distributions.t_quantile(0.975, freedom) == pytest.approx(norm.ppf(0.975), rel=1e-9)


def test_what_has_no_answer_has_none_and_what_cannot_be_is_never() -> None:
    assert math.isnan(distributions.t_quantile(0.975, math.nan))
    assert math.isnan(distributions.t_above(math.nan, 3.0))
    assert distributions.t_above(2.1, math.inf) == pytest.approx(norm.sf(2.1), rel=1e-9)
    assert distributions.at_least(5, 3) == 0.0
    assert distributions.at_least(1, 0) == 0.0


@pytest.mark.parametrize("freedom", [0.05, 0.3, 0.9])
def test_students_t_with_less_than_one_degree_of_freedom_is_that_of_scipy(freedom: float) -> None:
    assert distributions.t_quantile(0.975, freedom) == pytest.approx(student.ppf(0.975, freedom), rel=1e-9)
    assert distributions.t_above(2.1, freedom) == pytest.approx(student.sf(2.1, freedom), rel=1e-9)


def test_a_million_images_are_tested_as_with_scipy() -> None:
    assert mcnemar(499_000, 501_000) == pytest.approx(binomtest(499_000, 1_000_000, 0.5).pvalue, rel=1e-6)
    assert distributions.binomial(10**6, 0.5).sum() == pytest.approx(1.0, abs=1e-8)


def test_many_groups_are_exchanged_as_with_scipy() -> None:
    a, b = distributions.binomial(3000, 0.5), distributions.binomial(1700, 0.5)
    assert min(len(a), len(b)) > grouped.MOST_DIRECT
    expected = scipy.signal.convolve(a, b, method="direct")
    assert grouped._convolved(a, b) == pytest.approx(expected, abs=1e-15)
