"""Find the nearest of some images, such as those of a class: exactly, or of very many by the index."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from peakid.embed import neighbours, stored
from peakid.embed.index import build, search
from peakid.embed.index.search import NearImages
from peakid.embed.neighbours import ChosenRows
from peakid.embed.stored import EmbeddingSet
from peakid.store.workspace import Workspace

# Nearest images of any kind, among which those that count are looked for; then all that count are compared.
_N_SEARCHED = (100, 1_000)
_N_AT_ONCE = 64  # Queries of a search with the index: their candidates take 4 MB each at most.
_NO_ROW = -1


@dataclass(frozen=True)
class Among:
    """Some images, as a SELECT of their `image_id`, each once."""

    sql: str
    parameters: Mapping[str, str | int | float | None] = field(default_factory=dict)

    def are_many(self, workspace: Workspace) -> bool:
        """Return whether they are more than are compared one by one."""
        most = build.BRUTE_FORCE_UP_TO
        row = workspace.query(
            f"SELECT COUNT(*) AS n FROM (SELECT 1 FROM ({self.sql}) LIMIT {most + 1})", self.parameters
        )[0]
        return row["n"] > most

    def ids(self, workspace: Workspace, within: np.ndarray | None = None) -> np.ndarray:
        """Return their ids, ascending, int64 of shape (n,): all, or those among the ids `within`."""
        chosen = "" if within is None else " WHERE image_id IN (SELECT value FROM json_each(:within))"
        given = json.dumps([] if within is None else np.unique(within).tolist())
        rows = workspace.connection().execute(
            f"SELECT image_id FROM ({self.sql}){chosen}", {**self.parameters, "within": given}
        )
        return np.sort(np.fromiter((image_id for (image_id,) in rows), dtype=np.int64))


def nearest(
    workspace: Workspace, chosen: EmbeddingSet, queries: np.ndarray, k: int, *, among: Among
) -> NearImages:
    """Return the nearest of some images to each query.

    Up to `build.BRUTE_FORCE_UP_TO` images are compared one by one. Beyond that the index finds the nearest of
    all images, of which those that are not among them are left out: nearly all of the nearest are found
    (bench/neighbours.py). Queries for which it finds fewer than k are compared with all of them.

    Args:
        queries: Shape (M, C), not necessarily normalised.
        k: At most as many as there are of them.
    """
    ids = np.full((len(queries), k), _NO_ROW, np.int64)
    similarity = np.full((len(queries), k), -np.inf, np.float32)
    left = np.arange(len(queries))
    if search.is_complete(workspace, chosen) and among.are_many(workspace):
        for n_searched in _N_SEARCHED:
            left = _by_index(workspace, chosen, queries, n_searched, among, left, ids, similarity)
    if len(left):
        known, rows = stored.rows(workspace, chosen.set_id, among.ids(workspace).tolist())
        features = ChosenRows(stored.vectors(workspace, chosen.set_id), rows)
        found = neighbours.nearest(features, queries[left], k)
        n = found.indices.shape[1]
        ids[left, :n] = known[found.indices] if n else _NO_ROW
        similarity[left, :n] = found.similarity
    n_found = int((ids >= 0).sum(axis=1).max(initial=0))
    return NearImages(ids[:, :n_found], similarity[:, :n_found])


def _by_index(
    workspace: Workspace,
    chosen: EmbeddingSet,
    queries: np.ndarray,
    n_searched: int,
    among: Among,
    left: np.ndarray,
    ids: np.ndarray,
    similarity: np.ndarray,
) -> np.ndarray:
    """Fill in the queries `left` for which k are among the nearest `n_searched`; return the others."""
    k, unanswered = ids.shape[1], []
    for first in range(0, len(left), _N_AT_ONCE):
        part = left[first : first + _N_AT_ONCE]
        found = search.nearest(workspace, chosen, queries[part], n_searched)
        counts = np.isin(found.image_ids, among.ids(workspace, found.image_ids))
        for query, near, is_counted, values in zip(
            part.tolist(), found.image_ids, counts, found.similarity, strict=True
        ):
            at = np.flatnonzero(is_counted)[:k]
            if len(at) < k:
                unanswered.append(query)
            else:
                ids[query], similarity[query] = near[at], values[at]
    return np.array(unanswered, dtype=np.int64)
