"""Find 64-bit hashes within a Hamming distance exactly, by comparing all pairs or with an index of pieces."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

# Three pieces of a hash. If two hashes differ in at most 8 bits, one of the pieces differs in at most 2 bits.
# The 254 + 232 + 232 values within 2 bits of a hash's pieces thus lead to every neighbour (Norouzi et al.
# 2012).
PIECES = ((42, 22), (21, 21), (0, 21))  # (lowest bit, number of bits)
PIECE_RADIUS = 2
MAX_RADIUS = PIECE_RADIUS * len(PIECES) + len(PIECES) - 1  # 8; with 9 bits, each piece may differ in 3.
BLOCK = 1 << 20  # Comparisons at once: about 40 MB of arrays.
SHARD = (
    1 << 17
)  # Queries that are looked up at once; what is found for them is passed on before the next ones.

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Row of the query, row of the hashes, distance in bits: int64 arrays of the same length, unordered."""


def compare(queries: np.ndarray, hashes: np.ndarray, *, radius: int) -> Found:
    """Find all pairs within `radius` bits by comparing every pair, about 150 million per second for H = 2.

    Args:
        queries: uint64 of shape (Q, H); the distance is the sum over the H hashes.
        hashes: uint64 of shape (N, H).
    """
    found = [_empty()]
    step = max(1, BLOCK // max(1, len(hashes)))
    columns = np.ascontiguousarray(hashes.T)  # (H, N)
    for begin in range(0, len(queries), step):
        block = queries[begin : begin + step]
        distance = np.bitwise_count(block[:, 0, None] ^ columns[0])
        for hash_ in range(1, len(columns)):
            distance += np.bitwise_count(block[:, hash_, None] ^ columns[hash_])
        q, t = np.nonzero(distance <= radius)
        found.append((q + begin, t, distance[q, t].astype(np.int64)))
    return _joined(found)


def nearest(queries: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return the distance of each query to the nearest hash of each set: uint8 of shape (Q, N), in bits.

    Args:
        queries: uint64 of shape (Q, H); the distance is the sum over the H hashes, at most 255.
        sets: uint64 of shape (N, S, H).
    """
    found = np.full((len(queries), len(sets)), 255, dtype=np.uint8)
    for each in range(sets.shape[1]):
        distance = np.zeros_like(found)
        for hash_ in range(sets.shape[2]):
            distance += np.bitwise_count(queries[:, hash_, None] ^ sets[:, each, hash_])
        np.minimum(found, distance, out=found)
    return found


class Index:
    """An index that finds the neighbours of some hashes without comparing all of them.

    Args:
        hashes: uint64 of shape (N,). For a million, building takes half a second and 110 MB.
    """

    def __init__(self, hashes: np.ndarray) -> None:
        self.hashes = hashes
        self._pieces = [_arranged(hashes, *piece) for piece in PIECES]

    def near(self, queries: np.ndarray, *, radius: int = MAX_RADIUS) -> Found:
        """Find every hash within `radius` bits of each query, in time proportional to the number of queries.

        Args:
            queries: uint64 of shape (Q,).
            radius: At most MAX_RADIUS.
        """
        return _joined([_empty(), *self._shards(queries, radius, is_self=False)])

    def pairs(self, *, radius: int = MAX_RADIUS) -> Found:
        """Find every pair of hashes within `radius` bits, each once, the larger row first."""
        return _joined([_empty(), *self.pairs_by_shard(radius=radius)])

    def pairs_by_shard(self, *, radius: int = MAX_RADIUS) -> Iterator[Found]:
        """Yield what `pairs` returns in parts, so that memory does not grow with the number of pairs."""
        for q, t, distance in self._shards(self.hashes, radius, is_self=True):
            yield np.maximum(q, t), np.minimum(q, t), distance

    def _shards(self, queries: np.ndarray, radius: int, *, is_self: bool) -> Iterator[Found]:
        """Yield what is found for some queries with one piece, then for the next ones.

        A pair that several pieces lead to is yielded by the first of them.
        """
        if radius > MAX_RADIUS:
            raise ValueError(f"radius {radius} is over {MAX_RADIUS}: pairs would be lost")
        for number, ((low, n_bits), (order, starts)) in enumerate(zip(PIECES, self._pieces, strict=True)):
            piece = _piece(queries, low, n_bits)
            # In order of the piece, so that the hashes to compare are close to each other in memory.
            by_piece = order if is_self else np.argsort(piece, kind="stable")
            sorted_hashes = self.hashes[order]
            for begin in range(0, len(by_piece), SHARD):
                rows = by_piece[begin : begin + SHARD]
                for q, places in _candidates(piece[rows], starts, n_bits, is_self=is_self):
                    compared = queries, rows[q], sorted_hashes[places], order[places]
                    yield _near(*compared, radius, number, is_self)


def _near(
    queries: np.ndarray,
    q: np.ndarray,
    hashes: np.ndarray,
    t: np.ndarray,
    radius: int,
    number: int,
    is_self: bool,
) -> Found:
    """Return the candidates of a piece that are within `radius` bits and that no earlier piece leads to.

    Args:
        q: Rows of the queries, `t` and `hashes` of what each is compared with.
        number: Of the piece.
        is_self: In pieces that are equal, both of a pair look for each other: one of them is left out.
    """
    apart = queries[q] ^ hashes
    distance = np.bitwise_count(apart)
    kept = np.flatnonzero(distance <= radius)
    q, t, apart, distance = q[kept], t[kept], apart[kept], distance[kept]
    is_new = np.ones(len(kept), dtype=bool)
    for low, n_bits in PIECES[:number]:
        is_new &= np.bitwise_count(_piece(apart, low, n_bits)) > PIECE_RADIUS
    if is_self:
        is_new &= (q > t) | (_piece(apart, *PIECES[number]) != 0)
    return q[is_new].astype(np.int64), t[is_new].astype(np.int64), distance[is_new].astype(np.int64)


def _piece(hashes: np.ndarray, low: int, n_bits: int) -> np.ndarray:
    return ((hashes >> np.uint64(low)) & np.uint64((1 << n_bits) - 1)).astype(np.int32)


def _arranged(hashes: np.ndarray, low: int, n_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in order of their piece, and the start of each value of the piece in that order."""
    piece = _piece(hashes, low, n_bits)
    starts = np.zeros((1 << n_bits) + 1, dtype=np.int32)
    np.cumsum(np.bincount(piece, minlength=1 << n_bits), out=starts[1:])
    return np.argsort(piece, kind="stable").astype(np.int32), starts


def _candidates(
    piece: np.ndarray, starts: np.ndarray, n_bits: int, *, is_self: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (query, position in the order) of all hashes whose piece is within PIECE_RADIUS bits."""
    masks = _masks(n_bits)
    n_masks = max(1, BLOCK // max(1, len(piece)))
    for begin in range(0, len(masks), n_masks):
        wanted = piece ^ masks[begin : begin + n_masks, None]  # (masks, Q)
        # In a search of hashes among themselves, only the smaller piece looks for the larger.
        searching = np.flatnonzero(wanted >= piece) if is_self else np.arange(wanted.size)
        values = wanted.ravel()[searching]
        first = starts[values]
        counts = starts[values + 1] - first
        hit = np.flatnonzero(counts)
        rows = searching[hit] % len(piece) if len(wanted) > 1 else searching[hit]
        yield from _spread(rows, first[hit], counts[hit])


def _spread(
    rows: np.ndarray, first: np.ndarray, counts: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all positions of all ranges, in blocks, so that a frequent value does not fill the memory."""
    ends = np.cumsum(counts, dtype=np.int64)
    begin = 0  # Ranges are never split; most have one position.
    while begin < len(rows):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + BLOCK)))
        n = counts[begin:end]
        offsets = np.arange(int(n.sum())) - np.repeat(ends[begin:end] - n - done, n)
        yield np.repeat(rows[begin:end], n), np.repeat(first[begin:end], n) + offsets
        begin = end


def _masks(n_bits: int) -> np.ndarray:
    """Return all numbers of `n_bits` bits of which at most PIECE_RADIUS are set."""
    return np.array(
        [
            sum(1 << bit for bit in bits)
            for k in range(PIECE_RADIUS + 1)
            for bits in combinations(range(n_bits), k)
        ],
        np.int32,
    )


def _joined(found: list[Found]) -> Found:
    q, t, distance = (np.concatenate(column) for column in zip(*found, strict=True))
    return q, t, distance


def _empty() -> Found:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
