"""Sets of classes that contain the right one with a chosen probability, for each class on its own.

Split conformal prediction with the score 1 - probability (LAC: Sadinle, Lei and Wasserman 2019), calibrated
within each class (Mondrian: Vovk 2012). The guarantee needs no assumption about the model: only that the
images of a class are exchangeable with those it was calibrated on.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import grouped, scores, temperature
from peakid.evaluate.trust.grouped import Interval

Scheme = Literal[
    "valid",         # Calibrated on validation, reported on other images.
    "cross-fitted",  # Each fifth of the groups has limits from the other four.
]  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What decides whether a class is in a set.

    Attributes:
        level: The probability to hold in each class, 0..1.
        quantile: float64 of shape (K,): a class is in the set if 1 - its probability is at most this; inf
            where a class has too few images, so that it is always in the set.
        n_calibration: int64 of shape (K,): images, one of each group, that the quantile is from.
    """

    level: float
    quantile: np.ndarray
    n_calibration: np.ndarray

    @property
    def n_needed(self) -> int:
        """Images of a class without which it has to be in every set."""
        return math.ceil(_rounded(self.level / (1 - self.level)))


@dataclass(frozen=True)
class ClassCoverage:
    """The sets of the images of one class.

    Attributes:
        n_calibration: Images of the class that its limit is from (of all folds, where cross-fitted).
        is_limited: False where those are too few: the class is in every set, and its coverage says nothing.
        coverage: Share of its `n_images` images whose set contains it, with its 95 % interval.
        mean_size: Mean number of classes in their sets.
    """

    class_name: str
    n_calibration: int
    is_limited: bool
    n_images: int
    coverage: float | None
    interval: Interval | None
    mean_size: float | None


