"""What thresholds and new photos are compared with: the answer to each image, without all probabilities."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import open_set, selective, temperature
from peakid.evaluate.trust.selective import Coverage


@dataclass(frozen=True)
class Answers:
    """The predicted classes of N images, some 30 bytes each, ordered by image id.

    Attributes:
        image_ids: int64 of shape (N,).
        groups: int64 of shape (N,): near duplicates have the same number.
        is_right: bool of shape (N,).
        is_other: bool of shape (N,): the predicted class is `other`, which is no answer to new photos.
        confidence: float32 of shape (N,) by temperature, in 0..1.
    """

    run_id: int
    class_names: tuple[str, ...]
    image_ids: np.ndarray
    groups: np.ndarray
    is_right: np.ndarray
    is_other: np.ndarray
    confidence: Mapping[float, np.ndarray]

    def __len__(self) -> int:
        return len(self.image_ids)

    def at(self, threshold: float, value: float = 1.0) -> Coverage:
        """Return what a threshold at a temperature does; there is at least one image."""
        return selective.at(self.confidence[value], self.is_right, self.groups, threshold)

    def wrong(self, threshold: float, value: float = 1.0) -> list[int]:
        """Return the ids of the images that are answered wrong at a threshold, the surest first."""
        confidence = self.confidence[value]
        is_wrong = selective.is_at_least(confidence, threshold) & ~self.is_right
        return self.image_ids[is_wrong][np.argsort(-confidence[is_wrong], kind="stable")].tolist()

    def known_confidence(self, value: float = 1.0) -> np.ndarray:
        """Return the confidence in an answer, float64 of shape (N,); 0 where `other` is predicted."""
        return np.where(self.is_other, 0.0, self.confidence[value].astype(np.float64))


def some(known: Answers, most: int) -> Answers:
    """Return the answers, or of many a random sample, the same each time."""
    if len(known) <= most:
        return known
    chosen = np.sort(np.random.default_rng(0).choice(len(known), most, replace=False))
    return replace(
        known,
        image_ids=known.image_ids[chosen],
        groups=known.groups[chosen],
        is_right=known.is_right[chosen],
        is_other=known.is_other[chosen],
        confidence={value: each[chosen] for value, each in known.confidence.items()},
    )


def of(images: ScoredImages, temperatures: Iterable[float] = (1.0,)) -> Answers:
    """Return the answers to images, at each of some temperatures."""
    other = np.array([open_set.is_other(name) for name in images.class_names], dtype=bool)  # (K,)
    return Answers(
        run_id=images.run_id,
        class_names=images.class_names,
        image_ids=images.image_ids,
        groups=images.groups,
        is_right=images.is_right,
        is_other=other[images.predicted],
        confidence={each: temperature.confidence(images.pred_probs, each) for each in temperatures},
    )
