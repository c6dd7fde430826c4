"""Which of many images are the same picture: hashes propose, and where they are in doubt the small pictures decide."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from peakid.curate.duplicates import aligned, hash_search

# Distances are of phash + dhash, of 128 bits. Figures: bench/edits.py.
SURE = 16  # Nearer than this no two strangers were; no second look is needed.
NEAR = 24  # The limit where no second look can be had, because a picture is gone.
TURNED = (
    24  # Flips and turns: their hashes are as good as upright ones, and eight times as many are compared.
)
# What gets a second look: the wider, the more crops, borders and turns by a few degrees are found, and the more pairs of
# strangers (one of 1,200 within 40, of 8,000 within 36, of 200,000 within 28) cost 1 ms each. (images at most, distance)
DOUBTFUL = ((5_000, 40), (20_000, 36), (100_000, 28))
# Whole pictures against parts of others, for crops and frames; every pair gets a second look, strangers within 32 are one of 8,000.
PARTS = ((5_000, 32), (20_000, 28))  # (images at most, distance)
EXACT_UP_TO = 100_000  # Images. Beyond, only pairs with phash <= 8 or dhash <= 8 are seen: comparing all would take hours.
TURNED_EXACT_UP_TO = 20_000
ALIKE_AT_LARGE, ALIKE_IN_DETAIL = (
    0.85,
    0.6,
)  # Correlations of edits were above both, of strangers never above the second.
# Beyond NEAR the hashes speak against it: two sunsets over a flat horizon reached .74 in detail, 32 to 39 bits apart.
FAR_ALIKE_IN_DETAIL = 0.8
# Where phash alone says near, only dhash speaks against it, which is noise where an edit has made areas flat.
PHASH_NEAR, HALF_ALIKE_IN_DETAIL = 10, 0.65
# A phash sets the coefficients above their median: 31 or 32 of 64 on any photo. A blank picture's are all equal and
# set almost none; such hashes say nothing, and would tie every blank image of a workspace into one group.
LEAST_PHASH_BITS = 24

Inspection = Callable[[int, int], aligned.View | None]
"""(row, orientation) -> its view, None where the picture is gone."""


@dataclass(frozen=True)
class Pair:
    """Two rows of the table. `orientation` is the first's, 0 = both upright; `is_part`: the distance is of one to a part of the other."""

    row: int
    earlier: int
    distance: int
    orientation: int
    is_part: bool = False


class Table:
    """All images' upright hashes, ready to be compared with some of them.

    Args:
        upright: uint64 of shape (N, 2): phash, dhash.
        parts: uint64 of shape (N, P, 2), None where there are too many images to compare them.
    """

    def __init__(self, upright: np.ndarray, parts: np.ndarray | None = None) -> None:
        self.upright = upright
        self.parts = parts
        self.is_telling = np.bitwise_count(upright[:, 0]) >= LEAST_PHASH_BITS
        self._index: tuple[hash_search.Index, hash_search.Index] | None = None

    def pairs(self, begin: int, end: int, turned: np.ndarray, look: Inspection) -> list[Pair]:
        """Find what of the rows before each of begin..end is the same picture.

        Args:
            turned: uint64 of shape (end - begin, 8, 2): the rows' hashes in every orientation.
            look: Asked only for pairs in doubt.
        """
        found: dict[tuple[int, int], Pair] = {}
        seen = _Seen(look, self.upright)
        for pair in itertools.chain(self._proposed(begin, end, turned), self._proposed_by_parts(begin, end)):
            known = found.get((pair.row, pair.earlier))
            is_better = known is None or (pair.distance < known.distance and not pair.is_part)
            if is_better and seen.is_same(pair):
                found[pair.row, pair.earlier] = pair
        return list(found.values())

    def near(self, queries: np.ndarray, *, radius: int) -> hash_search.Found:
        """Find every row within `radius` bits of phash + dhash; of more than EXACT_UP_TO images most of them.

        Args:
            queries: uint64 of shape (Q, 2).
        """
        if len(self.upright) <= EXACT_UP_TO:
            return hash_search.compare(queries, self.upright, radius=radius)
        return self._looked_up(queries, radius)

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
                else self._looked_up(queries, radius)
            )
            yield from self._earlier(begin, orientation, found)

    def _proposed_by_parts(self, begin: int, end: int) -> Iterator[Pair]:
        """Yield each pair of a row and an earlier one of which one resembles a part of the other, at its smallest distance."""
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

    def _looked_up(self, queries: np.ndarray, radius: int) -> hash_search.Found:
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
        """Yield each pair once, from its later row, and none of which one hash says nothing."""
        q, t, distance = found
        rows = q + begin
        kept = np.flatnonzero((t < rows) & self.is_telling[rows] & self.is_telling[t])
        for n in kept[np.argsort(distance[kept], kind="stable")].tolist():
            yield Pair(int(rows[n]), int(t[n]), int(distance[n]), orientation)


class _Seen:
    """Second looks, each taken once however many hashes ask for it."""

    def __init__(self, look: Inspection, upright: np.ndarray) -> None:
        self._look = look
        self._upright = upright
        self._taken: dict[tuple[int, int, int], tuple[float, float] | None] = {}

    def is_same(self, pair: Pair) -> bool:
        if pair.distance <= SURE and not pair.is_part:
            return True
        key = (pair.row, pair.earlier, pair.orientation)
        if key not in self._taken:
            one, other = self._look(pair.row, pair.orientation), self._look(pair.earlier, 0)
            self._taken[key] = None if one is None or other is None else aligned.resemblance(one, other)
        taken = self._taken[key]
        if taken is None:
            return pair.distance <= NEAR and not pair.is_part
        return taken[0] >= ALIKE_AT_LARGE and taken[1] >= self._least_detail(pair)

    def _least_detail(self, pair: Pair) -> float:
        if pair.distance <= NEAR and not pair.is_part:
            return ALIKE_IN_DETAIL
        by_phash = int(np.bitwise_count(self._upright[pair.row, 0] ^ self._upright[pair.earlier, 0]))
        return HALF_ALIKE_IN_DETAIL if by_phash <= PHASH_NEAR and not pair.is_part else FAR_ALIKE_IN_DETAIL


def is_alike(one: aligned.View, other: aligned.View) -> bool:
    """Tell whether two pictures, laid over each other as well as they go, show the same."""
    at_large, in_detail = aligned.resemblance(one, other)
    return at_large >= ALIKE_AT_LARGE and in_detail >= ALIKE_IN_DETAIL


def _radius(table: tuple[tuple[int, int], ...], n_images: int) -> int | None:
    return next((radius for at_most, radius in table if n_images <= at_most), None)
