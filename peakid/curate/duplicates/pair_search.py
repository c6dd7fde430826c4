"""Find pairs of images that are the same picture: hashes propose them, thumbnails decide doubtful ones."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from peakid.curate.duplicates import aligned, hash_search
from peakid.imaging import hashes

# A change of these limits needs another `store.comparisons.RULE_VERSION`.
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

FAR = 255  # Not proposed. A distance is at most 128.
PART = hashes.N_ORIENTATIONS  # Row of `Candidates.distance` for parts, after those of the orientations.
BLOCK = 1 << 20  # Distances at once: a byte each, and 24 bytes for each one within the limit.

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


@dataclass(frozen=True)
class Candidates:
    """The earlier rows that may be the same picture as one row.

    Attributes:
        earlier: int64 of shape (M,), ascending.
        distance: uint8 of shape (9, M), in bits: to the row in each orientation, then of one picture to a
            part of the other. FAR where it is over the limit.
    """

    row: int
    earlier: np.ndarray
    distance: np.ndarray

    @property
    def nearest(self) -> np.ndarray:
        """The smallest distance to each, uint8 of shape (M,). Any distance to a part comes after SURE."""
        return np.minimum(self.distance[:PART].min(axis=0), np.maximum(self.distance[PART], SURE + 1))


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
        """Find, for each of the rows begin..end, every earlier row that is the same picture.

        Args:
            turned: uint64 of shape (end - begin, 8, 2): the rows' hashes in every orientation.
            read: Called only for doubtful pairs.
        """
        comparison = Comparison(read, self.upright)
        return [
            pair
            for found in self.candidates(begin, end, turned)
            for pair in comparison.same(found, np.arange(len(found.earlier)))
        ]

    def near(self, queries: np.ndarray, *, radius: int) -> hash_search.Found:
        """Find every row within `radius` bits of phash + dhash; above EXACT_UP_TO images, most of them.

        Args:
            queries: uint64 of shape (Q, 2).
        """
        if len(self.upright) <= EXACT_UP_TO:
            return hash_search.compare(queries, self.upright, radius=radius)
        return self._by_index(queries, radius)

    def candidates(self, begin: int, end: int, turned: np.ndarray) -> Iterator[Candidates]:
        """Yield the candidates of each of the rows begin..end that has any, in order.

        Args:
            turned: As in `pairs`.
        """
        # The index takes as long for one row as for hundreds.
        is_exact = len(self.upright) <= EXACT_UP_TO
        step = max(16, min(256, BLOCK // max(1, end))) if is_exact else end - begin
        for first in range(begin, end, step):
            last = min(first + step, end)
            found = [
                *self._proposed(first, last, turned[first - begin : last - begin]),
                self._proposed_by_parts(first, last),
            ]
            yield from _by_row(found)

    def _proposed(self, begin: int, end: int, turned: np.ndarray) -> Iterator[hash_search.Found]:
        """Yield the pairs of a row in each orientation and an earlier one."""
        n = len(self.upright)
        doubtful = _radius(DOUBTFUL, n) or DOUBTFUL[0][1]
        for orientation in range(turned.shape[1]):
            queries = np.ascontiguousarray(turned[:, orientation])
            radius, exact_up_to = (TURNED, TURNED_EXACT_UP_TO) if orientation else (doubtful, EXACT_UP_TO)
            is_exact = n <= exact_up_to
            yield self._earlier(
                begin,
                hash_search.compare(queries, self.upright[:end], radius=radius)
                if is_exact
                else self._by_index(queries, radius),
            )

    def _proposed_by_parts(self, begin: int, end: int) -> hash_search.Found:
        """Return the pairs of a row and an earlier one in which one resembles a part of the other."""
        radius = _radius(PARTS, len(self.upright))
        if radius is None or self.parts is None:
            return self._earlier(begin, hash_search.compare(self.upright[:0], self.upright[:0], radius=0))
        nearest = np.minimum(
            hash_search.nearest(self.upright[begin:end], self.parts[:end]),
            hash_search.nearest(self.upright[:end], self.parts[begin:end]).T,
        )  # (rows, end)
        q, t = np.nonzero(nearest <= radius)
        return self._earlier(begin, (q, t, nearest[q, t].astype(np.int64)))

    def _by_index(self, queries: np.ndarray, radius: int) -> hash_search.Found:
        if self._index is None:
            self._index = (
                hash_search.Index(self.upright[:, 0].copy()),
                hash_search.Index(self.upright[:, 1].copy()),
            )
        n = len(self.upright)
        found = [index.near(queries[:, column])[:2] for column, index in enumerate(self._index)]
        q, t = np.divmod(np.unique(np.concatenate([q * n + t for q, t in found])), n)
        distance = np.bitwise_count(queries[q] ^ self.upright[t]).sum(axis=1, dtype=np.int64)
        kept = distance <= radius
        return q[kept], t[kept], distance[kept]

    def _earlier(self, begin: int, found: hash_search.Found) -> hash_search.Found:
        """Return each pair once, from its later row, without pairs of blank pictures."""
        q, t, distance = found
        rows = q + begin
        kept = np.flatnonzero((t < rows) & self.has_structure[rows] & self.has_structure[t])
        return rows[kept], t[kept], distance[kept]


class Comparison:
    """Decides which candidates are the same picture as a row, by their thumbnails where hashes leave a doubt.

    Attributes:
        unseen: Rows whose picture was needed and is gone.
    """

    def __init__(self, read: PictureReader, upright: np.ndarray) -> None:
        self._read = read
        self._upright = upright
        self.unseen: set[int] = set()

    def same(self, found: Candidates, chosen: np.ndarray) -> list[Pair]:
        """Return the pairs of a row and those of the chosen candidates that are the same picture.

        Each has the orientation with the smallest distance among those that agree.

        Args:
            chosen: Positions in `found.earlier`, int64.
        """
        best = np.full(len(chosen), FAR, dtype=np.uint8)
        at = np.zeros(len(chosen), dtype=np.int64)
        upright = np.full((len(chosen), 2), np.nan)  # Also decides about parts.
        for orientation in [each for each in range(PART + 1) if (found.distance[each, chosen] < FAR).any()]:
            distance = found.distance[orientation, chosen]
            asked = np.flatnonzero(
                (distance < best) if orientation < PART else ((distance < FAR) & (best == FAR))
            )
            doubtful = asked[distance[asked] > SURE] if orientation < PART else asked
            agreement = upright if orientation in (0, PART) else np.full((len(chosen), 2), np.nan)
            unknown = doubtful[np.isnan(agreement[doubtful, 0])]
            agreement[unknown] = self._agreements(
                found.row, orientation % PART, found.earlier[chosen[unknown]]
            )
            is_same = np.ones(len(chosen), dtype=bool)
            is_same[doubtful] = self._agree(
                found.row,
                found.earlier[chosen[doubtful]],
                distance[doubtful],
                agreement[doubtful],
                orientation == PART,
            )
            agreed = asked[is_same[asked]]
            best[agreed], at[agreed] = distance[agreed], orientation
        return [
            Pair(
                found.row,
                int(found.earlier[chosen[n]]),
                int(best[n]),
                int(at[n]) % PART,
                is_part=bool(at[n] == PART),
            )
            for n in np.flatnonzero(best < FAR).tolist()
        ]

    def _agreements(self, row: int, orientation: int, earlier: np.ndarray) -> np.ndarray:
        """Return the correlations as a whole and in detail, (M, 2); infinite where a picture is gone."""
        found = np.full((len(earlier), 2), np.inf)
        if not len(earlier):
            return found
        own = self._read(row, orientation)
        pictures = {n: self._read(each, 0) for n, each in enumerate(earlier.tolist())}
        there = {n: picture for n, picture in pictures.items() if picture is not None}
        self.unseen |= {int(earlier[n]) for n in pictures.keys() - there.keys()}
        if own is None:
            self.unseen.add(row)
        elif there:
            found[list(there)] = aligned.resemblances(own, list(there.values()), least_whole=MIN_CORRELATION)
        return found

    def _agree(
        self, row: int, earlier: np.ndarray, distance: np.ndarray, agreement: np.ndarray, is_part: bool
    ) -> np.ndarray:
        """Return whether the thumbnails of each pair agree well enough for its distance, (M,) bool."""
        by_phash = np.bitwise_count(self._upright[row, 0] ^ self._upright[earlier, 0])
        least = np.where(by_phash <= PHASH_NEAR, MIN_DETAIL_CORRELATION_HALF, MIN_DETAIL_CORRELATION_FAR)
        is_near = distance <= NEAR
        least = np.where(is_near, MIN_DETAIL_CORRELATION, least)
        if is_part:
            least[:], is_near[:] = MIN_DETAIL_CORRELATION_FAR, False
        agrees = (agreement[:, 0] >= MIN_CORRELATION) & (agreement[:, 1] >= least)
        return np.where(np.isinf(agreement[:, 0]), is_near, agrees)


def _by_row(found: list[hash_search.Found]) -> Iterator[Candidates]:
    """Yield what was found in each orientation and by parts as the candidates of each row."""
    rows, earlier, distance = (np.concatenate([each[n] for each in found]) for n in range(3))
    kind = np.repeat(np.arange(len(found)), [len(each[0]) for each in found])
    order = np.lexsort((earlier, rows))
    rows, earlier, distance, kind = rows[order], earlier[order], distance[order], kind[order]
    bounds = [*np.flatnonzero(np.diff(rows, prepend=-1)).tolist(), len(rows)]
    for begin, end in itertools.pairwise(bounds):
        others, place = np.unique(earlier[begin:end], return_inverse=True)
        distances = np.full((PART + 1, len(others)), FAR, dtype=np.uint8)
        distances[kind[begin:end], place] = distance[begin:end]
        yield Candidates(int(rows[begin]), others, distances)


def _radius(limits: tuple[tuple[int, int], ...], n_images: int) -> int | None:
    return next((radius for at_most, radius in limits if n_images <= at_most), None)
