"""How strange an image is among the others: its mean similarity to the nearest images of a class.

The mean of many neighbours is taken because foreign pictures come in groups, which are near to each other.
In a large collection all are compared with a sample, in which an image can only look less like the others
than it does: with an index of neighbours, those that seem strange are compared with their nearest, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from peakid.embed import neighbours
from peakid.embed.neighbours import Features, Neighbours

N_NEIGHBOURS = 50  # In bench/outliers.py 20 and fewer miss groups of a dozen pictures of one kind.
N_REFERENCES = 5_000  # Of larger collections, so many are compared with: the time grows with the images.
N_DEVIATIONS = 3.0  # Below the median, in robust standard deviations: 1 in 700 of a normal distribution.
LONELY_SHARE = 0.01
# By each of two measures, the images that seem strangest are compared further: a share of all, at least and
# at most as many, and by the score on until the first ones are settled. An index takes 10 ms for one.
FURTHER_SHARE, LEAST_FURTHER, MOST_FURTHER = 0.01, 2_000, 20_000
LEAST_SETTLED = 100
N_NEAREST = 2 * N_NEIGHBOURS  # Images that an index finds for one of them.
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
        settled_score: Every image below it was compared with all that may be near; infinite = all were.
        settled_similarity: The same of `nearest_similarity`.
    """

    score: np.ndarray
    nearest_class: np.ndarray
    class_score: np.ndarray
    nearest_row: np.ndarray
    nearest_similarity: np.ndarray
    settled_score: float = np.inf
    settled_similarity: float = np.inf


FindNearest = Callable[[np.ndarray], Neighbours]
"""Rows int64 of shape (B,) -> their nearest rows, without themselves, by cosine; -1 for none."""


@dataclass(frozen=True)
class _References:
    """The images that others are compared with; those of one class follow each other."""

    rows: np.ndarray  # int64 (R,)
    vectors: np.ndarray  # float32 (R, C), normalised
    classes: tuple[tuple[int, slice], ...]  # (class, its references); -1: images without a label


def score(features: Features, labels: np.ndarray, *, n_references: int = N_REFERENCES) -> Outliers:
    """Return the outlier scores of images.

    An image is compared with up to `N_NEIGHBOURS` images of each class, at most with half of the class, and
    not with itself. Images without a label are compared with as if they were a class.

    Args:
        features: Of N images.
        labels: int64 of shape (N,); -1 = no label.
        n_references: At least; of more images a sample is compared with, equally many of each class.
    """
    n = len(features)
    references = _sample(features, labels, n_references)
    place = _places(references, n)
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


def compare_further(
    features: Features,
    labels: np.ndarray,
    found: Outliers,
    nearest: FindNearest,
    *,
    n_references: int = N_REFERENCES,
    told: Callable[[int, int], None] = lambda n_done, n: None,
) -> Outliers:
    """Compare the images that seem strangest with their nearest ones among all; return the new scores.

    A score from a sample is at most the one from all images. So all images that come first by the scores from
    all are among those that are compared further, as far as the new scores are below `settled_score`.
    `class_score` stays as it is: the nearest of all images are rarely of the class of a wrong label.

    Args:
        found: What `score` returned for the same features, labels and number of references.
        nearest: Finds up to `N_NEAREST` images, without those that are not scored.
        told: Called with the number of images that are done, and of all.
    """
    n = min(MOST_FURTHER, max(LEAST_FURTHER, int(FURTHER_SHARE * len(labels))))
    by_score, by_similarity = _ascending(found.score), _ascending(found.nearest_similarity)
    further = _Further(features, labels, found, nearest, n_references)
    rows = np.unique(np.concatenate([by_score[:n], by_similarity[:n]]))
    for block in _blocks(len(rows)):
        told(block.start, len(rows))
        further.compare(rows[block])
    lonely = _next(found.nearest_similarity, by_similarity, n)
    while _next(found.score, by_score, n) < np.inf and n < MOST_FURTHER:
        if (further.result.score < _next(found.score, by_score, n)).sum() >= LEAST_SETTLED:
            break
        part = by_score[n : n + _N_ROWS]
        told(len(rows) + n, len(rows) + MOST_FURTHER)
        further.compare(part)
        n += len(part)
    settled = _next(found.score, by_score, n)
    return replace(further.result, settled_score=settled, settled_similarity=lonely)


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


_CHANGED = ("score", "nearest_class", "nearest_row", "nearest_similarity")


