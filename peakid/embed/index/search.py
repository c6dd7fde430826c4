"""Find the images nearest to an embedding: by the index where there is one, else by comparing all of them.

What the index finds is compared again in all dimensions, so that a similarity is always the cosine of the
stored embeddings. Rows that no shard has yet are compared one by one.
"""

import functools
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peakid.embed import neighbours, reading, stored
from peakid.embed.index import build, reduction, shard_files
from peakid.embed.index.reduction import Reduction
from peakid.embed.index.shard_files import Shard
from peakid.embed.stored import EmbeddingSet
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from usearch.index import Index

SPARE = 4  # Times as many candidates are compared in all dimensions as are wanted.
LEAST_CANDIDATES = 200
_N_OPEN = 256  # Shards that stay open: their files are mapped into memory.
_NO_ROW = -1


@dataclass(frozen=True)
class NearImages:
    """The nearest images of each of M queries, the nearest first.

    Attributes:
        image_ids: int64 of shape (M, k); -1 where fewer than k are left.
        similarity: float32 of shape (M, k): cosine in -1..1; -inf where there is no image.
    """

    image_ids: np.ndarray
    similarity: np.ndarray


def nearest(
    workspace: Workspace,
    chosen: EmbeddingSet,
    queries: np.ndarray,
    k: int,
    *,
    exclude: np.ndarray | None = None,
) -> NearImages:
    """Return the images of a set that are nearest to each query.

    Args:
        queries: Shape (M, C), not necessarily normalised.
        k: At most as many as there are images.
        exclude: int64 of shape (M,): the id of an image that is left out, usually the query itself; -1 for
            none.
    """
    found = _open(workspace, chosen)
    if found is None:
        return _compared(workspace, chosen, queries, k, exclude)
    return _Search(workspace, chosen, *found).run(queries, k, exclude)


def is_complete(workspace: Workspace, chosen: EmbeddingSet) -> bool:
    """Return whether an index answers searches, and few embeddings are not in it yet."""
    covered = build.coverage(workspace, chosen.set_id)
    return covered.n_missing <= build.BRUTE_FORCE_UP_TO and _open(workspace, chosen) is not None


def advice(workspace: Workspace, chosen: EmbeddingSet) -> str | None:
    """Return in one sentence how searches become faster; None where they are fast."""
    found = build.coverage(workspace, chosen.set_id)
    if not found.is_needed:
        return None
    if not found.is_possible:
        return (
            f"Each search compares all {found.n_rows:,} embeddings. With an index it takes a fraction of a"
            ' second: pip install "peakid[millions]".'
        )
    if found.n_missing > build.BRUTE_FORCE_UP_TO:
        return f"Each search compares {found.n_missing:,} embeddings that are not in the index yet."
    return None


def _open(workspace: Workspace, chosen: EmbeddingSet) -> tuple[Reduction, list[Shard]] | None:
    """Return the shards of an index that can be read, None where comparing all is as fast or needed."""
    covered = build.coverage(workspace, chosen.set_id)
    if not (covered.is_needed and covered.is_possible and covered.n_indexed):
        return None
    folder = shard_files.folder(workspace, chosen.set_id)
    reduced = reduction.read(folder / shard_files.REDUCTION_FILE)
    if reduced is None or len(reduced.mean) != chosen.n_dimensions:
        return None
    usable = [each for each in shard_files.shards(folder).values() if _index(each) is not None]
    return (reduced, usable) if usable else None


def _index(shard: Shard) -> "Index | None":
    """Return an open shard, None where it is damaged."""
    try:
        return _opened(shard)
    except (OSError, RuntimeError, ValueError):  # Of another version of usearch, or removed meanwhile.
        return None


@functools.lru_cache(_N_OPEN)
def _opened(shard: Shard) -> "Index":
    """Return an open shard. The name of its file changes with its content.

    Raises:
        ValueError: If it is damaged. It is tried again the next time, because it may be built anew meanwhile.
    """
    found: Index | None = None
    if shard_files.is_intact(shard):
        found = importlib.import_module("usearch.index").Index.restore(str(shard.file), view=True)
    if found is None:
        raise ValueError(f"{shard.file.name} is damaged")
    return found


