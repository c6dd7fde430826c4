"""Precision, recall and F1 of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.evaluate.intervals import wilson


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class, in 0..1, high = good. A score without images to count is 0, as in scikit-learn.

    Attributes:
        precision: Share of the images predicted as the class that have its label.
        recall: Share of the images with its label that are predicted as the class.
        f1: Harmonic mean of the two.
        support: Images with its label; 0 distinguishes a recall without images from a real 0.
        recall_interval: 95 % interval of the recall, (0, 1) without images.
    """

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int
    recall_interval: tuple[float, float]


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
        )
        for i, name in enumerate(class_names)
    ]


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