def _ascending(values: np.ndarray) -> np.ndarray:
    """Return the rows with a value in its order, the lowest first."""
    known = np.flatnonzero(np.isfinite(values))
    return known[np.argsort(values[known], kind="stable")]


def _next(values: np.ndarray, order: np.ndarray, n: int) -> float:
    """Return the lowest value after the first n, infinite where none is left."""
    return float(values[order[n]]) if len(order) > n else np.inf


class _Further:
    """Scores that become those of all images, a few at a time."""

    def __init__(
        self,
        features: Features,
        labels: np.ndarray,
        found: Outliers,
        nearest: FindNearest,
        n_references: int,
    ) -> None:
        self._features, self._labels, self._nearest = features, labels, nearest
        self._references = _sample(features, labels, n_references)
        self._place = _places(self._references, len(labels))
        self.result = replace(found, **{name: getattr(found, name).copy() for name in _CHANGED})

    def compare(self, rows: np.ndarray) -> None:
        """Compare some images with the references and with their nearest images."""
        similarity = _compared(self._features[rows], self._place[rows], self._references)
        near = self._nearest(rows)
        # References are compared with already.
        is_new = (near.indices >= 0) & (self._place[near.indices] < 0)
        for n, row in enumerate(rows.tolist()):
            classes = self._labels[near.indices[n][is_new[n]]]
            values = near.similarity[n][is_new[n]]
            _score_one(row, similarity[n], self._references, classes, values, self.result)
            _note_nearer(row, near.indices[n], near.similarity[n], self.result)


def _score_one(
    row: int,
    similarity: np.ndarray,
    references: _References,
    classes: np.ndarray,
    values: np.ndarray,
    result: Outliers,
) -> None:
    """Score one image by the references and further images.

    Args:
        similarity: To the references, of shape (R,).
        classes: Of the further images, int64 of shape (k,).
        values: Similarity to them, of shape (k,).
    """
    best = float(result.score[row])
    for name, part in references.classes:
        further = values[classes == name]
        if not len(further):
            continue
        n_nearest = _n_nearest(part.stop - part.start)
        both = np.concatenate([similarity[part], further])
        mean = float(np.partition(both, len(both) - n_nearest)[len(both) - n_nearest :].mean())
        if mean > best:
            best = mean
            result.nearest_class[row] = name
    result.score[row] = np.clip(best, 0, 1)


def _note_nearer(row: int, indices: np.ndarray, values: np.ndarray, result: Outliers) -> None:
    if len(indices) and indices[0] >= 0 and values[0] > result.nearest_similarity[row]:
        result.nearest_row[row], result.nearest_similarity[row] = indices[0], values[0]


def _places(references: _References, n: int) -> np.ndarray:
    """Return the place of each of n images among the references, -1 for the others: int64 of shape (n,)."""
    place = np.full(n, _NO_ROW, np.int64)
    place[references.rows] = np.arange(len(references.rows))
    return place


def _sample(features: Features, labels: np.ndarray, n_references: int) -> _References:
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
    similarity = _compared(features, place, references)
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


def _compared(features: np.ndarray, place: np.ndarray, references: _References) -> np.ndarray:
    """Return the similarity of B images to the references, not to themselves: float32 of shape (B, R)."""
    similarity = neighbours.normalised(features) @ references.vectors.T
    own = np.flatnonzero(place >= 0)
    similarity[own, place[own]] = -np.inf
    return similarity


def _note_nearest(similarity: np.ndarray, rows: np.ndarray, found: Outliers, block: slice) -> None:
    nearest = similarity.argmax(axis=1)
    value = similarity[np.arange(len(similarity)), nearest]
    is_known = np.isfinite(value)
    found.nearest_row[block][is_known] = rows[nearest[is_known]]
    found.nearest_similarity[block][is_known] = value[is_known]


def _mean_of_nearest(similarity: np.ndarray) -> np.ndarray:
    """Return the mean of the largest values of each row of (B, members), -inf if there is none."""
    n_members = similarity.shape[1]
    n_nearest = _n_nearest(n_members)
    largest = np.partition(similarity, n_members - n_nearest, axis=1)[:, n_members - n_nearest :]
    return largest.mean(axis=1)


def _n_nearest(n_members: int) -> int:
    """Return how many images of a class an image is compared with. A sample has more than twice as many."""
    return min(N_NEIGHBOURS, max(1, n_members // 2))
