"""Turn scores of a linear head into probabilities that agree with how often it is right."""

from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import log_softmax, softmax

# Images that the calibration is fitted to; it has one number per class and one more.
SAMPLE = 20_000
# Of the offsets of classes, as if from a normal distribution of deviation 1.
OFFSET_PENALTY = 0.5
START = 2.0  # Natural logarithm of the scale to begin with: scores differ by 1 at most where a fit is good.


@dataclass(frozen=True)
class Calibration:
    """p = softmax(scale * score + offset).

    Attributes:
        scale: Over 0.
        offsets: Of each class, float64 of shape (K,).
        loss: Mean negative log-probability of the labels it was fitted to; NaN without labels.
    """

    scale: float
    offsets: np.ndarray
    loss: float


def fit(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, transition: np.ndarray | None = None
) -> Calibration:
    """Fit a scale and an offset for each class to left-out scores.

    One image of every class, spread over all images, is added, so that a head without a mistake does not
    become certain.

    Args:
        scores: float64 of shape (n, K), each without its own label.
        labels: int64 of shape (n,), in 0..K-1.
        weights: At least 0, of shape (n,).
        transition: The probability of each label (column) given the true class (row), (K, K); None = labels
            are right. With it the probabilities are those of the true class.
    """
    n_classes = scores.shape[1]
    if not len(scores) or n_classes == 1:
        return Calibration(1.0, np.zeros(n_classes), np.nan if not len(scores) else 0.0)
    rows = sampled_rows(len(scores))
    scores, labels, weights = scores[rows], labels[rows], weights[rows] / weights[rows].sum()
    likelihood = (np.eye(n_classes) if transition is None else transition)[:, labels].T  # (n, K)
    doubt, held = 1 / (1 + len(rows)), OFFSET_PENALTY / len(rows)

    def cost(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scale, offsets = np.exp(parameters[0]), parameters[1:]
        logp = log_softmax(scale * scores + offsets, axis=1)  # (n, K)
        p = np.exp(logp)
        joint = np.maximum(p * likelihood, 1e-300)  # (n, K)
        of_label = joint.sum(axis=1)  # (n,)
        target = (1 - doubt) * joint / of_label[:, None] + doubt / n_classes  # (n, K)
        off = weights[:, None] * (p - target)  # The slope by each logit.
        loss = -(weights * ((1 - doubt) * np.log(of_label) + doubt * logp.mean(axis=1))).sum()
        slope = np.concatenate([[scale * (off * scores).sum()], off.sum(axis=0) + 2 * held * offsets])
        return float(loss + held * (offsets**2).sum()), slope

    start = np.concatenate([[START], np.zeros(n_classes)])
    bounds = [(-3.0, 6.0), *[(-10.0, 10.0)] * n_classes]
    found = scipy.optimize.minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    scale, offsets = float(np.exp(found[0])), found[1:]
    p = softmax(scale * scores + offsets, axis=1)
    of_label = np.maximum((p * likelihood).sum(axis=1), 1e-300)
    return Calibration(scale, offsets, float(-(weights * np.log(of_label)).sum()))


def sampled_rows(n: int) -> np.ndarray:
    """Return at most SAMPLE row numbers out of n, evenly spread."""
    return np.linspace(0, n - 1, min(n, SAMPLE)).astype(int)


def probabilities(scores: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return the probability of each class: float32 of shape (n, K); rows add up to 1."""
    return softmax(calibration.scale * scores + calibration.offsets, axis=1).astype(np.float32)
