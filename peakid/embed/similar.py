"""Rank the images by their similarity to one picture, and keep the list for its queue."""

import sqlite3
from dataclasses import dataclass

import numpy as np

from peakid.embed import stored
from peakid.embed.index import search
from peakid.embed.stored import EmbeddingSet
from peakid.errors import NoEmbeddings, NotFound
from peakid.remedies import action
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace, now

MOST_IMAGES = 500  # Of one list: what comes after them looks like any other image.
MOST_LISTS = 50  # The one that was made the longest ago is deleted.


@dataclass(frozen=True)
class SimilarImage:
    """An image in the order of its similarity (cosine, -1..1) to a picture; 1 = the same embedding."""

    digest: str
    path: str
    label: str | None
    similarity: float


def to_image(workspace: Workspace, digest: str) -> int:
    """Return the id of the list of images similar to an image of the workspace, made or renewed if needed.

    The image itself is not in it.

    Raises:
        NotFound: If there is no such image.
        NoEmbeddings: If it has no embedding.
    """
    image = workspace.one(
        f"SELECT i.id, {FIRST_PATH} AS path FROM image i JOIN image_state s ON s.image_id = i.id"
        " WHERE i.digest = ?",
        (digest,),
    )
    if image is None:
        return _of_file(workspace, digest)
    chosen = stored.find(workspace)
    if (known := _current(workspace, digest, chosen)) is not None:
        return known
    own = stored.load(workspace, chosen.set_id, [image["id"]])
    if not len(own.image_ids):
        raise NoEmbeddings(
            f"{image['path']} has no embedding yet.", "Compute the embeddings first.", action("embed")
        )
    return _make(workspace, chosen, digest, image["id"], image["path"], own.features[0])


def to_features(
    workspace: Workspace, digest: str, name: str, features: np.ndarray, chosen: EmbeddingSet
) -> int:
    """Return the id of a new list of images similar to a picture that is not in the workspace.

    Args:
        digest: SHA-256 of the file.
        name: Of the file, for the reasons in the queue.
        features: Shape (n_dimensions,), from the backbone of `chosen`.
    """
    return _make(workspace, chosen, digest, None, name, features)


def list_similar(workspace: Workspace, list_id: int, *, limit: int | None = None) -> list[SimilarImage]:
    """Return the images of a list, the most similar first."""
    rows = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, c.name AS label, q.score FROM ranked_item q"
        " JOIN image i ON i.id = q.image_id JOIN image_state s ON s.image_id = i.id"
        " LEFT JOIN class c ON c.id = s.class_id WHERE q.list_id = ? ORDER BY q.rank LIMIT ?",
        (list_id, -1 if limit is None else limit),
    )
    return [SimilarImage(row["digest"], row["path"], row["label"], round(row["score"], 6)) for row in rows]


def name(workspace: Workspace, digest: str) -> str:
    """Return the name of the picture that a list was made from; the start of its digest if it is unknown."""
    row = workspace.one("SELECT name FROM ranked_list WHERE digest = ?", (digest,))
    return row["name"].rpartition("/")[2] if row else digest[:12]


def _of_file(workspace: Workspace, digest: str) -> int:
    row = workspace.one("SELECT id FROM ranked_list WHERE digest = ? AND image_id IS NULL", (digest,))
    if row is None:
        raise NotFound(f"There is no image {digest[:12]}.", "Choose an image of this workspace.")
    return row["id"]


def _current(workspace: Workspace, digest: str, chosen: EmbeddingSet) -> int | None:
    """Return the list of an image if it was made from the same embeddings."""
    row = workspace.one(
        "SELECT id FROM ranked_list WHERE digest = ? AND set_id = ? AND n_images = ?",
        (digest, chosen.set_id, chosen.n_images),
    )
    return None if row is None else row["id"]


def _make(
    workspace: Workspace,
    chosen: EmbeddingSet,
    digest: str,
    image_id: int | None,
    name: str,
    features: np.ndarray,
) -> int:
    exclude = None if image_id is None else np.array([image_id])
    found = search.nearest(workspace, chosen, features[None], MOST_IMAGES, exclude=exclude)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM ranked_list WHERE digest = ?", (digest,))
        cursor = connection.execute(
            "INSERT INTO ranked_list (digest, image_id, name, set_id, n_images, used_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (digest, image_id, name, chosen.set_id, chosen.n_images, now()),
        )
        list_id = cursor.lastrowid or 0
        # An image may have been forgotten since its embedding was read.
        connection.executemany(
            "INSERT INTO ranked_item SELECT ?, ?, image_id, ? FROM image_state WHERE image_id = ?",
            [
                (list_id, rank, float(similarity), int(each))
                for rank, (each, similarity) in enumerate(
                    zip(found.image_ids[0], found.similarity[0], strict=True), 1
                )
            ],
        )
        _prune(connection)
    return list_id


def _prune(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM ranked_list WHERE id NOT IN (SELECT id FROM ranked_list ORDER BY used_at DESC, id DESC"
        f" LIMIT {MOST_LISTS})"
    )
