"""Tests of more than two runs at once: Cochran's Q, and p-values corrected for their number (Holm)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy


@dataclass(frozen=True)
class CochranQ:
    """Whether any of R runs differs from the others; `p` is that of chi-squared with R - 1 degrees."""

    q: float
    degrees: int
    p: float


def cochran_q(is_right: np.ndarray, groups: np.ndarray) -> CochranQ:
    """Test whether all runs are right equally often.

    The blocks are the groups of near duplicates, within which runs could be exchanged if they were equal.
    Without near duplicates every image is a block, and Q is Cochran's.

    Args:
        is_right: bool of shape (R, N).
        groups: int64 of shape (N,): near duplicates have the same number.
    """
    n_runs = len(is_right)
    _, place = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(place, weights=row.astype(float)) for row in is_right])  # (R, blocks)
    spread = float(((sums - sums.mean(axis=0)) ** 2).sum())
    totals = sums.sum(axis=1)
    if spread == 0.0:  # No image on which the runs differ.
        return CochranQ(0.0, n_runs - 1, 1.0)
    q = (n_runs - 1) * float(((totals - totals.mean()) ** 2).sum()) / spread
    return CochranQ(q, n_runs - 1, float(scipy.special.chdtrc(n_runs - 1, q)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's method: any error among them has at most the level of the test."""
    order = sorted(range(len(p_values)), key=lambda n: p_values[n])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
