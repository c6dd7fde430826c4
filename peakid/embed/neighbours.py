"""Exact nearest neighbours of embeddings by cosine, read in blocks: a memmap need not fit in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_N_ROWS = 4096  # Features in one block: 21 MB as float32 at 1,280 dimensions.
_N_QUERIES = 1024  # Queries in one block: the similarities of two blocks take 17 MB.
_NO_ROW = -1


class Features(Protocol):
    """Embeddings of shape (N, C) that are read in parts: an array, a memmap, or chosen rows of a file."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, at: slice | np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of a memmap, read when they are asked for: a copy of all of them need not fit in memory.

    Attributes:
        vectors: Shape (M, C).
        rows: int64 of shape (N,).
    """

    vectors: np.ndarray
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.rows), self.vectors.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: slice | np.ndarray, /) -> np.ndarray:
        return self.vectors[self.rows[at]]

    def take(self, at: np.ndarray) -> "ChosenRows":
        """Return some of the rows, unread."""
        return ChosenRows(self.vectors, self.rows[at])


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each of M queries, the nearest first; ties are in the order of the rows.

    Attributes:
        indices: int64 of shape (M, k): rows of the features; -1 where fewer than k are left.
        similarity: float32 of shape (M, k): cosine in -1..1; -inf where there is no row.
    """

    indices: np.ndarray
    similarity: np.ndarray


def nearest(
    features: Features, queries: np.ndarray, k: int, *, exclude: np.ndarray | None = None
) -> Neighbours:
    """Return the `k` rows of `features` that are nearest to each query.

    A vector without a direction (zeros, or a value that is not a number) has the similarity 0 to all others.

    Args:
        features: Any float type, not necessarily normalised.
        queries: Shape (M, C).
        k: At most N are returned, one fewer with `exclude`.
        exclude: int64 of shape (M,): the row that is not a neighbour of the query, usually the query itself;
            -1 for none.
    """
    n_found = max(0, min(k, len(features) - (exclude is not None)))
    indices = np.full((len(queries), n_found), _NO_ROW, np.int64)
    similarity = np.full((len(queries), n_found), -np.inf, np.float32)
    if n_found and len(queries):
        for first in range(0, len(queries), _N_QUERIES):
            part = slice(first, first + _N_QUERIES)
            skipped = None if exclude is None else exclude[part]
            _search(features, normalised(queries[part]), skipped, indices[part], similarity[part])
    return Neighbours(indices, similarity)


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of shape (N, C) as float32 with length 1; those without a direction become zeros."""
    found = np.array(vectors, np.float32)
    lengths = np.sqrt(np.einsum("nc,nc->n", found, found))[:, None]
    has_direction = np.isfinite(lengths) & (lengths > 0)
    found[~has_direction[:, 0]] = 0
    return np.divide(found, lengths, out=found, where=has_direction)


def _search(
    features: Features,
    queries: np.ndarray,
    exclude: np.ndarray | None,
    indices: np.ndarray,
    similarity: np.ndarray,
) -> None:
    """Search for one block of normalised queries; write to `indices` and `similarity`, both (M, k)."""
    for first, rows in _blocks(features):
        found = queries @ rows.T  # (M, rows)
        if exclude is not None:
            inside = np.flatnonzero((exclude >= first) & (exclude < first + len(rows)))
            found[inside, exclude[inside] - first] = -np.inf
        _merge(found, first, indices, similarity)


def _blocks(features: Features) -> Iterator[tuple[int, np.ndarray]]:
    for first in range(0, len(features), _N_ROWS):
        yield first, normalised(features[first : first + _N_ROWS])


def _merge(found: np.ndarray, first: int, indices: np.ndarray, similarity: np.ndarray) -> None:
    """Merge the similarities of a block into the nearest rows so far.

    Only values above the worst so far are sorted, which after the first block are few.
    """
    n_queries, k = indices.shape
    if first == 0 and found.shape[1] > k:  # All values are above: reduce them first.
        worst = np.partition(found, found.shape[1] - k, axis=1)[:, found.shape[1] - k]
        query, column = np.nonzero((found >= worst[:, None]) & (found > -np.inf))
    else:
        query, column = np.nonzero(found > similarity[:, -1:])
    if not len(query):
        return
    owner = np.concatenate([np.repeat(np.arange(n_queries), k), query])
    value = np.concatenate([similarity.ravel(), found[query, column]])
    row = np.concatenate([indices.ravel(), column + first])
    order = np.lexsort((row, -value, owner))
    starts = np.searchsorted(owner[order], np.arange(n_queries))
    kept = order[starts[:, None] + np.arange(k)]  # (M, k)
    indices[:], similarity[:] = row[kept], value[kept]
