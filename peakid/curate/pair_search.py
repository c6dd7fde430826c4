"""Which of many images are the same picture: hashes propose, and where they are in doubt the small pictures decide."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from peakid.curate import aligned, hash_search

# Distances are of phash + dhash, of 128 bits. Figures: bench/edits.py.
SURE = 16  # Nearer than this no two strangers were; no second look is needed.
NEAR = 24  # The limit where no second look can be had, because a picture is gone.
TURNED = 24  # Flips and turns: their hashes are as good as upright ones, and eight times as many are compared.
# What gets a second look: the wider, the more crops, borders and turns by a few degrees are found, and the more pairs of
# strangers (one of 1,200 within 40, of 8,000 within 36, of 200,000 within 28) cost 3 ms each. (images at most, distance)
DOUBTFUL = ((5_000, 40), (20_000, 36), (100_000, 28))
EXACT_UP_TO = 100_000  # Images. Beyond, only pairs with phash <= 8 or dhash <= 8 are seen: comparing all would take hours.
TURNED_EXACT_UP_TO = 20_000
ALIKE_AT_LARGE, ALIKE_IN_DETAIL = 0.85, 0.6  # Correlations of edits were above both, of strangers never above the second.
# Beyond NEAR the hashes speak against it: two sunsets over a flat horizon reached .74 in detail, 32 to 39 bits apart.
FAR_ALIKE_IN_DETAIL = 0.8
# A phash sets the coefficients above their median: 31 or 32 of 64 on any photo. A blank picture's are all equal and
# set almost none; such hashes say nothing, and would tie every blank image of a workspace into one group.
LEAST_PHASH_BITS = 24

Look = Callable[[int, int], aligned.View | None]
"""(row, orientation) -> its view, None where the picture is gone."""


@dataclass(frozen=True)
class Pair:
    """Two rows of the table. `orientation` is the first's, 0 = both upright."""

    row: int
    earlier: int
    distance: int
    orientation: int


class Table:
    """All images' upright hashes, ready to be compared with some of them.

    Args:
        upright: uint64 of shape (N, 2): phash, dhash.
    """

    def __init__(self, upright: np.ndarray) -> None:
        self.upright = upright
        self.is_telling = np.bitwise_count(upright[:, 0]) >= LEAST_PHASH_BITS
        self._index: tuple[hash_search.Index, hash_search.Index] | None = None

    def pairs(self, begin: int, end: int, turned: np.ndarray, look: Look) -> list[Pair]:
        """Find what of the rows before each of begin..end is the same picture.

        Args:
            turned: uint64 of shape (end - begin, 8, 2): the rows' hashes in every orientation.
            look: Asked only for pairs in doubt.
        """
        found: dict[tuple[int, int], Pair] = {}
        for pair in self._proposed(begin, end, turned):
            known = found.get((pair.row, pair.earlier))
            if (known is None or pair.distance < known.distance) and _is_same(pair, look):
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
        doubtful = next((radius for n_images, radius in DOUBTFUL if n <= n_images), DOUBTFUL[0][1])
        for orientation in range(turned.shape[1]):
            queries = np.ascontiguousarray(turned[:, orientation])
            radius, exact_up_to = (TURNED, TURNED_EXACT_UP_TO) if orientation else (doubtful, EXACT_UP_TO)
            is_exact = n <= exact_up_to
            found = hash_search.compare(queries, self.upright[:end], radius=radius) if is_exact else self._looked_up(queries, radius)
            yield from self._earlier(begin, orientation, found)

    def _looked_up(self, queries: np.ndarray, radius: int) -> hash_search.Found:
        if self._index is None:
            self._index = (hash_search.Index(self.upright[:, 0].copy()), hash_search.Index(self.upright[:, 1].copy()))
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


def _is_same(pair: Pair, look: Look) -> bool:
    if pair.distance <= SURE:
        return True
    one, other = look(pair.row, pair.orientation), look(pair.earlier, 0)
    if one is None or other is None:
        return pair.distance <= NEAR
    return is_alike(one, other, alike_in_detail=ALIKE_IN_DETAIL if pair.distance <= NEAR else FAR_ALIKE_IN_DETAIL)


def is_alike(one: aligned.View, other: aligned.View, *, alike_in_detail: float = ALIKE_IN_DETAIL) -> bool:
    """Tell whether two pictures, laid over each other as well as they go, show the same."""
    at_large, in_detail = aligned.resemblance(one, other)
    return at_large >= ALIKE_AT_LARGE and in_detail >= alike_in_detail
