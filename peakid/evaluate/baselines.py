"""What a score must beat: guessing, and always answering the same."""

from collections import Counter
from collections.abc import Sequence


def chance(n_classes: int) -> float:
    """Return the accuracy of guessing among the classes."""
    return 1 / n_classes


def majority(given: Sequence[str]) -> tuple[str, float]:
    """Return the class that is given most often and the accuracy of always answering it.

    It is taken from the scored images themselves, so no constant answer does better.
    """
    counts = Counter(given)
    name = min(counts, key=lambda each: (-counts[each], each))
    return name, counts[name] / len(given)
