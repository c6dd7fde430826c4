"""Which images of a run get heat maps: the worst errors first, then right ones of every class in turn."""

import numpy as np

from peakid.evaluate.scored_images import ScoredImages

DEFAULT_LIMIT = 60  # Images; with lite0 at 160 px about a second each on one CPU core.
ERRORS_SHARE = 0.5  # Of the limit: the rest is for images that are predicted correctly.


def choose(images: ScoredImages, limit: int) -> np.ndarray:
    """Return the positions of at most `limit` images, in the order in which maps are computed.

    Errors come first, the most confident one first. Half of the places are for images that are predicted
    correctly, class by class in turn, so that every class is seen; what one kind leaves the other gets. Of a
    group of near duplicates the first is chosen before the second of any other.

    Returns:
        int64 of shape (n,).
    """
    errors = np.flatnonzero(~images.is_right)
    errors = errors[np.argsort(-images.confidence[errors], kind="stable")]
    right = _in_turn(images, np.flatnonzero(images.is_right))
    n_errors = min(len(errors), max(round(ERRORS_SHARE * limit), limit - len(right)))
    return np.concatenate([errors[:n_errors], right[: limit - n_errors]]).astype(np.int64)


def classes_of(images: ScoredImages, position: int) -> list[int]:
    """Return the classes that an image gets maps for: the predicted one, then the given one if it differs."""
    return list(dict.fromkeys((int(images.predicted[position]), int(images.given[position]))))


def _in_turn(images: ScoredImages, positions: np.ndarray) -> np.ndarray:
    """Order positions so that each class, and within it each group, has its first image before any second."""
    seen: dict[tuple[int, int], int] = {}
    of_class: dict[int, list[tuple[int, int]]] = {}
    for position in positions.tolist():
        name, group = int(images.given[position]), int(images.groups[position])
        again = seen[(name, group)] = seen.get((name, group), -1) + 1
        of_class.setdefault(name, []).append((again, position))
    ranked = [
        (turn, name, position)
        for name, members in of_class.items()
        for turn, (_, position) in enumerate(sorted(members))
    ]
    return np.array([position for _, _, position in sorted(ranked)], dtype=np.int64)