@dataclass(frozen=True)
class ConformalSets:
    """The sets of all images.

    Attributes:
        n_needed: Calibration images without which a class is in every set.
        coverage: Share of the images whose set contains their label, with its 95 % interval.
        sizes: Number of images by size of their set, from 0 to K.
    """

    level: float
    scheme: Scheme
    n_needed: int
    n_images: int
    coverage: float
    interval: Interval
    mean_size: float
    sizes: tuple[int, ...]
    classes: tuple[ClassCoverage, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as `--json` prints them."""
        return asdict(self)


def fit(images: ScoredImages, level: float) -> Limits:
    """Return the limits of each class from calibration images.

    The quantile is the exact one of finite samples: of n scores, the ceil((n + 1) level)-th smallest. Near
    duplicates are no further evidence, so one image of each group and class counts.
    """
    return _limits(_ordered(images, np.arange(len(images))), level)


def sets(pred_probs: np.ndarray, limits: Limits) -> np.ndarray:
    """Return which classes are in the set of each image, bool of shape (N, K)."""
    return _scores(pred_probs) <= limits.quantile


def report(images: ScoredImages, calibrated_on: ScoredImages | None, level: float) -> ConformalSets:
    """Return the coverage and the size of the sets of at least one image.

    Args:
        calibrated_on: Other images of the same run; None = cross-fit on `images` themselves.
    """
    return reports(images, calibrated_on, [level])[0]


def reports(
    images: ScoredImages, calibrated_on: ScoredImages | None, levels: Sequence[float]
) -> list[ConformalSets]:
    """Return the same for several levels, in little more time than for one."""
    parts = _parts(images, calibrated_on)
    label = scores.labels(images)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(len(images.class_names) + 1))
    members = [order[first:end] for first, end in pairwise(bounds)]
    scheme: Scheme = "cross-fitted" if calibrated_on is None else "valid"
    return [_report(images, parts, label, members, level, scheme) for level in levels]


@dataclass(frozen=True)
class _Part:
    """Images whose limits are from the same others.

    Attributes:
        rows: int64 of shape (n,).
        scores: float64 of shape (n, K).
        ordered: The ascending scores of the calibration images of each class.
    """

    rows: np.ndarray
    scores: np.ndarray
    ordered: list[np.ndarray]


def _parts(images: ScoredImages, calibrated_on: ScoredImages | None) -> list[_Part]:
    if calibrated_on is not None:
        ordered = _ordered(calibrated_on, np.arange(len(calibrated_on)))
        return [_Part(np.arange(len(images)), _scores(images.pred_probs), ordered)]
    fold = temperature.folds(images.groups)
    return [
        _Part(
            rows := np.flatnonzero(fold == each),
            _scores(images.pred_probs[rows]),
            _ordered(images, np.flatnonzero(fold != each)),
        )
        for each in np.unique(fold)
    ]


def _ordered(images: ScoredImages, rows: np.ndarray) -> list[np.ndarray]:
    """Return the ascending scores of each class, of one image of each group, among some rows."""
    label, n_classes = scores.labels(images)[rows], len(images.class_names)
    _, first = np.unique(images.groups[rows].astype(np.int64) * n_classes + label, return_index=True)
    of_class = label[first]
    score = _scores(images.pred_probs[rows[first], of_class])
    order = np.lexsort((score, of_class))
    bounds = np.searchsorted(of_class[order], np.arange(1, n_classes))
    return np.split(score[order], bounds)


def _limits(ordered: Sequence[np.ndarray], level: float) -> Limits:
    quantile = np.full(len(ordered), np.inf)
    for k, each in enumerate(ordered):
        place = math.ceil(_rounded((len(each) + 1) * level))
        if place <= len(each):
            quantile[k] = each[place - 1]
    return Limits(level, quantile, np.array([len(each) for each in ordered]))


def _report(
    images: ScoredImages,
    parts: Sequence[_Part],
    label: np.ndarray,
    members: Sequence[np.ndarray],
    level: float,
    scheme: Scheme,
) -> ConformalSets:
    limits = [_limits(each.ordered, level) for each in parts]
    is_covered, size = np.zeros(len(label), dtype=bool), np.zeros(len(label), dtype=np.int64)
    for part, found in zip(parts, limits, strict=True):
        inside = part.scores <= found.quantile  # (n, K)
        is_covered[part.rows] = inside[np.arange(len(inside)), label[part.rows]]
        size[part.rows] = inside.sum(axis=1)
    is_limited = np.all([np.isfinite(each.quantile) for each in limits], axis=0)
    n_calibration = np.min([each.n_calibration for each in limits], axis=0)
    return ConformalSets(
        level=level,
        scheme=scheme,
        n_needed=limits[0].n_needed,
        n_images=len(label),
        coverage=float(is_covered.mean()),
        interval=grouped.share_interval(is_covered, images.groups),
        mean_size=float(size.mean()),
        sizes=tuple(np.bincount(size, minlength=len(images.class_names) + 1).tolist()),
        classes=tuple(
            _class_coverage(
                name,
                int(n_calibration[k]),
                bool(is_limited[k]),
                is_covered[members[k]],
                size[members[k]],
                images.groups[members[k]],
            )
            for k, name in enumerate(images.class_names)
        ),
    )


def _class_coverage(
    name: str,
    n_calibration: int,
    is_limited: bool,
    is_covered: np.ndarray,
    size: np.ndarray,
    groups: np.ndarray,
) -> ClassCoverage:
    """Return the figures of a class from those of its images, each of shape (n,)."""
    if not len(is_covered):
        return ClassCoverage(name, n_calibration, is_limited, 0, None, None, None)
    return ClassCoverage(
        class_name=name,
        n_calibration=n_calibration,
        is_limited=is_limited,
        n_images=len(is_covered),
        coverage=float(is_covered.mean()),
        interval=grouped.share_interval(is_covered, groups),
        mean_size=float(size.mean()),
    )


def _scores(pred_probs: np.ndarray) -> np.ndarray:
    return 1 - np.asarray(pred_probs, dtype=np.float64)


def _rounded(value: float) -> float:
    # 20 * .95 is 19.000000000000004 for some ways of writing .95: one image too many.
    return round(value, 9)
