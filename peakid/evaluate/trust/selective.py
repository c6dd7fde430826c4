"""Selective prediction: the share of images that a model answers above a confidence, and its accuracy."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy

from peakid.evaluate.trust import grouped
from peakid.evaluate.trust.grouped import Groups, Interval

N_POINTS = 51  # Of a curve, at even shares of answered images.
N_STAGES = 20  # Shares of answered images among which a threshold is chosen.
N_STARTS = 2
ERROR_RATE = 0.05  # Of all stages together: how often a chosen threshold may miss its target.


@dataclass(frozen=True)
class Coverage:
    """What a threshold does to N images.

    Attributes:
        threshold: Images with a confidence of at least this, 0..1, are answered.
        coverage: Share of answered images, with its 95 % interval.
        accuracy: Share of the answered images that are right, with its 95 % interval; None where none is.
    """

    threshold: float
    n_images: int
    n_answered: int
    n_wrong: int
    coverage: float
    coverage_interval: Interval
    accuracy: float | None
    accuracy_interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as `--json` prints them."""
        return asdict(self)


@dataclass(frozen=True)
class Chosen:
    """A threshold above which the accuracy is at least a target, with 95 % certainty.

    Attributes:
        threshold: None where none could be shown to reach it.
        most_certain: The highest accuracy that some stage shows with the same certainty, 0..1.
        n_needed: Answered images, all of them right, without which the target cannot be shown at all.
    """

    target: float
    threshold: float | None
    most_certain: float
    n_needed: int


def at(confidence: np.ndarray, is_right: np.ndarray, groups: np.ndarray, threshold: float) -> Coverage:
    """Return what a threshold does.

    Args:
        confidence: Of shape (N,), N > 0.
        is_right: bool of shape (N,).
        groups: Of shape (N,).
    """
    is_answered = is_at_least(confidence, threshold)
    n_answered = int(is_answered.sum())
    right = is_right[is_answered]
    return Coverage(
        threshold=float(threshold),
        n_images=len(confidence),
        n_answered=n_answered,
        n_wrong=n_answered - int(right.sum()),
        coverage=n_answered / len(confidence),
        coverage_interval=grouped.share_interval(is_answered, groups),
        accuracy=float(right.mean()) if n_answered else None,
        accuracy_interval=grouped.share_interval(right, groups[is_answered]) if n_answered else None,
    )


def is_at_least(confidence: np.ndarray, threshold: float) -> np.ndarray:
    """Return whether each confidence reaches the threshold, compared as an export compares them."""
    return np.asarray(confidence, dtype=np.float64) >= float(threshold)


def curve(confidence: np.ndarray, is_right: np.ndarray, groups: np.ndarray) -> list[Coverage]:
    """Return the figures for thresholds from 0 upwards, which answer fewer and fewer images."""
    ordered = np.sort(np.asarray(confidence, dtype=np.float64))
    places = np.unique(np.linspace(0, len(ordered) - 1, N_POINTS).round().astype(np.int64))
    thresholds = np.unique(ordered[places])
    return [at(confidence, is_right, groups, float(each)) for each in (0.0, *thresholds[1:])]


def choose(confidence: np.ndarray, is_right: np.ndarray, groups: np.ndarray, target: float) -> Chosen:
    """Return the lowest threshold whose accuracy is at least `target`, with 95 % certainty.

    Looking at many thresholds and taking one whose interval happens to be high would miss the target more
    often than 1 time in 20. So stages that answer more and more images are tested in turn, until one fails.
    Half of the error rate begins at the first stage, half in the middle, where one error of the surest images
    is forgiven; a half that has passed so far joins the other (Wiens 2003).

    Args:
        target: Accuracy in 0..1, below 1.
    """
    n_needed = math.ceil(math.log(ERROR_RATE / N_STARTS) / math.log(target))
    chosen, most_certain, rate = None, 0.0, 0.0
    thresholds = _stages(confidence, min(n_needed, len(confidence)))
    starts = {0, len(thresholds) // 2}
    for number, threshold in enumerate(thresholds):
        rate += ERROR_RATE / N_STARTS if number in starts else 0.0
        if not rate:
            continue
        is_answered = is_at_least(confidence, threshold)
        certain = _lower_bound(is_right[is_answered], groups[is_answered], rate)
        most_certain = max(most_certain, certain)
        if certain >= target:
            chosen = threshold
        else:
            rate = 0.0
    return Chosen(target, chosen, most_certain, n_needed)


def _stages(confidence: np.ndarray, least: int) -> list[float]:
    """Return thresholds, the highest first, at which from `least` to all images are answered."""
    ordered = np.sort(np.asarray(confidence, dtype=np.float64))[::-1]
    counts = np.unique(np.linspace(least, len(ordered), N_STAGES).round().astype(int))
    thresholds = [float(ordered[count - 1]) for count in counts if count]
    return list(dict.fromkeys(thresholds))


def _lower_bound(hits: np.ndarray, groups: np.ndarray, error_rate: float) -> float:
    """Return the exact lower bound of a share (Clopper and Pearson), by its independent images."""
    found = Groups.of(groups)
    share = float(hits.mean())
    n = found.n_images / grouped.design_effect(hits, found)
    n_right = share * n
    return 0.0 if n_right <= 0 else float(scipy.special.betaincinv(n_right, n - n_right + 1, error_rate))
