"""How strange an image is among the others: its mean similarity to the nearest images of a class.

The mean of many neighbours is taken because foreign pictures come in groups, which are near to each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from peakid.embed import neighbours

N_NEIGHBOURS = 50  # In bench/outliers.py 20 and fewer miss groups of a dozen pictures of one kind.
N_REFERENCES = 5_000  # Of larger collections, so many are compared with: the time grows with the images.
N_DEVIATIONS = 3.0  # Below the median, in robust standard deviations: 1 in 700 of a normal distribution.
LONELY_SHARE = 0.01
_TO_SIGMA = 1.4826  # Median absolute deviation -> standard deviation of a normal distribution.
_N_ROWS = 1024  # Images in one block: their similarities to all references take 20 MB.
_NO_ROW = -1


@dataclass(frozen=True)
class Outliers:
    """Outlier scores of N images: 0 = strange, 1 = like the others, NaN = nothing to compare with.

    Attributes:
        score: float32 of shape (N,): mean similarity to the nearest images of the class it resembles most.
        nearest_class: int64 of shape (N,): that class, -1 if it resembles the images without a label most.
        class_score: float32 of shape (N,): the same for its own class; NaN where it has no label.
        nearest_row: int64 of shape (N,): the most similar other image, -1 for none.
        nearest_similarity: float32 of shape (N,): cosine to that image.
    """

    score: np.ndarray
    nearest_class: np.ndarray
    class_score: np.ndarray
    nearest_row: np.ndarray
    nearest_similarity: np.ndarray


@dataclass(frozen=True)
class _References:
    """The images that others are compared with; those of one class follow each other."""

    rows: np.ndarray  # int64 (R,)
    vectors: np.ndarray  # float32 (R, C), normalised
    classes: tuple[tuple[int, slice], ...]  # (class, its references); -1: images without a label


def score(features: np.ndarray, labels: np.ndarray, *, n_references: int = N_REFERENCES) -> Outliers:
    """Return the outlier scores of images.

    An image is compared with up to `N_NEIGHBOURS` images of each class, at most with half of the class, and
    not with itself. Images without a label are compared with as if they were a class.

    Args:
        features: Shape (N, C); may be a memmap.
        labels: int64 of shape (N,); -1 = no label.
        n_references: At least; of more images a sample is compared with, equally many of each class.
    """
    n = len(features)
    references = _sample(features, labels, n_references)
    place = np.full(n, _NO_ROW, np.int64)  # Of an image among the references.
    place[references.rows] = np.arange(len(references.rows))
    found = Outliers(
        score=np.full(n, np.nan, np.float32),
        nearest_class=np.full(n, _NO_ROW, np.int64),
        class_score=np.full(n, np.nan, np.float32),
        nearest_row=np.full(n, _NO_ROW, np.int64),
        nearest_similarity=np.full(n, np.nan, np.float32),
    )
    for block in _blocks(n):
        _score_block(features[block], labels[block], place[block], references, found, block)
    return found


def threshold(scores: np.ndarray) -> float:
    """Return the score below which an image is an outlier: far below the median, as robustly as it allows."""
    known = scores[np.isfinite(scores)]
    if not len(known):
        return 0.0
    median = float(np.median(known))
    return max(0.0, median - N_DEVIATIONS * _TO_SIGMA * float(np.median(np.abs(known - median))))


def lonely_below(nearest_similarity: np.ndarray) -> float:
    """Return the similarity to the nearest image that only `LONELY_SHARE` of the images do not reach."""
    known = nearest_similarity[np.isfinite(nearest_similarity)]
    return float(np.quantile(known, LONELY_SHARE)) if len(known) else 0.0


def _sample(features: np.ndarray, labels: np.ndarray, n_references: int) -> _References:
    known = np.unique(labels)
    most = max(2 * N_NEIGHBOURS, n_references // max(len(known), 1))
    random = np.random.default_rng(0)
    chosen: list[np.ndarray] = []
    classes: list[tuple[int, slice]] = []
    n = 0
    for each in known:
        rows = np.flatnonzero(labels == each)
        if len(rows) > most:
            rows = np.sort(random.choice(rows, most, replace=False))
        chosen.append(rows)
        classes.append((int(each), slice(n, n + len(rows))))
        n += len(rows)
    rows = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
    return _References(rows, neighbours.normalised(features[rows]), tuple(classes))


def _blocks(n: int) -> Iterator[slice]:
    return (slice(first, min(n, first + _N_ROWS)) for first in range(0, n, _N_ROWS))


def _score_block(
    features: np.ndarray,
    labels: np.ndarray,
    place: np.ndarray,
    references: _References,
    found: Outliers,
    block: slice,
) -> None:
    similarity = neighbours.normalised(features) @ references.vectors.T  # (B, R)
    own = np.flatnonzero(place >= 0)
    similarity[own, place[own]] = -np.inf
    if similarity.shape[1]:
        _note_nearest(similarity, references.rows, found, block)
    best = np.full(len(features), -np.inf, np.float32)
    for name, part in references.classes:
        mean = _mean_of_nearest(similarity[:, part])  # (B,)
        is_better = mean > best
        best[is_better] = mean[is_better]
        found.nearest_class[block][is_better] = name
        if name >= 0:
            is_own = (labels == name) & np.isfinite(mean)
            found.class_score[block][is_own] = np.clip(mean[is_own], 0, 1)
    is_known = np.isfinite(best)
    found.score[block][is_known] = np.clip(best[is_known], 0, 1)


def _note_nearest(similarity: np.ndarray, rows: np.ndarray, found: Outliers, block: slice) -> None:
    nearest = similarity.argmax(axis=1)
    value = similarity[np.arange(len(similarity)), nearest]
    is_known = np.isfinite(value)
    found.nearest_row[block][is_known] = rows[nearest[is_known]]
    found.nearest_similarity[block][is_known] = value[is_known]


def _mean_of_nearest(similarity: np.ndarray) -> np.ndarray:
    """Return the mean of the largest values of each row of (B, members), -inf if there is none."""
    n_members = similarity.shape[1]
    n_nearest = min(N_NEIGHBOURS, max(1, n_members // 2))
    largest = np.partition(similarity, n_members - n_nearest, axis=1)[:, n_members - n_nearest :]
    return largest.mean(axis=1)
