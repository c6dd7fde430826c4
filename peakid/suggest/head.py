"""Fit a linear classifier to embeddings and say what it would predict for each image without that image.

The head is a ridge regression on one-hot labels. Its predictions without a group of images follow from one
fit in closed form (`left_out`), where logistic regression would be fitted once for each group. On four
collections it was as accurate as logistic regression and its probabilities, once calibrated, were as good
(`bench/RESULTS.md`, "Live head").
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from peakid.suggest import calibrated, left_out
from peakid.suggest.left_out import System

# Of the mean squared length of the centred features; the loss is flat between the steps. A larger one may
# have a lower loss, and found fewer swapped labels of similar classes (bench/RESULTS.md).
PENALTIES = tuple(float(each) for each in 10.0 ** np.arange(-2, 1.6, 0.5))
FIRST_PENALTY = 1.0
# Their scores are added to those of the best penalty. A fit that is held back more finds labels of any other
# class, one that is held back less tells similar classes apart, and the lowest loss chooses one of the two.
BESIDE = (PENALTIES[4], PENALTIES[7])  # 1 and 31.6.
# The constant feature. It is ten times as long as an image's features, so the penalty hardly holds it back.
CONSTANT = 10.0
DOUBLE_UP_TO = 2**22  # Values; above, features are in single precision: 100,000 x 1,280 take 512 MB.
# Labelled images that a penalty is tried on. Each is scored without its group by all the others.
SAMPLE = 1000


@dataclass(frozen=True)
class Fit:
    """What the head predicts for every image, each without the labels of its group.

    Attributes:
        probabilities: float32 of shape (n, K); rows add up to 1.
        penalty: The one with the lowest left-out loss, one of PENALTIES, or the one that was asked for.
        loss: Mean negative log-probability of the labels, left out; NaN without labels.
    """

    probabilities: np.ndarray
    penalty: float
    loss: float


class LiveHead:
    """The features of a collection, prepared so that a fit to changed labels is fast.

    Scores are counted from the share of each class among the images they were fitted to. Without its group,
    an image's own class is rarer; with ten images of a class that lowered its score by more than a large
    penalty leaves of the features, and the calibration dropped that penalty.

    Images of one group are always left out together. Keep the object between fits: what depends only on which
    images are labelled is computed once. Not for several threads at once.
    """

    def __init__(self, features: np.ndarray, groups: np.ndarray) -> None:
        """Prepare the features.

        Args:
            features: Finite, of shape (n, C), on any scale: only the direction of a row counts.
            groups: int64 of shape (n,): a number for each group of near duplicates.
        """
        _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        self._order = np.lexsort((group, sizes[group]))  # Groups of one size are together.
        self._parts = left_out.parts(sizes[group][self._order])
        x = prepared(features, self._order)
        self._system = System(x, np.zeros(len(x)))  # Of the images that are labelled, with weight 1.

    def fit(
        self,
        labels: np.ndarray,
        n_classes: int,
        *,
        weights: np.ndarray | None = None,
        penalty: float | None = None,
    ) -> Fit:
        """Fit the head to labels.

        Args:
            labels: int64 of shape (n,), in 0..K-1, or -1 without a label.
            n_classes: K, at least 1.
            weights: Of each image in the fit, at least 0, of shape (n,); None = 1. An image of weight 0 is
                predicted and not learned from.
            penalty: None = the one with the lowest left-out loss, combined with those of BESIDE.
        """
        labels = np.asarray(labels)[self._order]
        is_labelled = labels >= 0
        if not np.array_equal(is_labelled, self._system.weights > 0):
            self._system = self._system.reweighted(is_labelled.astype(float))
        system = self._system
        if weights is not None:
            system = system.reweighted(np.where(is_labelled, np.asarray(weights, float)[self._order], 0.0))
        used = system.weights > 0
        y = np.where(used[:, None], np.eye(n_classes)[labels] - 1 / n_classes, 0.0)  # (n, K)
        rates = system.base_rates(y, self._parts)  # (n, K)
        best = self._best_penalty(system, y, labels, rates) if penalty is None else penalty
        penalties = {best, *BESIDE} if penalty is None else {best}
        scores = np.stack([system.scores(y, each, self._parts) for each in sorted(penalties)])  # (J, n, K)
        scores -= rates
        calibration = calibrated.fit_in_two(scores[:, used], labels[used], system.weights[used])
        probabilities = np.empty(y.shape, dtype=np.float32)
        probabilities[self._order] = calibrated.probabilities(scores, calibration)
        return Fit(probabilities, best, calibration.loss)

    def _best_penalty(self, system: System, y: np.ndarray, labels: np.ndarray, rates: np.ndarray) -> float:
        """Return the penalty from which no step to the next one lowers the left-out loss."""
        parts = left_out.sampled(self._parts, system.weights, SAMPLE)
        rows = np.concatenate([np.arange(each.start, each.end) for each in parts] or [np.zeros(0, int)])
        rows = rows[system.weights[rows] > 0]
        if not len(rows):
            return FIRST_PENALTY
        losses: dict[int, float] = {}

        def loss(index: int) -> float:
            if not 0 <= index < len(PENALTIES):
                return np.inf
            if index not in losses:
                scores = (system.scores(y, PENALTIES[index], parts) - rates)[rows]
                losses[index] = calibrated.fit(scores, labels[rows], system.weights[rows]).loss
            return losses[index]

        best = PENALTIES.index(FIRST_PENALTY)
        while True:
            better = min((best, best + 1, best - 1), key=loss)
            if better == best:
                return PENALTIES[best]
            best = better


def prepared(features: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return sorted rows of length 1, centred, scaled to a mean squared length of 1, and a constant: (n, C').

    Features that are never negative, as after a ReLU, are replaced by their roots (Perronnin 2010, section
    3.1): .01 to .05 AP more of the errors planted in two of three collections, no change in the third.

    With fewer images than features they are turned into as many dimensions as images, which changes no
    product of two rows.
    """
    n, n_dimensions = features.shape
    dtype = np.float64 if features.size <= DOUBLE_UP_TO else np.float32
    x = np.empty((n, n_dimensions + 1), dtype=dtype)
    x[:, :-1] = features[order]
    if n and x[:, :-1].min() >= 0:
        np.sqrt(x[:, :-1], out=x[:, :-1])
    length = np.sqrt(np.einsum("ij,ij->i", x[:, :-1], x[:, :-1]))
    x[:, :-1] /= np.where(length > 0, length, 1)[:, None]
    x[:, :-1] -= x[:, :-1].mean(axis=0, dtype=float) if n else 0
    squared = float(np.einsum("ij,ij->", x[:, :-1], x[:, :-1])) / max(n, 1)
    # Identical features differ by rounding only, which must not be magnified.
    x[:, :-1] *= 1 / np.sqrt(squared) if squared > 1e-12 else 0
    x[:, -1] = CONSTANT
    if 0 < n < n_dimensions:
        return np.ascontiguousarray(qr(x.T, mode="economic", check_finite=False)[1].T)  # (n, n)
    return x
