"""Sets of classes that contain the right one with a chosen probability, for each class on its own.

Split conformal prediction with the score 1 - probability (LAC: Sadinle, Lei and Wasserman 2019), calibrated
within each class (Mondrian: Vovk 2012). The guarantee needs no assumption about the model: only that the
images of a class are exchangeable with those it was calibrated on.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from peakid.evaluate import scored_images
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
    label = scores.labels(images)
    n_classes = len(images.class_names)
    _, first = np.unique(np.stack([images.groups, label], axis=1), axis=0, return_index=True)
    score = _scores(images.pred_probs)[first, label[first]]  # (n,)
    of_class = label[first]
    quantile = np.full(n_classes, np.inf)
    for k in range(n_classes):
        ordered = np.sort(score[of_class == k])
        place = math.ceil(_rounded((len(ordered) + 1) * level))
        if place <= len(ordered):
            quantile[k] = ordered[place - 1]
    return Limits(level, quantile, np.bincount(of_class, minlength=n_classes))


def sets(pred_probs: np.ndarray, limits: Limits) -> np.ndarray:
    """Return which classes are in the set of each image, bool of shape (N, K)."""
    return _scores(pred_probs) <= limits.quantile


def report(images: ScoredImages, calibrated_on: ScoredImages | None, level: float) -> ConformalSets:
    """Return the coverage and the size of the sets of at least one image.

    Args:
        calibrated_on: Other images of the same run; None = cross-fit on `images` themselves.
    """
    label, n_classes = scores.labels(images), len(images.class_names)
    if calibrated_on is not None:
        limits = [fit(calibrated_on, level)]
        inside = sets(images.pred_probs, limits[0])
    else:
        limits, inside = _cross_fitted(images, level)
    is_covered, size = inside[np.arange(len(label)), label], inside.sum(axis=1)
    is_limited = np.all([np.isfinite(each.quantile) for each in limits], axis=0)
    n_calibration = np.min([each.n_calibration for each in limits], axis=0)
    return ConformalSets(
        level=level,
        scheme="cross-fitted" if calibrated_on is None else "valid",
        n_needed=limits[0].n_needed,
        n_images=len(label),
        coverage=float(is_covered.mean()),
        interval=grouped.share_interval(is_covered, images.groups),
        mean_size=float(size.mean()),
        sizes=tuple(np.bincount(size, minlength=n_classes + 1).tolist()),
        classes=tuple(
            _class_coverage(
                name, int(n_calibration[k]), bool(is_limited[k]), label == k, is_covered, size, images.groups
            )
            for k, name in enumerate(images.class_names)
        ),
    )


def _cross_fitted(images: ScoredImages, level: float) -> tuple[list[Limits], np.ndarray]:
    fold = temperature.folds(images.groups)
    inside, limits = np.zeros(images.pred_probs.shape, dtype=bool), []
    for each in np.unique(fold):
        limits.append(fit(scored_images.subset(images, fold != each), level))
        inside[fold == each] = sets(images.pred_probs[fold == each], limits[-1])
    return limits, inside


def _class_coverage(
    name: str,
    n_calibration: int,
    is_limited: bool,
    is_member: np.ndarray,
    is_covered: np.ndarray,
    size: np.ndarray,
    groups: np.ndarray,
) -> ClassCoverage:
    if not is_member.any():
        return ClassCoverage(name, n_calibration, is_limited, 0, None, None, None)
    return ClassCoverage(
        class_name=name,
        n_calibration=n_calibration,
        is_limited=is_limited,
        n_images=int(is_member.sum()),
        coverage=float(is_covered[is_member].mean()),
        interval=grouped.share_interval(is_covered[is_member], groups[is_member]),
        mean_size=float(size[is_member].mean()),
    )


def _scores(pred_probs: np.ndarray) -> np.ndarray:
    return 1 - np.asarray(pred_probs, dtype=np.float64)


def _rounded(value: float) -> float:
    # 20 * .95 is 19.000000000000004 for some ways of writing .95: one image too many.
    return round(value, 9)
