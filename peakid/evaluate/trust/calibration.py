"""Calibration: whether predictions with a confidence of 0.8 are correct 8 times in 10."""

import numpy as np

N_BINS = 15  # Guo et al. 2017, section 2. Published values are comparable only with the same number.


def ece(confidence: np.ndarray, is_right: np.ndarray, *, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error: the mean distance of confidence from accuracy over the images.

    Bins have equal width and include their upper bound. 0 = calibrated, 1 = certain and always wrong. With
    few images the bins are nearly empty and the error is too high by chance.

    Args:
        confidence: Probability of the first choice, of shape (N,), in 0..1.
        is_right: Whether the first choice is the given label, of shape (N,).
    """
    if not len(confidence):
        return 0.0
    numbers = np.clip(
        np.ceil(np.asarray(confidence, dtype=np.float64) * n_bins).astype(int) - 1, 0, n_bins - 1
    )  # (N,)
    # |sum of confidence - number correct| of a bin, divided by N, is its share times its gap.
    gaps = np.bincount(
        numbers,
        weights=np.asarray(confidence, dtype=np.float64) - np.asarray(is_right, dtype=np.float64),
        minlength=n_bins,
    )
    return float(np.abs(gaps).sum() / len(confidence))
