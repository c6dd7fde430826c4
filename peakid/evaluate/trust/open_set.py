"""Photos of something else: whether a model is less sure of them, and how many it answers anyway."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy

from peakid.evaluate.trust import grouped, selective
from peakid.evaluate.trust.grouped import Groups, Interval

OTHER = "other"  # A class of this name stands for everything else: predicting it is no answer.


@dataclass(frozen=True)
class OpenSet:
    """How a model tells photos of its classes from unrelated photos.

    Attributes:
        auroc: Probability that a photo of a class has a higher confidence than an unrelated one, 0..1; 0.5 =
            no better than chance.
        false_accepts: Share of unrelated photos that are answered at the threshold.
        answered: Share of the photos of the classes that are answered at it.
        has_other: Whether the model has a class for everything else.
    """

    threshold: float
    n_known: int
    n_unrelated: int
    auroc: float
    auroc_interval: Interval
    n_accepted: int
    false_accepts: float
    false_accepts_interval: Interval
    answered: float
    answered_interval: Interval
    has_other: bool

    def to_json(self) -> dict[str, Any]:
        """Return the figures as `--json` prints them."""
        return asdict(self)


def is_other(class_name: str) -> bool:
    """Return whether a class stands for everything else."""
    return class_name.strip().casefold() == OTHER


def known_confidence(pred_probs: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Return the probability of the best class but `other`, (N,); 0 where `other` is the prediction."""
    others = np.array([is_other(name) for name in class_names])  # (K,)
    confidence = np.asarray(pred_probs, dtype=np.float64).max(axis=1)
    return np.where(others[pred_probs.argmax(axis=1)], 0.0, confidence)


def compare(
    known: np.ndarray,
    known_groups: np.ndarray,
    unrelated: np.ndarray,
    unrelated_groups: np.ndarray,
    *,
    threshold: float,
    has_other: bool = False,
) -> OpenSet:
    """Compare the confidence in photos of the classes with that in unrelated photos; both have at least one.

    Args:
        known: `known_confidence` of the first, of shape (M,), and their groups.
        unrelated: That of the second, of shape (N,), and their groups.
    """
    is_accepted = selective.is_at_least(unrelated, threshold) & (unrelated > 0)
    is_answered = selective.is_at_least(known, threshold) & (known > 0)
    value, interval = auroc(known, known_groups, unrelated, unrelated_groups)
    return OpenSet(
        threshold=threshold,
        n_known=len(known),
        n_unrelated=len(unrelated),
        auroc=value,
        auroc_interval=interval,
        n_accepted=int(is_accepted.sum()),
        false_accepts=float(is_accepted.mean()),
        false_accepts_interval=grouped.share_interval(is_accepted, unrelated_groups),
        answered=float(is_answered.mean()),
        answered_interval=grouped.share_interval(is_answered, known_groups),
        has_other=has_other,
    )


def auroc(
    high: np.ndarray, high_groups: np.ndarray, low: np.ndarray, low_groups: np.ndarray
) -> tuple[float, Interval]:
    """Return the probability that one of `high` exceeds one of `low` (ties count half), and its interval.

    The interval is Wilson's for the effective number of images, with the variance of DeLong et al. 1988 by
    groups (Obuchowski 1997). Where all of `high` exceed all of `low`, it is that of the smaller side.
    """
    m, n = len(high), len(low)
    ranks = scipy.stats.rankdata(np.concatenate([high, low]))
    of_high = (ranks[:m] - scipy.stats.rankdata(high)) / n  # (m,) share of `low` below each of `high`
    of_low = 1 - (ranks[m:] - scipy.stats.rankdata(low)) / m  # (n,) share of `high` above each of `low`
    value = float(of_high.mean())
    influence = np.concatenate([(of_high - value) / m, (of_low - value) / n])
    sides = [Groups.of(high_groups), Groups.of(low_groups)]
    number = np.concatenate([sides[0].number, sides[1].number + sides[0].n_groups])
    groups = Groups(number, np.concatenate([sides[0].sizes, sides[1].sizes]))
    n_most = float(min(m, n)) if value in (0.0, 1.0) else 2.0 * min(m, n)
    return value, grouped.bounded_interval(value, influence, groups, n_most=n_most)
