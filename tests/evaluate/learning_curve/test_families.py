"""Families of learning curves, against SciPy's least squares and curves that are known."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from peakid.evaluate.learning_curve import families

X = np.array([0.125, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0])
AHEAD = np.array([1.0, 1.5, 2.0])


@pytest.mark.parametrize("family", ["power", "late", "floor", "pow4"])
def test_a_power_law_is_continued(family):
    # 0.2 x^-0.5: 0.2 today, 0.2 / sqrt(1.5) = 0.1633 and 0.2 / sqrt(2) = 0.1414 later.
    found = families.predict(family, X, 0.2 * X[None] ** -0.5, AHEAD)
    assert found[0] == pytest.approx([0.2, 0.1633, 0.1414], abs=0.004)


def test_a_logarithm_is_continued():
    # 0.2 - 0.03 log x: 0.2 - 0.03 * 0.6931 = 0.1792 with twice as many.
    found = families.predict("log", X, 0.2 - 0.03 * np.log(X)[None], AHEAD)
    assert found[0, -1] == pytest.approx(0.1792, abs=1e-4)


@pytest.mark.parametrize(
    ("family", "curve", "start", "upper"),
    [
        ("power", lambda x, a, b: a * x**-b, (0.2, 0.5), (1, 2.5)),
        ("floor", lambda x, c, a, b: c + a * x**-b, (0.05, 0.1, 0.5), (1, 1, 2.5)),
        ("exp", lambda x, c, a, d: c + a * np.exp(-x / d), (0.05, 0.1, 0.5), (1, 1, 2)),
        ("mmf4", lambda x, c, a, d, k: c + a / (1 + x**d / k), (0.05, 0.3, 1, 0.5), (1, 1, 3, 3.2)),
    ],
)
def test_a_fit_is_as_good_as_that_of_scipy(family, curve, start, upper):
    errors = 0.08 + 0.11 * X**-0.4 + np.array([0.01, -0.008, 0.006, -0.004, 0.003, -0.005, 0.002])
    weight = np.sqrt(X)
    theirs, _ = curve_fit(curve, X, errors, p0=start, sigma=weight**-0.5, bounds=(1e-6, upper), maxfev=50_000)
    ours = families.predict(family, X, errors[None], X)[0]
    of_ours, of_theirs = (((each - errors) ** 2 * weight).sum() for each in (ours, curve(X, *theirs)))
    assert of_ours <= 1.15 * of_theirs + 1e-7  # The grid is not as fine.


@pytest.mark.parametrize("family", families.FAMILIES)
@pytest.mark.parametrize("errors", [X, np.zeros(7), np.ones(7), np.full(7, 0.5)])
def test_no_predicted_error_rises_or_leaves_0_to_1(family, errors):
    found = families.predict(family, X, errors[None], np.array([0.125, 0.5, 1, 2, 4]))[0]
    assert (np.diff(found) <= 1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_curves_are_fitted_each_by_itself():
    several = np.array([0.2 * X**-0.5, 0.1 * X**-0.2, 0.3 - 0.05 * np.log(X)])
    together = families.predict("pow4", X, several, AHEAD)
    for number, each in enumerate(several):
        assert families.predict("pow4", X, each[None], AHEAD)[0] == pytest.approx(together[number])
