"""Find pairs of images that are the same picture: hashes propose them, thumbnails decide doubtful ones."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from peakid.curate.duplicates import aligned, hash_search

# Distances are of phash + dhash, of 128 bits. Measured by bench/edits.py.
SURE = 16  # No two different pictures were closer, so their thumbnails need no comparison.
NEAR = 24  # The limit where thumbnails cannot be compared, because a picture is gone.
TURNED = 24  # Flips and rotations: their hashes are as precise as upright ones, but eight times as many.
# (images at most, distance up to which thumbnails are compared). A wider limit finds more crops, borders and
# rotations by a few degrees, but also more pairs of different pictures (one of 1,200 within 40 bits, of 8,000
# within 36, of 200,000 within 28), which cost 1 ms each.
DOUBTFUL = ((5_000, 40), (20_000, 36), (100_000, 28))
# The same for whole pictures against parts of others, for crops and frames. Of different pictures, one pair
# of 8,000 is within 32 bits.
PARTS = ((5_000, 32), (20_000, 28))
# Images. Beyond it only pairs with phash <= 8 or dhash <= 8 are found: comparing all would take hours.
EXACT_UP_TO = 100_000
TURNED_EXACT_UP_TO = 20_000
# Correlations of edits were above both limits, those of different pictures never above the second.
MIN_CORRELATION, MIN_DETAIL_CORRELATION = 0.85, 0.6
# Beyond NEAR: two sunsets over a flat horizon reached .74 in detail, 32 to 39 bits apart.
MIN_DETAIL_CORRELATION_FAR = 0.8
# Beyond NEAR but with a close phash: then only dhash differs, which is noise where an edit has made areas
# flat.
PHASH_NEAR, MIN_DETAIL_CORRELATION_HALF = 10, 0.65
# A phash sets the coefficients above their median: 31 or 32 of 64 on any photo. Those of a blank picture are
# all equal, so almost none is set. Such hashes would join every blank image of a workspace into one group.
LEAST_PHASH_BITS = 24

PictureReader = Callable[[int, int], aligned.ComparedPicture | None]
"""(row, orientation) -> the picture, None where it is gone."""


@dataclass(frozen=True)
class Pair:
    """Two rows of a HashSet.

    Attributes:
        orientation: Of the first; 0 = both upright.
        is_part: Whether the distance is that of one picture to a part of the other.
    """

    row: int
    earlier: int
    distance: int
    orientation: int
    is_part: bool = False


class HashSet:
    """The hashes of all images, to be compared with those of some of them.

    Args:
        upright: uint64 of shape (N, 2): phash, dhash.
        parts: uint64 of shape (N, P, 2), None where there are too many images to compare parts.
    """

    def __init__(self, upright: np.ndarray, parts: np.ndarray | None = None) -> None:
        self.upright = upright
        self.parts = parts
        self.has_structure = np.bitwise_count(upright[:, 0]) >= LEAST_PHASH_BITS
        self._index: tuple[hash_search.Index, hash_search.Index] | None = None

    def pairs(self, begin: int, end: int, turned: np.ndarray, read: PictureReader) -> list[Pair]:
        """Find, for each of the rows begin..end, the earlier rows that are the same picture.

        Args:
            turned: uint64 of shape (end - begin, 8, 2): the rows' hashes in every orientation.
            read: Called only for doubtful pairs.
        """
        found: dict[tuple[int, int], Pair] = {}
        comparison = _Comparison(read, self.upright)
        for pair in itertools.chain(self._proposed(begin, end, turned), self._proposed_by_parts(begin, end)):
            best = found.get((pair.row, pair.earlier))
            is_better = best is None or (pair.distance < best.distance and not pair.is_part)
            if is_better and comparison.is_same(pair):
                found[pair.row, pair.earlier] = pair
        return list(found.values())

    def near(self, queries: np.ndarray, *, radius: int) -> hash_search.Found:
        """Find every row within `radius` bits of phash + dhash; above EXACT_UP_TO images, most of them.

        Args:
            queries: uint64 of shape (Q, 2).
        """
        if len(self.upright) <= EXACT_UP_TO:
            return hash_search.compare(queries, self.upright, radius=radius)
        return self._by_index(queries, radius)

    def _proposed(self, begin: int, end: int, turned: np.ndarray) -> Iterator[Pair]:
        n = len(self.upright)
        doubtful = _radius(DOUBTFUL, n) or DOUBTFUL[0][1]
        for orientation in range(turned.shape[1]):
            queries = np.ascontiguousarray(turned[:, orientation])
            radius, exact_up_to = (TURNED, TURNED_EXACT_UP_TO) if orientation else (doubtful, EXACT_UP_TO)
            is_exact = n <= exact_up_to
            found = (
                hash_search.compare(queries, self.upright[:end], radius=radius)
                if is_exact
                else self._by_index(queries, radius)
            )
            yield from self._earlier(begin, orientation, found)

    def _proposed_by_parts(self, begin: int, end: int) -> Iterator[Pair]:
        """Yield each pair of a row and an earlier one in which one resembles a part of the other."""
        radius = _radius(PARTS, len(self.upright))
        if radius is None or self.parts is None:
            return
        nearest: dict[tuple[int, int], int] = {}
        n_parts = self.parts.shape[1]
        q, t, distance = hash_search.compare(
            self.upright[begin:end], self.parts[:end].reshape(-1, 2), radius=radius
        )
        whole = (q, t // n_parts, distance)
        q, t, distance = hash_search.compare(
            self.parts[begin:end].reshape(-1, 2), self.upright[:end], radius=radius
        )
        for found in (whole, (q // n_parts, t, distance)):
            for pair in self._earlier(begin, 0, found):
                key = (pair.row, pair.earlier)
                nearest[key] = min(pair.distance, nearest.get(key, pair.distance))
        for (row, earlier), bits in nearest.items():
            yield Pair(row, earlier, bits, 0, is_part=True)

    def _by_index(self, queries: np.ndarray, radius: int) -> hash_search.Found:
        if self._index is None:
            self._index = (
                hash_search.Index(self.upright[:, 0].copy()),
                hash_search.Index(self.upright[:, 1].copy()),
            )
        by_phash, by_dhash = (index.near(queries[:, column]) for column, index in enumerate(self._index))
        q, t = np.unique(np.stack([np.concatenate([by_phash[k], by_dhash[k]]) for k in (0, 1)]), axis=1)
        distance = np.bitwise_count(queries[q] ^ self.upright[t]).sum(axis=1, dtype=np.int64)
        kept = distance <= radius
        return q[kept], t[kept], distance[kept]

    def _earlier(self, begin: int, orientation: int, found: hash_search.Found) -> Iterator[Pair]:
        """Yield each pair once, from its later row, without pairs of blank pictures."""
        q, t, distance = found
        rows = q + begin
        kept = np.flatnonzero((t < rows) & self.has_structure[rows] & self.has_structure[t])
        for n in kept[np.argsort(distance[kept], kind="stable")].tolist():
            yield Pair(int(rows[n]), int(t[n]), int(distance[n]), orientation)


class _Comparison:
    """Compares thumbnails, each pair once, however many hashes propose it."""

    def __init__(self, read: PictureReader, upright: np.ndarray) -> None:
        self._read = read
        self._upright = upright
        self._correlations: dict[tuple[int, int, int], tuple[float, float] | None] = {}

    def is_same(self, pair: Pair) -> bool:
        if pair.distance <= SURE and not pair.is_part:
            return True
        key = (pair.row, pair.earlier, pair.orientation)
        if key not in self._correlations:
            a, b = self._read(pair.row, pair.orientation), self._read(pair.earlier, 0)
            self._correlations[key] = None if a is None or b is None else aligned.resemblance(a, b)
        correlations = self._correlations[key]
        if correlations is None:
            return pair.distance <= NEAR and not pair.is_part
        whole, detail = correlations
        return whole >= MIN_CORRELATION and detail >= self._least_detail(pair)

    def _least_detail(self, pair: Pair) -> float:
        if pair.distance <= NEAR and not pair.is_part:
            return MIN_DETAIL_CORRELATION
        by_phash = int(np.bitwise_count(self._upright[pair.row, 0] ^ self._upright[pair.earlier, 0]))
        is_half = by_phash <= PHASH_NEAR and not pair.is_part
        return MIN_DETAIL_CORRELATION_HALF if is_half else MIN_DETAIL_CORRELATION_FAR


def _radius(limits: tuple[tuple[int, int], ...], n_images: int) -> int | None:
    return next((radius for at_most, radius in limits if n_images <= at_most), None)
