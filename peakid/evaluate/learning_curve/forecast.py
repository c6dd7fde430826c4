"""Extrapolate a learning curve, and say how uncertain that is.

The variance of a gain has four parts: the validation images that happened to be drawn (bootstrap over their
groups), the training images of each part (bootstrap over draws), the family of curve, and the errors of past
forecasts of the same collection, from smaller shares to larger ones. The width was chosen by a back-test on
real collections (`bench/learning_curve.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.evaluate.learning_curve import families
from peakid.evaluate.learning_curve.families import Family
from peakid.evaluate.learning_curve.measured import MIXED, Measured

CHOSEN: Family = "power"  # Lowest error of the predicted gain in the back-test.
COMPARED: tuple[Family, ...] = ("power", "late", "floor", "pow4", "log")  # Their spread is the doubt.
N_REPLICATES = 200
Z_90 = 1.6448536269514722  # The 95 % point of the standard normal distribution: two sides, 90 % between.
# Factors on the standard deviation with which nine of ten bands held on the even seeds of the back-test. The
# band is wider with few images in a class (see `_widening`).
OF_ALL, OF_CLASS = 1.0, 0.85
LEAST_SHARES = 3  # That a past forecast knows.
FEW = 0.01  # Added to errors before they are divided: a collection may have none.


@dataclass(frozen=True)
class Estimate:
    """A value with the interval that holds it in nine of ten cases."""

    value: float
    low: float
    high: float


class Forecast:
    """The extrapolation of one learning curve."""

    def __init__(self, measured: Measured, *, family: Family = CHOSEN, seed: int = 0) -> None:
        self.measured, self.family = measured, family
        self._weights, self._drawn = _replicates(measured, seed)
        nested = measured.nested()  # (D, S, V)
        self.x = measured.sizes() / measured.sizes()[-1]
        by_draw = np.einsum("dsv,bv->bds", 1.0 - nested, self._weights)  # (B, D, S)
        parts = np.einsum("bds,bd->bs", by_draw, self._drawn)
        full = self._weights @ (1.0 - measured.correct[measured.full])
        self.errors = np.column_stack([parts, full])  # (B, S + 1), the first as measured.
        whole = np.column_stack([by_draw[0], np.full(measured.n_draws, full[0])])  # (D, S + 1)
        self.past_variance = _past_variance(whole, self.errors[0], self.x, family)
        self._widening = _widening(measured.counts[measured.full])
        self._slopes = _slopes(measured, self._weights)  # (B, K)

    @property
    def tells_classes(self) -> bool:
        """Whether there are fits in which the shares differ between classes."""
        return bool((self.measured.draws == MIXED).any())

    def measured_accuracies(self) -> list[Estimate]:
        """Return the measured accuracy at each share, today's last, with the bootstrap interval."""
        low, high = np.quantile(1 - self.errors[1:], (0.05, 0.95), axis=0)
        triples = zip(1 - self.errors[0], low, high, strict=True)
        return [
            Estimate(float(each), min(float(a), float(each)), max(float(b), float(each)))
            for each, a, b in triples
        ]

    def accuracy(self, factor: float) -> Estimate:
        """Return the accuracy expected with `factor` times the training images of every class."""
        expected = 1 - families.predict(self.family, self.x, self.errors, np.array([factor]))[:, 0]
        others = [
            families.predict(each, self.x, self.errors[:1], np.array([factor]))[0, 0] for each in COMPARED
        ]
        variance = expected[1:].var() + np.var(others) + self.past_variance * np.sqrt(1 - 1 / factor)
        deviation = OF_ALL * self._widening * float(np.sqrt(variance))
        return _estimate(float(expected[0]), deviation, 0.0, 1.0)

    def gain(self, factor: float) -> Estimate:
        """Return the change in accuracy expected with `factor` times the images of every class."""
        factors = np.array([factor])
        gains = self._gains(self.family, factors, self.errors)[:, 0]  # (B,)
        variance = gains[1:].var() + self._doubt(factors)[0] ** 2
        variance += self.past_variance * np.sqrt(1 - 1 / factor)
        deviation = OF_ALL * self._widening * float(np.sqrt(variance))
        return _estimate(float(gains[0]), deviation, -1.0, 1.0)

    def class_gains(self, factors: Sequence[float]) -> list[Estimate]:
        """Return for each class the change in accuracy if only it has `factor` times as many images.

        The gain from more of all is dealt to the classes by what each contributes in fits with different
        shares of the classes.
        """
        times = np.asarray(factors, dtype=float)  # (K,)
        counts = self.measured.counts[self.measured.full]
        part = _part_of(self._slopes)  # (B, K)
        gains = part * self._gains(self.family, times, self.errors)
        new = (times - 1) * counts
        variance = gains[1:].var(axis=0) + (part[0] * self._doubt(times)) ** 2
        variance += self.past_variance * np.sqrt(new / (counts.sum() + new))
        deviations = OF_CLASS * self._widening * np.sqrt(variance)
        return [
            _estimate(float(gain), float(deviation), -1.0, 1.0)
            for gain, deviation in zip(gains[0], deviations, strict=True)
        ]

    def _gains(self, family: Family, factors: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Return the gains of each curve with `factors` times the images, (B, T)."""
        expected = families.predict(family, self.x, errors, np.append(1.0, factors))
        return expected[:, :1] - expected[:, 1:]

    def _doubt(self, factors: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the gains over families, (T,)."""
        return np.std([self._gains(each, factors, self.errors[:1])[0] for each in COMPARED], axis=0)


def _widening(counts: np.ndarray) -> float:
    """Return how much wider the band is than its variance says, by the images of the class in the middle.

    With three images a class there are only three different shares, and past forecasts tell little.
    """
    return 1 + 1 / max(1.0, float(np.median(counts)))


def _replicates(measured: Measured, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights of validation images (B, V) and of draws (B, D), both adding up to 1 in a row.

    The first row has equal weights. The others are bootstrap samples of groups and of draws.
    """
    rng = np.random.default_rng(seed)
    _, group = np.unique(measured.groups, return_inverse=True)
    n_groups, n_draws = group.max() + 1, measured.n_draws
    times = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), N_REPLICATES)[:, group]
    drawn = rng.multinomial(n_draws, np.full(n_draws, 1 / n_draws), N_REPLICATES)
    weights = np.vstack([np.ones(len(group)), times]).astype(float)
    drawn = np.vstack([np.ones(n_draws), drawn]).astype(float)
    return weights / weights.sum(axis=1, keepdims=True), drawn / n_draws


def _past_variance(by_draw: np.ndarray, errors: np.ndarray, x: np.ndarray, family: Family) -> float:
    """Return the mean squared error of past forecasts, divided by the root of the share of new images.

    A past forecast knows the shares up to one of them and is compared with a larger one, in each draw.
    Answers close to the border turn with any new images, so the variance of a change grows with the root of
    their share. It falls with the error that is left.

    Args:
        by_draw: Errors of each draw and share, (D, S + 1); the last is the same in all draws.
        errors: Their means over draws, (S + 1,).
    """
    found = []
    for known in range(LEAST_SHARES - 1, len(x) - 1):
        ahead = x[known + 1 :]
        at = np.append(1.0, ahead / x[known])
        expected = families.predict(family, x[: known + 1] / x[known], errors[None, : known + 1], at)[0]
        for number, larger in enumerate(range(known + 1, len(x)), start=1):
            share_new = 1 - x[known] / x[larger]
            if share_new > 0:
                change = by_draw[:, larger] - by_draw[:, known]  # (D,)
                squared = ((change - (expected[number] - expected[0])) ** 2).mean()
                scale = (errors[-1] + FEW) / (errors[larger] + FEW)
                found.append(float(scale * squared / np.sqrt(share_new)))
    return float(np.mean(found)) if found else 0.0


def _slopes(measured: Measured, weights: np.ndarray) -> np.ndarray:
    """Return what each class contributes: the change in accuracy for each e-fold of its images, (B, K).

    A regression on the logarithm of the images of each class, in fits in which the shares differ. It is drawn
    towards the mean of the classes as far as their differences are noise (empirical Bayes).
    """
    mixed = measured.draws == MIXED
    n_classes = measured.n_classes
    if not mixed.any():
        return np.ones((len(weights), n_classes))
    x = np.log(measured.counts[mixed] / measured.counts[measured.full])  # (M, K)
    y = weights @ measured.correct[mixed].T  # (B, M)
    x, y = x - x.mean(axis=0), y - y.mean(axis=1, keepdims=True)
    gram, target = x.T @ x, y @ x  # (K, K), (B, K)
    inverse = np.linalg.pinv(gram)
    free = target @ inverse
    noise = ((y - free @ x.T) ** 2).sum(axis=1) / max(1, len(x) - n_classes - 1)  # (B,)
    varied = free.var(axis=1, ddof=1) - noise * np.diag(inverse).mean() if n_classes > 1 else noise
    centring = np.eye(n_classes) - 1 / n_classes
    held = [
        np.linalg.lstsq(gram + min(s / max(v, 1e-12), 1e6) * centring, t, rcond=None)[0]
        for s, v, t in zip(noise, varied, target, strict=True)
    ]
    return np.array(held)


def _part_of(slopes: np.ndarray) -> np.ndarray:
    """Return the part of each class in the whole gain, (B, K); equal parts where no class contributes."""
    kept = np.maximum(slopes, 0)
    total = kept.sum(axis=1, keepdims=True)
    return np.where(total > 0, kept / np.where(total > 0, total, 1), 1 / slopes.shape[1])


def _estimate(value: float, deviation: float, lowest: float, highest: float) -> Estimate:
    half = Z_90 * deviation
    return Estimate(value, max(lowest, value - half), min(highest, value + half))
