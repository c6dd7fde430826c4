"""Turn scores of a linear head into probabilities that agree with how often it is right."""

from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import log_softmax, softmax

# Images that the calibration is fitted to; it has one number per class and one more for each set of scores.
SAMPLE = 20_000
# Of the offsets of classes, as if from a normal distribution of deviation 1.
OFFSET_PENALTY = 0.5
LEAST_VARIANCE = 1e-3  # Of the offsets, in `fit_in_two`.
FEWEST_CLASSES = 4  # Three free offsets: with fewer their common variance cannot be told (Stein 1956).
START = 7.4  # The scale to begin with: scores differ by 1 at most where a fit is good.
SCALES = (0.05, 400.0)


@dataclass(frozen=True)
class Calibration:
    """p = softmax(sum of scale * score over the sets of scores + offset).

    Attributes:
        scales: Of each set of scores, over 0, float64 of shape (J,).
        offsets: Of each class, float64 of shape (K,).
        loss: Mean negative log-probability of the labels it was fitted to; NaN without labels.
    """

    scales: np.ndarray
    offsets: np.ndarray
    loss: float


def fit_in_two(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Calibration:
    """Fit as `fit` does, then again with offsets held back by how much they differ from 0 together.

    With few images of a class its offset is mostly chance, and a label of a class that chance favours is
    doubted too little. The deviation of offsets is estimated from the first fit (empirical Bayes).
    """
    first = fit(scores, labels, weights)
    if len(first.offsets) < FEWEST_CLASSES:
        return first
    variance = max(float((first.offsets**2).mean()), LEAST_VARIANCE)
    return fit(scores, labels, weights, offset_penalty=max(OFFSET_PENALTY, 0.5 / variance), start=first)


def fit(
    scores: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    transition: np.ndarray | None = None,
    offset_penalty: float = OFFSET_PENALTY,
    start: Calibration | None = None,
) -> Calibration:
    """Fit a scale for each set of scores and an offset for each class to left-out scores.

    One image of every class, spread over all images, is added, so that a head without a mistake does not
    become certain.

    Args:
        scores: float64 of shape (n, K) or (J, n, K), each without its own label.
        labels: int64 of shape (n,), in 0..K-1.
        weights: At least 0, of shape (n,).
        transition: The probability of each label (column) given the true class (row), (K, K); None = labels
            are right. With it the probabilities are those of the true class.
        offset_penalty: Of the squared offsets: half the inverse of their variance.
        start: Where to begin.
    """
    scores = _sets(scores)
    n_sets, n, n_classes = scores.shape
    if not n or n_classes == 1:
        return Calibration(np.ones(n_sets), np.zeros(n_classes), 0.0 if n else np.nan)
    rows = sampled_rows(n)
    scores, labels, weights = scores[:, rows], labels[rows], weights[rows] / weights[rows].sum()
    likelihood = (np.eye(n_classes) if transition is None else transition)[:, labels].T  # (n, K)
    doubt, held = 1 / (1 + len(rows)), offset_penalty / len(rows)

    def cost(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scales, offsets = parameters[:n_sets], parameters[n_sets:]
        logp = log_softmax(np.tensordot(scales, scores, 1) + offsets, axis=1)  # (n, K)
        p = np.exp(logp)
        joint = np.maximum(p * likelihood, 1e-300)  # (n, K)
        of_label = joint.sum(axis=1)  # (n,)
        target = (1 - doubt) * joint / of_label[:, None] + doubt / n_classes  # (n, K)
        off = weights[:, None] * (p - target)  # The slope by each logit.
        loss = -(weights * ((1 - doubt) * np.log(of_label) + doubt * logp.mean(axis=1))).sum()
        slope = [np.tensordot(scores, off, 2), off.sum(axis=0) + 2 * held * offsets]
        return float(loss + held * (offsets**2).sum()), np.concatenate(slope)

    if start is None:
        start = Calibration(np.full(n_sets, START / n_sets), np.zeros(n_classes), np.nan)
    found = scipy.optimize.minimize(
        cost,
        np.concatenate([start.scales, start.offsets]),
        jac=True,
        method="L-BFGS-B",
        bounds=[SCALES] * n_sets + [(-10.0, 10.0)] * n_classes,
    ).x
    p = softmax(np.tensordot(found[:n_sets], scores, 1) + found[n_sets:], axis=1)
    of_label = np.maximum((p * likelihood).sum(axis=1), 1e-300)
    return Calibration(found[:n_sets], found[n_sets:], float(-(weights * np.log(of_label)).sum()))


def sampled_rows(n: int) -> np.ndarray:
    """Return at most SAMPLE row numbers out of n, evenly spread."""
    return np.linspace(0, n - 1, min(n, SAMPLE)).astype(int)


def log_probabilities(scores: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return the logarithm of the probability of each class: float64 of shape (n, K).

    Args:
        scores: As for `fit`.
    """
    logits = np.tensordot(calibration.scales, _sets(scores), 1) + calibration.offsets
    return log_softmax(logits, axis=1)


def probabilities(scores: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return the probability of each class: float32 of shape (n, K); rows add up to 1."""
    return np.exp(log_probabilities(scores, calibration)).astype(np.float32)


def _sets(scores: np.ndarray) -> np.ndarray:
    return scores if scores.ndim == 3 else scores[None]
