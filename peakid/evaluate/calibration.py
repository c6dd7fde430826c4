"""Whether a confidence of 0.8 is right 8 times in 10."""

import numpy as np

N_BINS = 15  # Guo et al. 2017, section 2; figures of others are comparable only with the same number.


def ece(confidence: np.ndarray, is_right: np.ndarray, *, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error: how far confidence lies from accuracy, on average over the images.

    Bins of equal width, each closed above: 0 = honest, 1 = certain and always wrong. On few images the bins
    are nearly empty and the figure is too high by chance alone.

    Args:
        confidence: Probability of the first choice, of shape (N,), in 0..1.
        is_right: Whether that choice was the given label, of shape (N,).
    """
    if not len(confidence):
        return 0.0
    numbers = np.clip(
        np.ceil(np.asarray(confidence, dtype=np.float64) * n_bins).astype(int) - 1, 0, n_bins - 1
    )  # (N,)
    # |sum of confidence - number right| of a bin, over N, is its share times its gap.
    gaps = np.bincount(
        numbers,
        weights=np.asarray(confidence, dtype=np.float64) - np.asarray(is_right, dtype=np.float64),
        minlength=n_bins,
    )
    return float(np.abs(gaps).sum() / len(confidence))
