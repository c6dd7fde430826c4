"""Baselines that a score must beat: guessing, and always predicting the same class."""

from collections.abc import Sequence

import numpy as np


def chance(n_classes: int) -> float:
    """Return the expected accuracy of guessing among the classes."""
    return 1 / n_classes


def majority(support: np.ndarray, class_names: Sequence[str]) -> tuple[str, float]:
    """Return the most frequent class and the accuracy of always predicting it.

    It is computed from the scored images themselves, so that no constant prediction has a higher accuracy.
    Of equally frequent classes, the first in the alphabet.

    Args:
        support: int64 of shape (K,): images of each class, at least one in all.
    """
    place = min(range(len(class_names)), key=lambda k: (-support[k], class_names[k]))
    return class_names[place], float(support[place] / support.sum())
