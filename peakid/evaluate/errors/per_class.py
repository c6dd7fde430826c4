"""Precision, recall and F1 of each class, and the classes that are predicted too often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.evaluate.distributions import at_least
from peakid.evaluate.intervals import wilson

LEVEL = 0.05  # Of a test over all classes together.


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class, in 0..1, high = good. A score without images to count is 0, as in scikit-learn.

    Attributes:
        precision: Share of the images predicted as the class that have its label.
        recall: Share of the images with its label that are predicted as the class.
        f1: Harmonic mean of the two.
        support: Images with its label; 0 distinguishes a recall without images from a real 0.
        recall_interval: 95 % interval of the recall, (0, 1) without images.
        n_predicted: Images predicted as the class.
        precision_interval: 95 % interval of the precision, (0, 1) where nothing is predicted as the class.
    """

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int
    recall_interval: tuple[float, float]
    n_predicted: int
    precision_interval: tuple[float, float]


@dataclass(frozen=True)
class OftenPredicted:
    """A class that is predicted more often than it is given, by more than chance.

    Attributes:
        n_given: Images with its label; near duplicates count once in each cell, as in the test.
        n_predicted: Images predicted as the class, counted in the same way.
        p: How often a model without a preference would predict it so much too often; corrected for having
            tested all classes.
    """

    class_name: str
    n_given: int
    n_predicted: int
    p: float

    def sentence(self, scores: Sequence[ClassScore]) -> str:
        """Say how often the class is predicted and given, and how certain that is.

        Args:
            scores: Of all classes, whose numbers count each near duplicate.
        """
        score = next(each for each in scores if each.class_name == self.class_name)
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        return (
            f"{self.class_name} is predicted too often: {score.n_predicted:,} images are predicted as it and"
            f" {score.support:,} are given, more than chance explains ({p})."
        )


def scores(matrix: np.ndarray, class_names: Sequence[str]) -> list[ClassScore]:
    """Return the scores of all classes of a confusion matrix (rows given, columns predicted)."""
    hits = np.diag(matrix)  # (K,)
    support, n_predicted = matrix.sum(axis=1), matrix.sum(axis=0)  # (K,)
    return [
        ClassScore(
            class_name=name,
            precision=_share(hits[i], n_predicted[i]),
            recall=_share(hits[i], support[i]),
            f1=_share(2 * hits[i], support[i] + n_predicted[i]),
            support=int(support[i]),
            recall_interval=wilson(int(hits[i]), int(support[i])),
            n_predicted=int(n_predicted[i]),
            precision_interval=wilson(int(hits[i]), int(n_predicted[i])),
        )
        for i, name in enumerate(class_names)
    ]


def often_predicted(
    matrix: np.ndarray, class_names: Sequence[str], *, level: float = LEVEL
) -> list[OftenPredicted]:
    """Return the classes that are predicted more often than given, the most certain first.

    Correct predictions say nothing about it. Of the errors that a class takes part in, a model without a
    preference takes as many images into the class as out of it: the exact binomial test of McNemar,
    one-sided, corrected for the K classes by Holm's method.
    """
    into = matrix.sum(axis=0) - np.diag(matrix)  # (K,)
    out = matrix.sum(axis=1) - np.diag(matrix)  # (K,)
    p = np.array([at_least(int(a), int(a + b)) for a, b in zip(into, out, strict=True)])
    corrected = holm(p)
    return [
        OftenPredicted(class_names[n], int(matrix[n].sum()), int(matrix[:, n].sum()), float(corrected[n]))
        for n in np.argsort(corrected, kind="stable")
        if corrected[n] <= level
    ]


def holm(p: np.ndarray, *, n_tests: int | None = None) -> np.ndarray:
    """Return p-values corrected for having made several tests (Holm 1979), float64 of shape (M,), in 0..1.

    Args:
        n_tests: How many tests were made, where `p` leaves out some with a p-value of 1; default M.
    """
    order = np.argsort(p, kind="stable")
    n = len(p) if n_tests is None else n_tests
    factors = n - np.arange(len(p))
    corrected = np.empty(len(p), dtype=np.float64)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors)) if len(p) else []
    return corrected


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
