"""Compare the accuracy of a slice with that of the other images of the same classes.

A slice of hard classes has many errors wherever it comes from. Within classes, that is no difference.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from peakid.evaluate.intervals import Z_95


@dataclass(frozen=True)
class Difference:
    """Accuracy of a slice minus that of the rest, -1..1, with its 95 % interval.

    Attributes:
        n_inside: Images of the slice that were compared; `n_outside` those of the rest.
    """

    value: float
    interval: tuple[float, float]
    n_inside: int
    n_outside: int


@dataclass(frozen=True)
class Counts:
    """Images and correct ones of each of K classes, int64 of shape (K,): of a slice, or of all."""

    n_images: np.ndarray
    n_right: np.ndarray

    def without(self, other: "Counts") -> "Counts":
        return Counts(self.n_images - other.n_images, self.n_right - other.n_right)

    def pooled(self) -> "Counts":
        """Return the same counts as if there was one class."""
        return Counts(self.n_images.sum(keepdims=True), self.n_right.sum(keepdims=True))


def count(answers: np.ndarray, n_classes: int) -> Counts:
    """Count images and correct ones by class.

    Args:
        answers: int of shape (n,): two times the number of the given class, plus 1 where it is right.
    """
    counted = np.bincount(answers, minlength=2 * n_classes).reshape(n_classes, 2)
    return Counts(counted.sum(axis=1), counted[:, 1])


def balanced_accuracy(counts: Counts) -> float | None:
    """Return the mean share of correct images over the classes with images; None without any."""
    present = counts.n_images > 0
    if not present.any():
        return None
    return float((counts.n_right[present] / counts.n_images[present]).mean())


def expected_accuracy(inside: Counts, everything: Counts) -> float | None:
    """Return what the accuracy of a slice would be if its classes were as accurate as in all images."""
    n = int(inside.n_images.sum())
    if n == 0:
        return None
    accuracy = everything.n_right / np.maximum(everything.n_images, 1)  # (K,)
    return float((inside.n_images * accuracy).sum() / n)


def difference(inside: Counts, outside: Counts, *, z: float = Z_95) -> Difference | None:
    """Return the difference within classes, averaged with the weights of Mantel and Haenszel.

    The interval inverts the test with the variance of Sato, Greenland and Robins 1989 (Klingenberg 2014),
    which has the right coverage also for many classes with few images each.

    Returns:
        None if no class has images both in the slice and outside it.
    """
    both = (inside.n_images > 0) & (outside.n_images > 0)
    if not both.any():
        return None
    n1, n0 = (each.n_images[both].astype(np.float64) for each in (inside, outside))
    a, c = (each.n_right[both].astype(np.float64) for each in (inside, outside))
    n = n1 + n0
    weight = float((n1 * n0 / n).sum())
    value = float(((a * n0 - c * n1) / n).sum()) / weight
    p = float(((c * n1**2 - a * n0**2 + n1 * n0 * (n0 - n1) / 2) / n**2).sum())
    q = float(((a * (n0 - c) + c * (n1 - a)) / (2 * n)).sum())
    middle = value + z * z * p / (2 * weight**2)
    half = sqrt(max(0.0, middle**2 - value**2 + z * z * q / weight**2))
    if q == 0:
        # Each class is all correct or all wrong, inside and outside: the formula may have no width. Wilson's
        # bound of a share without a case, on the side with fewer images.
        fewer = float(min(n1.sum(), n0.sum()))
        middle, half = value, z * z / (fewer + z * z)
    interval = max(-1.0, middle - half), min(1.0, middle + half)
    return Difference(value, interval, int(n1.sum()), int(n0.sum()))
