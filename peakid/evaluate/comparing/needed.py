"""How many more images would settle whether two runs differ, from how often they differ now."""

import math
from dataclasses import dataclass

from peakid.evaluate.intervals import Z_95

POWER = 0.8
Z_POWER = 0.8416212335729143  # The 80 % point of the standard normal distribution.
MOST = 1_000_000  # Images. Beyond it, more images are no answer.


@dataclass(frozen=True)
class Needed:
    """Images in addition to those compared, with which the interval leaves out 0 in 80 % of cases.

    Attributes:
        n_more: If the true difference is the observed one; None where that is too many, or there is none.
        n_more_at_best: If it is as large as the interval allows: no smaller number is likely to do. None
            where the images compared would have been enough for so large a difference.
        difference: The observed one, in -1..1.
        largest: The end of its interval that is farther from 0.
    """

    n_more: int | None
    n_more_at_best: int | None
    difference: float
    largest: float


def images(share_differing: float, difference: float, *, effect: float = 1.0) -> int | None:
    """Return the number of images with which a difference is found in 80 % of cases; None above a million.

    Connor 1987 for McNemar's test: the images on which two runs differ, with their spread under no
    difference and under this one.

    Args:
        share_differing: Images on which exactly one of the runs is right, in 0..1.
        difference: Accuracy b minus accuracy a, at most `share_differing` in size.
        effect: The design effect of near duplicates, 1 or more.
    """
    size = abs(difference)
    if size == 0.0:
        return None
    share = max(share_differing, size)
    root = Z_95 * math.sqrt(share) + Z_POWER * math.sqrt(max(0.0, share - size**2))
    needed = effect * (root / size) ** 2
    return math.ceil(needed) if needed <= MOST else None


def more(
    n_images: int, n_only_a: int, n_only_b: int, interval: tuple[float, float], *, effect: float = 1.0
) -> Needed:
    """Return how many more images would settle a comparison.

    Args:
        n_images: Those compared.
        n_only_a: Images that only run a predicts correctly, `n_only_b` those that only run b does.
        interval: Of the difference.
        effect: As for `images`.
    """
    difference = (n_only_b - n_only_a) / n_images
    # Half an image more in each cell, as in the interval: from few images on which they differ, or none.
    share = (n_only_a + n_only_b + 1) / (n_images + 2)
    largest = max(interval, key=abs)
    found, at_best = (images(share, each, effect=effect) for each in (difference, largest))
    at_best = None if at_best is None or at_best <= n_images else at_best
    return Needed(_beyond(found, n_images), _beyond(at_best, n_images), difference, largest)


def rounded(n_images: int) -> int:
    """Return a number of images to two digits, upwards: the estimate is not more precise."""
    unit = 10 ** max(0, len(str(n_images)) - 2)
    return math.ceil(n_images / unit) * unit


def _beyond(n_needed: int | None, n_images: int) -> int | None:
    return None if n_needed is None else max(1, n_needed - n_images)
