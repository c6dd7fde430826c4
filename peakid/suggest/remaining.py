"""Estimate how many label errors remain among the labels that no person has reviewed, from a random sample.

The sample is stratified after it was drawn: the images that are left are cut into three strata by how
doubtful their labels are, and each stratum has the error rate that its part of the sample shows. The prior
of all strata together is that of Jeffreys for one rate (half an error), so that a sample without errors does
not prove that there are none. A model that ranks badly widens the interval; it does not bias it.

Images of the sample that are more doubtful than nearly all that are left say nothing about those: a ranked
review has removed their like since. The ranked review itself says one thing: the labels that are left are not
worse on average than the last ones it reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

NOT_JUDGED, RIGHT, WRONG = -1, 0, 1  # What a person said about a label.

FEWEST_AUDITED = 20  # With fewer, the interval reaches from none to a sixth of all labels.
SAMPLE_SIZE = 100  # Without an error in it, fewer than 3 % of the labels are wrong.
LEVEL = 0.95
N_NEXT = 50  # Looks that `expected_in_next` is about.

_CUTS = (0.6, 0.9)  # Of the images that are left: most errors are among the most doubtful tenth.
_N_LAST = 50  # Newest, so least doubtful, images of the ranked review.
_IN_RANGE = 0.998  # Quantile of doubt up to which an image of the sample resembles those that are left.
_N_DRAWS = 8_000  # The ends of the interval then vary by some 2 % of its width with the seed.
_FEWEST_KEPT = 200  # Draws that agree with the ranked review; with fewer, the two contradict each other.
_SMALLEST = 1e-3  # Of a parameter of a beta distribution.


@dataclass(frozen=True)
class Next:
    """Of the next `n` images in ranked order, `found` should turn out to be wrong."""

    n: int
    found: int


@dataclass(frozen=True)
class Remaining:
    """How many label errors remain.

    Attributes:
        n_left: Labels that no person has reviewed; the errors are among these.
        n_audited: Images of the random sample that count.
        n_wrong: How many of them were wrong.
        n_expected: Median of the distribution; None where nothing can be said yet.
        interval: Of 95 %.
        expected_in_next: None where nothing can be said yet.
        n_test: Images of the test split.
        test_shift: The most by which correcting the errors would move the accuracy on test, 0..1; None
            without a test split.
        n_to_audit: Images to add to the sample, 0 if all labels are reviewed.
    """

    n_left: int
    n_audited: int
    n_wrong: int
    n_to_audit: int
    n_expected: int | None = None
    interval: tuple[int, int] | None = None
    expected_in_next: Next | None = None
    n_test: int = 0
    test_shift: float | None = None

    @property
    def is_wide(self) -> bool:
        """Return whether the interval is wider than twice the estimate, and by more than a few errors."""
        if self.interval is None or self.n_expected is None:
            return False
        return self.interval[1] - self.interval[0] > max(10, 2 * self.n_expected)


@dataclass(frozen=True)
class Labels:
    """The labels of N images that no person had reviewed before this review began.

    Attributes:
        doubt: float64 of shape (N,), in 0..1, high = doubtful, as it was before the image was judged. Only
            its order and its share of the total matter. Equal for all where no model has seen them.
        judgement: int8 of shape (N,): `NOT_JUDGED`, `RIGHT` or `WRONG`.
        is_audit: bool of shape (N,): judged as part of a random sample. The others that are judged were
            judged in ranked order.
        is_test: bool of shape (N,): in the test split.
        n_test: Images of the test split, also those that are not among these.
    """

    doubt: np.ndarray
    judgement: np.ndarray
    is_audit: np.ndarray
    is_test: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    n_test: int = 0

    @property
    def is_left(self) -> np.ndarray:
        return self.judgement == NOT_JUDGED


def estimate(labels: Labels, *, reviewer_error: float = 0.0, seed: int = 0) -> Remaining:
    """Estimate how many labels are wrong among those that are not judged.

    "Wrong" means: this reviewer would change it. With `reviewer_error`, it means that the label really is
    wrong.

    Args:
        reviewer_error: Share of judgements that are mistaken, 0 to below .5: a right label changed, or a
            wrong one confirmed.
        seed: Of the random numbers that the distribution is computed with.
    """
    n_left = int(labels.is_left.sum())
    used = _used_of_sample(labels)
    n_audited, n_wrong = int(used.sum()), int((labels.judgement[used] == WRONG).sum())
    n_more = SAMPLE_SIZE - n_audited if n_audited <= SAMPLE_SIZE // 2 else SAMPLE_SIZE
    n_to_audit = min(n_left, n_more)
    if n_left and n_audited < FEWEST_AUDITED:
        return Remaining(n_left, n_audited, n_wrong, n_to_audit, n_test=labels.n_test)
    rng = np.random.default_rng(seed)
    strata = _strata(labels)
    rates = _rates(labels, used, strata, rng)  # (D, S)
    rates = np.clip((rates - reviewer_error) / (1 - 2 * reviewer_error), 0, 1)
    n_of = np.bincount(strata[labels.is_left], minlength=rates.shape[1])  # (S,)
    errors = rng.binomial(n_of, rates)  # (D, S)
    low, median, high = _quantiles(errors.sum(axis=1))
    return Remaining(
        n_left,
        n_audited,
        n_wrong,
        n_to_audit,
        n_expected=median,
        interval=(low, high),
        expected_in_next=_expected_in_next(labels, errors, strata, median),
        n_test=labels.n_test,
        test_shift=_test_shift(labels, rates, strata, rng),
    )


def _used_of_sample(labels: Labels) -> np.ndarray:
    """Return which images of the sample resemble those that are left: bool of shape (N,)."""
    used = labels.is_audit & ~labels.is_left
    if labels.is_left.any():
        used &= labels.doubt <= np.quantile(labels.doubt[labels.is_left], _IN_RANGE)
    return used


def _strata(labels: Labels) -> np.ndarray:
    """Return the stratum of each image, 0 = least doubtful: int64 of shape (N,)."""
    if not labels.is_left.any():
        return np.zeros(len(labels.doubt), dtype=np.int64)
    cuts = np.unique(np.quantile(labels.doubt[labels.is_left], _CUTS))
    found = np.searchsorted(cuts, labels.doubt)  # Equal doubt: one stratum.
    return np.unique(found, return_inverse=True)[1]


def _rates(labels: Labels, used: np.ndarray, strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the error rate of each stratum from its distribution: float64 of shape (D, S)."""
    n_strata = int(strata.max(initial=0)) + 1
    n_right, n_wrong = (
        np.bincount(strata[used & (labels.judgement == each)], minlength=n_strata) for each in (RIGHT, WRONG)
    )
    n_of = np.bincount(strata[labels.is_left], minlength=n_strata)
    doubt = np.bincount(strata[labels.is_left], labels.doubt[labels.is_left], n_strata)
    # Half an error in all: half of it where the model expects errors, half of it anywhere.
    prior = 0.25 * doubt / max(doubt.sum(), _SMALLEST) + 0.25 / n_strata
    rates = rng.beta(n_wrong + prior + _SMALLEST, n_right + 0.5, (_N_DRAWS, n_strata))
    last = _last_ranked(labels)
    if not len(last) or not n_of.sum():
        return rates
    n_found = int((labels.judgement[last] == WRONG).sum())
    of_last = rng.beta(n_found + 0.5, len(last) - n_found + 0.5, _N_DRAWS)
    is_kept = rates @ n_of / n_of.sum() <= of_last
    return rates[is_kept] if is_kept.sum() >= _FEWEST_KEPT else rates


