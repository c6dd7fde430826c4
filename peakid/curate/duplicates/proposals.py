"""The pairs that a model proposes as copies: how they lie over each other, and which of them tie a split."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from peakid.curate.duplicates import pair_judgements
from peakid.curate.duplicates.pair_judgements import IdPair
from peakid.embed import stored
from peakid.store import status
from peakid.store.workspace import Workspace, now

Strength = Literal[
    "strong",    # Share a split at once: 98 of 100 or more were copies where that was measured.
    "proposed",  # Only shown. They share a split once a person says that they are the same picture.
]  # fmt: skip


Matrix = tuple[tuple[float, ...], ...]
"""Two rows of three: from (x, y, 1) of one image to (x, y) of another, in 0..1 of width and height."""


@dataclass(frozen=True)
class Proposal:
    """Two images that may be copies of one picture.

    Attributes:
        pair: The ids of both images, the smaller first.
        similarity: Cosine of their most similar views by their main components, -1..1; 1 = equal.
        n_matches: Keypoints that lie at the same place of both.
        agreement: Correlation of their details where they overlap, -1..1; 1 = equal.
        overlap: Share of the one that the other shows too, 0..1.
        matrix: From the first image to the second.
    """

    pair: IdPair
    strength: Strength
    similarity: float
    n_matches: int
    agreement: float
    overlap: float
    matrix: Matrix


def read(workspace: Workspace) -> list[Proposal]:
    """Return the proposals, without pairs that a scan has found by their hashes since."""
    rows = workspace.query(
        "SELECT * FROM duplicate_proposal p WHERE NOT EXISTS (SELECT 1 FROM duplicate_pair d"
        " WHERE d.image_a_id = p.image_a_id AND d.image_b_id = p.image_b_id) ORDER BY image_a_id, image_b_id"
    )
    return [
        Proposal(
            pair=(row["image_a_id"], row["image_b_id"]),
            strength=row["strength"],
            similarity=row["similarity"],
            n_matches=row["n_matches"],
            agreement=row["agreement"],
            overlap=row["overlap"],
            matrix=matrix,
        )
        for row in rows
        if (matrix := _matrix(row["matrix"])) is not None
    ]


def pairs_among(workspace: Workspace, digests: Iterable[str]) -> list[IdPair]:
    """Return the proposed pairs of these images."""
    rows = workspace.query(
        "WITH wanted(id) AS (SELECT id FROM image WHERE digest IN (SELECT value FROM json_each(?)))"
        " SELECT image_a_id, image_b_id FROM duplicate_proposal"
        " WHERE image_a_id IN wanted AND image_b_id IN wanted",
        (json.dumps(sorted(set(digests))),),
    )
    return [(row["image_a_id"], row["image_b_id"]) for row in rows]


def tying(workspace: Workspace) -> np.ndarray:
    """Return the pairs whose images share a split: int64 of shape (P, 2).

    These are the strong ones, unless a person called them different, and the others that a person kept as
    copies of one picture.
    """
    rows = workspace.query("SELECT image_a_id, image_b_id, strength FROM duplicate_proposal")
    judged = pair_judgements.newest(workspace) if rows else {}
    found = []
    for row in rows:
        pair = (row["image_a_id"], row["image_b_id"])
        verdict = judged.get(pair, "open")
        if verdict == "both" or (verdict == "open" and row["strength"] == "strong"):
            found.append(pair)
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def write(
    workspace: Workspace, found: Sequence[Proposal], compared: Iterable[int], *, set_id: int, rules: int
) -> None:
    """Store proposals, and that these images were compared with all others, in one transaction.

    An image that was forgotten meanwhile gets neither.

    Args:
        rules: The version of the rules by which they were compared.
    """
    stamp = now()
    present = "EXISTS (SELECT 1 FROM image_state WHERE image_id = ?)"
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO duplicate_proposal (image_a_id, image_b_id, strength, similarity,"
            " n_matches, agreement, overlap, matrix, found_at)"
            f" SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE {present} AND {present}",
            [
                (
                    *(*each.pair, each.strength, each.similarity, each.n_matches),
                    *(each.agreement, each.overlap, json.dumps(each.matrix), stamp, *each.pair),
                )
                for each in found
            ],
        )
        connection.executemany(
            "INSERT OR REPLACE INTO view_comparison (image_id, set_id, rules)"
            f" SELECT ?, ?, ? WHERE {present}",
            [(image_id, set_id, rules, image_id) for image_id in compared],
        )
        connection.execute("UPDATE pair_revision SET revision = revision + 1")


def _matrix(text: str) -> Matrix | None:
    """Return a stored matrix; None for one that maps nothing, as a restored backup may have it."""
    try:
        matrix = np.array(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError, RecursionError):
        return None
    if matrix.shape != (2, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:, :2])) < 1e-6:
        return None
    return tuple(tuple(row) for row in matrix.tolist())


def compared(workspace: Workspace, *, set_id: int, rules: int) -> set[int]:
    """Return the images that were compared with all others by this set of views and these rules."""
    rows = workspace.query(
        "SELECT image_id FROM view_comparison WHERE set_id = ? AND rules = ?", (set_id, rules)
    )
    return {row["image_id"] for row in rows}


def n_compared(workspace: Workspace) -> int:
    """Count the images that were compared with the others by their views."""
    row = workspace.one("SELECT COUNT(*) AS n FROM view_comparison JOIN image_state USING (image_id)")
    return row["n"] if row else 0


def n_not_searched(workspace: Workspace) -> int:
    """Count the labelled images among which changed copies were not searched for, 0 without embeddings.

    Without embeddings there are mostly no weights to search with.
    """
    if not stored.sets(workspace):
        return 0
    row = workspace.one(
        "SELECT COUNT(*) AS n FROM view_comparison JOIN image_state USING (image_id) WHERE verdict = 'label'"
    )
    return max(0, status.read(workspace).n_labelled - (row["n"] if row else 0))


def not_searched_text(n_images: int) -> str:
    """Say what it means for a snapshot that changed copies were not searched for."""
    images = "1 image" if n_images == 1 else f"{n_images:,} images"
    return (
        f"Turned, cropped and recoloured copies were not searched for among {images}: copies of one photo may"
        " go into different splits, and scores may be too high."
    )
