"""Baselines that a score must beat: guessing, and always predicting the same class."""

from collections import Counter
from collections.abc import Sequence


def chance(n_classes: int) -> float:
    """Return the expected accuracy of guessing among the classes."""
    return 1 / n_classes


def majority(given: Sequence[str]) -> tuple[str, float]:
    """Return the most frequent given label and the accuracy of always predicting it.

    It is computed from the scored images themselves, so that no constant prediction has a higher accuracy.
    """
    counts = Counter(given)
    name = min(counts, key=lambda each: (-counts[each], each))
    return name, counts[name] / len(given)
