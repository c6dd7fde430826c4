"""Calibration: whether predictions with a confidence of 0.8 are correct 8 times in 10."""

from dataclasses import dataclass

import numpy as np

from peakid.evaluate.trust import grouped
from peakid.evaluate.trust.grouped import Groups, Interval

N_BINS = 15  # Guo et al. 2017, section 2. Published values are comparable only with the same number.
N_SIMULATED = 1000


@dataclass(frozen=True)
class Bin:
    """Images with a confidence above `low` and up to `high`.

    Attributes:
        confidence: Their mean confidence, 0..1.
        accuracy: The share that is right, with its 95 % interval.
    """

    low: float
    high: float
    n_images: int
    confidence: float
    accuracy: float
    accuracy_interval: Interval


def ece(confidence: np.ndarray, is_right: np.ndarray, *, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error: the mean distance of confidence from accuracy over the images.

    Bins have equal width and include their upper bound. 0 = calibrated, 1 = certain and always wrong. With
    few images the bins are nearly empty and the error is too high by chance: `chance_ece` says how high.

    Args:
        confidence: Probability of the first choice, of shape (N,), in 0..1.
        is_right: Whether the first choice is the given label, of shape (N,).
    """
    if not len(confidence):
        return 0.0
    numbers = _bin_numbers(confidence, n_bins)  # (N,)
    # |sum of confidence - number correct| of a bin, divided by N, is its share times its gap.
    gaps = np.bincount(
        numbers,
        weights=np.asarray(confidence, dtype=np.float64) - np.asarray(is_right, dtype=np.float64),
        minlength=n_bins,
    )
    return float(np.abs(gaps).sum() / len(confidence))


def chance_ece(
    confidence: np.ndarray, groups: np.ndarray, *, n_bins: int = N_BINS, seed: int = 0
) -> float | None:
    """Return the calibration error that a calibrated model exceeds on such images only 1 time in 20.

    Each image is right with the probability of its confidence; images of one group are right together where
    they can be (Broecker and Smith 2007, for one image a group). An interval around the error itself would
    not hold: the error of few images is above that of many.

    Returns:
        None without images.
    """
    found = Groups.of(groups)
    if not found.n_images:
        return None
    rng, numbers = np.random.default_rng(seed), _bin_numbers(confidence, n_bins)
    sure = np.asarray(confidence, dtype=np.float64)
    n_draws = int(np.clip(grouped.MAX_CELLS * 4 // found.n_images, 100, N_SIMULATED))
    errors = np.empty(n_draws)
    for draw in range(n_draws):
        is_right = rng.random(found.n_groups)[found.number] < sure
        gaps = np.bincount(numbers, weights=sure - is_right, minlength=n_bins)
        errors[draw] = np.abs(gaps).sum() / found.n_images
    return float(np.quantile(errors, 0.95))


def bins(
    confidence: np.ndarray, is_right: np.ndarray, groups: np.ndarray, *, n_bins: int = N_BINS
) -> list[Bin]:
    """Return the bins that have images, of a reliability diagram."""
    numbers = _bin_numbers(confidence, n_bins)
    found = []
    for number in np.unique(numbers):
        inside = numbers == number
        found.append(
            Bin(
                low=float(number / n_bins),
                high=float((number + 1) / n_bins),
                n_images=int(inside.sum()),
                confidence=float(np.mean(confidence[inside], dtype=np.float64)),
                accuracy=float(is_right[inside].mean()),
                accuracy_interval=grouped.share_interval(is_right[inside], groups[inside]),
            )
        )
    return found


def _bin_numbers(confidence: np.ndarray, n_bins: int) -> np.ndarray:
    above = np.ceil(np.asarray(confidence, dtype=np.float64) * n_bins).astype(int) - 1
    return np.clip(above, 0, n_bins - 1)