def _last_ranked(labels: Labels) -> np.ndarray:
    """Return the indices of the images that the ranked review reached last: the least doubtful ones."""
    ranked = np.flatnonzero(~labels.is_left & ~labels.is_audit)
    return ranked[np.argsort(labels.doubt[ranked], kind="stable")][:_N_LAST]


def _expected_in_next(labels: Labels, errors: np.ndarray, strata: np.ndarray, n_expected: int) -> Next:
    """Share the errors of each stratum among its images by their doubt, and count the most doubtful."""
    left = np.flatnonzero(labels.is_left)
    first = left[np.argsort(-labels.doubt[left], kind="stable")][:N_NEXT]
    total = np.bincount(strata[left], labels.doubt[left], errors.shape[1])
    part = np.bincount(strata[first], labels.doubt[first], errors.shape[1])
    share = np.divide(part, total, out=np.zeros(len(total)), where=total > 0)
    found = float(np.median(errors, axis=0) @ share)
    if len(last := _last_ranked(labels)):  # The ranked review does not become more fruitful.
        rate = (int((labels.judgement[last] == WRONG).sum()) + 0.5) / (len(last) + 1)
        found = min(found, rate * len(first))
    return Next(len(first), min(round(found), n_expected, len(first)))


def _test_shift(
    labels: Labels, rates: np.ndarray, strata: np.ndarray, rng: np.random.Generator
) -> float | None:
    """Return the upper end of the share of test images with a wrong label: each moves the score by one."""
    if not labels.n_test:
        return None
    n_of = np.bincount(strata[labels.is_left & labels.is_test], minlength=rates.shape[1])
    return _quantiles(rng.binomial(n_of, rates).sum(axis=1))[2] / labels.n_test


def _quantiles(values: np.ndarray) -> Sequence[int]:
    """Return the ends of the interval and the median of integers, in order: low, median, high."""
    tail = (1 - LEVEL) / 2
    low, median, high = np.quantile(values, [tail, 0.5, 1 - tail], method="inverted_cdf")
    return int(low), int(median), int(high)
