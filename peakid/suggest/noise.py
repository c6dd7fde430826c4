"""Estimate how often each class is given the label of each other class, from left-out predictions."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from peakid.suggest import calibrated

# Expectation and maximisation in turn. Later steps take photos that are hard to tell apart for wrong labels:
# three found the most planted errors, eight found up to .07 AP fewer.
STEPS = 3
FIRST_SHARE = 0.05  # Of wrong labels, spread evenly over the classes, to begin with.
PRIOR_IMAGES = 2.0  # Images of each class that the first assumption counts for.
# Concentration from which rates of confusion begin to count, and from which they count fully. Labels changed
# at random gave .1 to .7, most below .5; changed in pairs of classes .6 to .97.
CONCENTRATED = (0.65, 0.75)


@dataclass(frozen=True)
class Noise:
    """The errors in labels, as a model of the true class sees them.

    Attributes:
        transition: Probability of each label (column) given the true class (row), float64 of shape (K, K).
        calibration: From the log-probabilities of labels to those of the true class.
    """

    transition: np.ndarray
    calibration: calibrated.Calibration

    @property
    def concentration(self) -> float:
        """The part of wrong labels that stands out in as many pairs as there are classes, 0..1.

        A median would be 0 as soon as there are fewer errors than pairs.
        """
        n_classes = len(self.transition)
        off = np.sort(self.transition[~np.eye(n_classes, dtype=bool)])
        if n_classes < 3 or not off.sum():
            return 0.0
        return float(1 - off[:-n_classes].mean() / off.mean())

    @property
    def pair_share(self) -> float:
        """How far the rates of confusion count in a ranking, 0..1."""
        low, high = CONCENTRATED
        return float(np.clip((self.concentration - low) / (high - low), 0, 1))

    def log_posterior(self, log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the log-probability of each true class, given the image and its label: (n, K)."""
        logp = self._true(log_probabilities)
        return log_softmax(logp + np.log(np.maximum(self.transition, 1e-12))[:, labels].T, axis=1)

    def _true(self, log_probabilities: np.ndarray) -> np.ndarray:
        return calibrated.log_probabilities(log_probabilities, self.calibration)


def estimate(log_probabilities: np.ndarray, labels: np.ndarray) -> Noise:
    """Estimate the errors in labels.

    Args:
        log_probabilities: Of each class, without the image's own label: float64 of shape (n, K).
        labels: int64 of shape (n,), in 0..K-1.
    """
    rows = calibrated.sampled_rows(len(labels))
    logp, labels = log_probabilities[rows], labels[rows]
    n_classes = logp.shape[1]
    first = (1 - FIRST_SHARE) * np.eye(n_classes) + FIRST_SHARE / n_classes
    noise = Noise(first, calibrated.Calibration(np.ones(1), np.zeros(n_classes), np.nan))
    for _ in range(STEPS):
        calibration = calibrated.fit(logp, labels, np.ones(len(labels)), transition=noise.transition)
        noise = Noise(noise.transition, calibration)
        counts = PRIOR_IMAGES * first
        np.add.at(counts.T, labels, np.exp(noise.log_posterior(logp, labels)))
        noise = Noise(counts / counts.sum(axis=1, keepdims=True), calibration)
    return noise
