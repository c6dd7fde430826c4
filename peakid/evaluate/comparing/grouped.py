"""Intervals and tests where near duplicates are among the images: a group of them counts as one draw.

The design effect of the groups divides all counts of the intervals for independent images, which keeps their
coverage where few images differ. In simulations (`bench/compare.py`) they covered 93 to 100 %, those for
independent images 59 to 98 %.
"""

from collections import Counter

import numpy as np
import scipy

from peakid.evaluate.distributions import binomial
from peakid.evaluate.intervals import mcnemar, paired_difference
from peakid.evaluate.trust.grouped import design_effect

MOST_DIRECT = 500  # Entries of the shorter array: with more, the Fourier transform is faster.


def has_groups(groups: np.ndarray) -> bool:
    """Return whether any two images are near duplicates.

    Args:
        groups: int64 of shape (N,): near duplicates have the same number.
    """
    return len(np.unique(groups)) < len(groups)


def difference_interval(
    is_right_a: np.ndarray, is_right_b: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """Return the 95 % interval of accuracy b minus accuracy a on the same images.

    Args:
        is_right_a: bool of shape (N,), as `is_right_b`.
        groups: As for `has_groups`.
    """
    values = is_right_b.astype(float) - is_right_a
    effect = design_effect(values, groups)
    n_only_a, n_only_b = int((values < 0).sum()), int((values > 0).sum())
    return paired_difference(len(values) / effect, n_only_a / effect, n_only_b / effect)


def exchange_p(is_right_a: np.ndarray, is_right_b: np.ndarray, groups: np.ndarray) -> float:
    """Return the exact p-value of exchanging two runs within each group: how often chance differs as much.

    Without near duplicates this is McNemar's exact test. A group whose images all changed in one way counts
    as one change, of their number.

    Args:
        is_right_a: bool of shape (N,), as `is_right_b`.
        groups: As for `has_groups`.
    """
    _, sums = _sizes_and_sums(is_right_b.astype(float) - is_right_a, groups)
    sums = np.rint(sums).astype(int)
    changes = np.abs(sums)
    if changes.max(initial=0) <= 1:
        return mcnemar(int((sums < 0).sum()), int((sums > 0).sum()))
    total = int(changes.sum())
    # How likely each sum is when each change has either sign: for each size, a binomial number of positives.
    likely = np.ones(1)
    for size, count in Counter(changes[changes > 0].tolist()).items():
        spread = np.zeros(2 * size * count + 1)
        spread[:: 2 * size] = binomial(count, 0.5)
        likely = np.maximum(_convolved(likely, spread), 0.0)
    places = np.arange(len(likely)) - total  # The sum that each entry stands for.
    observed = abs(int(sums.sum()))
    return min(1.0, float(likely[np.abs(places) >= observed].sum()))


def _convolved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the convolution of two arrays, as `scipy.signal.convolve`, whose import takes over a second."""
    if min(len(a), len(b)) <= MOST_DIRECT:
        return np.convolve(a, b)
    length = len(a) + len(b) - 1
    size = scipy.fft.next_fast_len(length, real=True)
    return scipy.fft.irfft(scipy.fft.rfft(a, size) * scipy.fft.rfft(b, size), size)[:length]


def _sizes_and_sums(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, place = np.unique(groups, return_inverse=True)
    return np.bincount(place), np.bincount(place, weights=values)
