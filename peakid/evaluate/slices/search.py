"""Test whether slices have more errors than other images of the same classes, corrected for their number.

Errors are shuffled among the images of each class. The largest excess of errors over all slices, shuffle by
shuffle, says how large an excess is by chance somewhere: of data without slices, at most 5 % give an alarm.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

LEAST_IMAGES = 10  # In a slice and outside it, of classes that have images in both.
LARGEST_P = 0.05  # Of the corrected p-value: the share of searches without any slice that give an alarm.
MOST_SHUFFLES, LEAST_SHUFFLES = 4_999, 499  # A p-value of .05 is then known to .003 and .01.
_MOST_CELLS = 25_000_000  # Images times shuffles: about a second.
_BLOCK = 2_000_000  # Of them at once, which limits the memory.
MOST_IMAGES = 50_000  # Of more images a random sample is tested, which has errors enough.


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes:
        p_values: float64 of shape (S,): corrected for the number of slices; NaN where a slice was not tested.
        n_tested: Slices that were tested.
        n_shuffles: How often the errors were shuffled.
    """

    p_values: np.ndarray
    n_tested: int
    n_shuffles: int


@dataclass(frozen=True)
class _Expected:
    """What the S slices would have if errors had nothing to do with them, given those of each class.

    Attributes:
        n_images: float64 of shape (S,): images of classes with errors and correct images, and with images
            outside the slice.
        mean: Their errors.
        variance: Of these (hypergeometric, summed over classes: Mantel and Haenszel 1959).
    """

    n_images: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def search(
    is_wrong: np.ndarray,
    classes: np.ndarray,
    members: np.ndarray,
    *,
    seed: int = 0,
    n_shuffles: int | None = None,
) -> Searched:
    """Test each slice for more errors than images of the same classes outside it have.

    Westfall and Young 1993: the step-down maximum over the slices, which needs no assumption on how slices
    overlap.

    Args:
        is_wrong: bool of shape (N,). Near duplicates must count once, since they are not independent.
        classes: int of shape (N,): the given label. Errors are compared within it.
        members: bool of shape (S, N).
        n_shuffles: None = as many as fit into about a second.
    """
    random = np.random.default_rng(seed)
    if len(is_wrong) > MOST_IMAGES:
        kept = np.sort(random.choice(len(is_wrong), MOST_IMAGES, replace=False))
        is_wrong, classes, members = is_wrong[kept], classes[kept], members[:, kept]
    p_values = np.full(len(members), np.nan)
    tested = testable(classes, members)
    strata = _strata(is_wrong, classes)
    expected = _expected(is_wrong, strata, members[tested])
    varies = expected.variance > 0
    tested = tested[varies]
    if not len(tested):
        return Searched(p_values, 0, 0)
    expected = _Expected(expected.n_images[varies], expected.mean[varies], expected.variance[varies])
    n = n_shuffles or int(np.clip(_MOST_CELLS // max(1, len(is_wrong)), LEAST_SHUFFLES, MOST_SHUFFLES))
    observed, shuffled = _errors(is_wrong, strata, members[tested], n, random)
    p_values[tested] = _step_down(_excess(observed, expected), _excess(shuffled, expected))
    return Searched(p_values, len(tested), n)


def testable(classes: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the numbers of the slices with enough images inside and outside, of classes that have both.

    It does not depend on errors: what is left out costs no correction.
    """
    n_classes = int(classes.max()) + 1 if len(classes) else 0
    of_class = np.bincount(classes, minlength=n_classes)
    found = []
    for number, member in enumerate(members):
        inside = np.bincount(classes[member], minlength=n_classes)
        both = (inside > 0) & (inside < of_class)
        n_inside = int(inside[both].sum())
        if n_inside >= LEAST_IMAGES and int(of_class[both].sum()) - n_inside >= LEAST_IMAGES:
            found.append(number)
    return np.array(found, dtype=np.int64)


def _strata(is_wrong: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each class that has errors and correct images: the others cannot differ."""
    order = np.argsort(classes, kind="stable")
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
    rows = np.split(order, starts[1:]) if len(order) else []
    return [each for each in rows if 0 < is_wrong[each].sum() < len(each)]


def _expected(is_wrong: np.ndarray, strata: list[np.ndarray], members: np.ndarray) -> _Expected:
    n_images, mean, variance = np.zeros((3, len(members)))
    for rows in strata:
        n, n_wrong = len(rows), int(is_wrong[rows].sum())
        inside = members[:, rows].sum(axis=1)  # (S,)
        counted = np.where(inside < n, inside, 0)
        n_images += counted
        mean += counted * n_wrong / n
        variance += counted * (n - counted) * n_wrong * (n - n_wrong) / (n * n * (n - 1))
    return _Expected(n_images, mean, variance)


def _errors(
    is_wrong: np.ndarray,
    strata: list[np.ndarray],
    members: np.ndarray,
    n_shuffles: int,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of each slice: (S, 1) as they are, and (S, n_shuffles) shuffled within classes."""
    observed = np.zeros((len(members), 1))
    shuffled = np.zeros((len(members), n_shuffles))
    for rows in strata:
        n, n_wrong = len(rows), int(is_wrong[rows].sum())
        inside = members[:, rows]
        inside = (inside & (inside.sum(axis=1) < n)[:, None]).astype(np.float32)
        observed += inside @ is_wrong[rows].astype(np.float32)[:, None]
        at_once = max(1, _BLOCK // n)
        for start in range(0, n_shuffles, at_once):
            size = min(at_once, n_shuffles - start)
            # The smallest of random numbers are the errors: four times as fast as a permutation.
            drawn = random.random((size, n))
            highest = np.partition(drawn, n_wrong - 1, axis=1)[:, n_wrong - 1]
            block = (drawn <= highest[:, None]).astype(np.float32)  # (size, n)
            shuffled[:, start : start + size] += (block @ inside.T).T
    return observed, shuffled


def _excess(errors: np.ndarray, expected: _Expected) -> np.ndarray:
    """Return how far counts of errors are above those expected: positive = more, in standard deviations.

    It is the signed root of the deviance of a binomial count, scaled to the variance within classes. The
    plain score of a small slice is too often large, and would hide larger slices behind it.

    Args:
        errors: Of shape (S, B).
    """
    n, mean = expected.n_images[:, None], expected.mean[:, None]
    scale = mean * (n - mean) / n / expected.variance[:, None]
    deviance = 2 * (xlogy(errors, errors / mean) + xlogy(n - errors, (n - errors) / (n - mean)))
    return np.sign(errors - mean) * np.sqrt(np.maximum(0, deviance) * scale)


def _step_down(observed: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
    """Return the corrected p-values of (S, 1) observed excesses by (S, B) shuffled ones."""
    values = observed[:, 0]
    order = np.argsort(-values, kind="stable")
    # The largest excess among a slice and those below it, for each shuffle.
    largest = np.maximum.accumulate(shuffled[order][::-1], axis=0)[::-1]  # (S, B)
    as_large = (largest >= values[order][:, None] - 1e-6).sum(axis=1)
    found = np.maximum.accumulate((as_large + 1) / (shuffled.shape[1] + 1))
    p_values = np.empty(len(values))
    p_values[order] = found
    return p_values
