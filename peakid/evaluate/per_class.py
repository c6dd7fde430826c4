"""How well each class is recognised."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.evaluate.intervals import wilson


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class, in 0..1, high = good. `support` is the number of images given this class.

    precision: of the images predicted as it, the share that are. recall: of its images, the share predicted
    so, with its 95 % interval. f1: their harmonic mean. What has nothing to be counted on is 0, as in
    scikit-learn; the support and the interval (0, 1) tell it from a real 0.
    """

    class_name: str
    precision: float
    recall: float
    f1: float
    support: int
    recall_interval: tuple[float, float]


def scores(matrix: np.ndarray, class_names: Sequence[str]) -> list[ClassScore]:
    """Score every class of a confusion matrix (row = given label, column = predicted label), in its order."""
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