class _Search:
    """One search by the index of a set."""

    def __init__(
        self, workspace: Workspace, chosen: EmbeddingSet, reduced: Reduction, shards: list[Shard]
    ) -> None:
        self._workspace, self._set_id = workspace, chosen.set_id
        self._reduced, self._shards = reduced, shards
        self._vectors = stored.vectors(workspace, chosen.set_id)

    def run(self, queries: np.ndarray, k: int, exclude: np.ndarray | None) -> NearImages:
        unit = neighbours.normalised(queries)  # (M, C)
        n_candidates = max(LEAST_CANDIDATES, SPARE * k)
        candidates = self._candidates(unit, n_candidates)
        owners = self._owners(np.unique(np.concatenate(candidates)))
        ids = np.full((len(unit), k), _NO_ROW, np.int64)
        similarity = np.full((len(unit), k), -np.inf, np.float32)
        for n, rows in enumerate(candidates):
            left_out = _NO_ROW if exclude is None else int(exclude[n])
            rows = np.array([row for row in rows.tolist() if owners.get(row, left_out) != left_out], np.int64)
            cosine = neighbours.normalised(self._vectors[rows]) @ unit[n]
            order = np.lexsort((rows, -cosine))[:k]
            ids[n, : len(order)] = [owners[row] for row in rows[order].tolist()]
            similarity[n, : len(order)] = cosine[order]
        n_found = int((ids >= 0).sum(axis=1).max(initial=0))
        return NearImages(ids[:, :n_found], similarity[:, :n_found])

    def _candidates(self, unit: np.ndarray, n: int) -> list[np.ndarray]:
        """Return the rows that may be nearest to each query, of all shards and of what no shard has."""
        rows: list[list[np.ndarray]] = [[] for _ in unit]
        distances: list[list[np.ndarray]] = [[] for _ in unit]
        reduced = self._reduced.of(unit)
        for shard in self._shards:
            index = _index(shard)
            found = index.search(reduced, n) if index is not None and len(index) else None
            if found is None:
                continue
            keys, apart = np.atleast_2d(found.keys), np.atleast_2d(found.distances)
            counts = getattr(found, "counts", [keys.shape[1]])  # One query has no counts.
            for each, count in enumerate(counts):
                rows[each].append(keys[each, :count].astype(np.int64))
                distances[each].append(apart[each, :count])
        exact = self._of_the_rest(unit, n)
        joined = []
        for each in range(len(unit)):
            own, apart = (
                np.concatenate([np.zeros(0, np.int64), *rows[each]]),
                np.concatenate([np.zeros(0, np.float32), *distances[each]]),
            )
            nearest_own = own[np.argsort(apart, kind="stable")[:n]]
            joined.append(np.unique(np.concatenate([nearest_own, *(part[each] for part in exact)])))
        return joined

    def _of_the_rest(self, unit: np.ndarray, n: int) -> list[np.ndarray]:
        """Return the nearest rows among those that no shard has: int64 of shape (M, n) for each gap."""
        return [
            np.maximum(neighbours.nearest(self._vectors[gap], unit, n).indices, 0) + gap.start
            for gap in self._gaps()
        ]

    def _gaps(self) -> Iterator[slice]:
        known = {each.number: each.n_rows for each in self._shards}
        for first in range(0, len(self._vectors), shard_files.SHARD_ROWS):
            start = first + known.get(first // shard_files.SHARD_ROWS, 0)
            end = min(first + shard_files.SHARD_ROWS, len(self._vectors))
            if start < end:
                yield slice(start, end)

    def _owners(self, rows: np.ndarray) -> dict[int, int]:
        """Return the image of each row that belongs to one."""
        found = self._workspace.query(
            "SELECT row, image_id FROM embedding"
            " WHERE set_id = ? AND row IN (SELECT value FROM json_each(?))",
            (self._set_id, json.dumps(rows.tolist())),
        )
        return {each["row"]: each["image_id"] for each in found}


def _compared(
    workspace: Workspace, chosen: EmbeddingSet, queries: np.ndarray, k: int, exclude: np.ndarray | None
) -> NearImages:
    """Compare every query with all embeddings."""
    known = reading.every(workspace, chosen.set_id)
    skipped = None
    if exclude is not None:
        at = np.minimum(np.searchsorted(known.image_ids, exclude), max(0, len(known.image_ids) - 1))
        is_there = known.image_ids[at] == exclude if len(known.image_ids) else np.zeros(len(at), bool)
        skipped = np.where(is_there, at, _NO_ROW)
        skipped = skipped if is_there.any() else None
    found = neighbours.nearest(known.features, queries, k, exclude=skipped)
    ids = np.where(found.indices >= 0, known.image_ids[found.indices], _NO_ROW)
    return NearImages(ids, found.similarity)
