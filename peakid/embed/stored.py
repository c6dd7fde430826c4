"""Store the embeddings of images: one file of vectors per set, and which row of it belongs to which image.

A set has the embeddings of one backbone at one image size with one file of weights. The file is float16 of
shape (rows, dimensions); rows are only appended. Forgetting an image overwrites its row with zeros.
"""

import itertools
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import paths
from peakid.errors import BadInput, NoEmbeddings
from peakid.remedies import action
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace, now

SUFFIX = ".f16"
_BYTES = 2  # Of one float16.
_LARGEST = 65504.0  # Of float16. Larger features would become infinite.
_UNREAD = "SELECT image_id FROM unread_image UNION SELECT image_id FROM damaged_image"


@dataclass(frozen=True)
class EmbeddingSet:
    """The embeddings of one backbone.

    Attributes:
        backbone: The name of an architecture, or the name given to imported embeddings.
        size_px: Side of the square that the backbone was shown; 0 for imported embeddings.
        weights_sha256: Of the file of weights; '' for imported embeddings.
        n_images: Images that have an embedding.
        n_views: Views of each image: their vectors, one after the other, or their mean (`averaged`).
    """

    set_id: int
    backbone: str
    size_px: int
    weights_sha256: str
    n_dimensions: int
    n_images: int
    n_views: int = 1


@dataclass(frozen=True)
class Counts:
    """How many images there are, and how many have no embedding.

    Attributes:
        n_missing: Those without one whose files can be read, as far as known.
        n_unread: Those without one whose files are damaged or could not be read.
    """

    n_images: int
    n_missing: int
    n_unread: int


@dataclass(frozen=True)
class UnreadImage:
    """An image whose file cannot be read; `path` is that of its first origin."""

    digest: str
    path: str
    reason: str


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of some images.

    Attributes:
        image_ids: int64 of shape (n,), ascending.
        features: float16 of shape (n, n_dimensions), as computed: not normalised.
    """

    set: EmbeddingSet
    image_ids: np.ndarray
    features: np.ndarray


def sets(workspace: Workspace) -> list[EmbeddingSet]:
    """List the sets that have embeddings, the one that was used last first; without the sets of views."""
    return [each for each in _sets(workspace, "e.n_views = 1", ()) if each.n_images]


def find(workspace: Workspace, backbone: str | None = None) -> EmbeddingSet:
    """Return the set that was used last, among those of a backbone if one is named.

    Raises:
        NoEmbeddings: If there is none.
    """
    for each in sets(workspace):
        if backbone in (None, each.backbone):
            return each
    of = "" if backbone is None else f" of {backbone}"
    raise NoEmbeddings(
        f"No image has an embedding{of} yet.", "Compute the embeddings first.", action("embed")
    )


def create(
    workspace: Workspace,
    backbone: str,
    *,
    size_px: int,
    weights_sha256: str,
    n_dimensions: int,
    n_views: int = 1,
) -> EmbeddingSet:
    """Return the set of a backbone, made if there is none, as the one that was used last.

    Args:
        n_dimensions: Of a row, which may have the vectors of all views of an image.
        n_views: As in `EmbeddingSet`.

    Raises:
        BadInput: If the set exists with another number of dimensions.
    """
    key = backbone, size_px, weights_sha256
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO embedding_set (backbone, size_px, weights_sha256, n_dimensions, file, created_at,"
            " used_at, n_views) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (backbone, size_px, weights_sha256) DO UPDATE SET used_at = excluded.used_at",
            (*key, n_dimensions, _new_name(), now(), now(), n_views),
        )
    (found,) = _sets(workspace, "e.backbone = ? AND e.size_px = ? AND e.weights_sha256 = ?", key)
    if found.n_dimensions != n_dimensions:
        raise BadInput(
            f"The embeddings {backbone!r} have {found.n_dimensions:,} dimensions, not {n_dimensions:,}.",
            "Choose another name for these embeddings.",
        )
    return found


def use(workspace: Workspace, set_id: int) -> EmbeddingSet:
    """Make a set the one that was used last, and return it."""
    with workspace.transaction() as connection:
        connection.execute("UPDATE embedding_set SET used_at = ? WHERE id = ?", (now(), set_id))
    return show(workspace, set_id)


def show(workspace: Workspace, set_id: int) -> EmbeddingSet:
    """Return a set that exists."""
    return _sets(workspace, "e.id = ?", (set_id,))[0]


def missing(workspace: Workspace, set_id: int) -> list[tuple[int, str]]:
    """List the images without an embedding in a set as (image_id, digest), by id.

    Images whose files are known to be damaged or could not be read are left out.
    """
    rows = workspace.query(
        "SELECT s.image_id, i.digest FROM image_state s JOIN image i ON i.id = s.image_id WHERE NOT EXISTS"
        " (SELECT 1 FROM embedding e WHERE e.set_id = ? AND e.image_id = s.image_id AND e.row < ?)"
        f" AND s.image_id NOT IN ({_UNREAD}) ORDER BY s.image_id",
        (set_id, n_rows(workspace, set_id)),
    )
    return [(row["image_id"], row["digest"]) for row in rows]


def counts(workspace: Workspace, set_id: int | None) -> Counts:
    """Count the images without an embedding in a set; None counts those of a set without any."""
    # From counts, not from a comparison of all images: a page asks for a million of them.
    row = workspace.query(
        "SELECT (SELECT COALESCE(SUM(n), 0) FROM state_count) AS n_images,"
        " COALESCE((SELECT n FROM embedding_count WHERE set_id = :set), 0) AS n_embedded,"
        f" (SELECT COUNT(*) FROM image_state s WHERE s.image_id IN ({_UNREAD}) AND NOT EXISTS"
        " (SELECT 1 FROM embedding e WHERE e.set_id = :set AND e.image_id = s.image_id)) AS n_unread",
        {"set": set_id},
    )[0]
    n_missing = row["n_images"] - row["n_embedded"] - row["n_unread"]
    return Counts(row["n_images"], n_missing, row["n_unread"])


def note_unread(workspace: Workspace, reasons: Mapping[int, str]) -> None:
    """Store why the files of images could not be read, by image id; `missing` leaves them out."""
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT INTO unread_image (image_id, reason, found_at) VALUES (?, ?, ?)"
            " ON CONFLICT (image_id) DO UPDATE SET reason = excluded.reason, found_at = excluded.found_at",
            [(image_id, reason, now()) for image_id, reason in reasons.items()],
        )


def unread(workspace: Workspace, limit: int) -> list[UnreadImage]:
    """List images whose files could not be read or are damaged, by id."""
    rows = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, COALESCE(u.reason, d.reason) AS reason FROM image i"
        " LEFT JOIN unread_image u ON u.image_id = i.id LEFT JOIN damaged_image d ON d.image_id = i.id"
        f" WHERE i.id IN ({_UNREAD}) ORDER BY i.id LIMIT ?",
        (limit,),
    )
    return [UnreadImage(row["digest"], row["path"], row["reason"]) for row in rows]


def retry(workspace: Workspace) -> None:
    """Let the images be read again that could not be read; those that a check found damaged are not."""
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM unread_image")


def add(workspace: Workspace, set_id: int, image_ids: Sequence[int], features: np.ndarray) -> None:
    """Append embeddings to the file of a set, then say in the database whose they are.

    A process that is killed in between leaves rows that belong to no image. Call it from one process only.

    Args:
        features: Finite, of shape (len(image_ids), n_dimensions). Values beyond float16 are clipped.

    Raises:
        BadInput: If the shape is another one or a value is not finite.
    """
    known = show(workspace, set_id)
    expected = (len(image_ids), known.n_dimensions)
    if features.shape != expected or not np.isfinite(features).all():
        raise BadInput(
            f"Embeddings of shape {features.shape} with {100 * np.isfinite(features).mean():.0f} % finite "
            f"values do not fit: finite values of shape {expected} are needed.",
            "Compute them again.",
        )
    vectors = np.clip(features, -_LARGEST, _LARGEST).astype(np.float16)
    file = file_of(workspace, set_id)
    file = file if file.is_file() else _begin(workspace, set_id)
    first = _append(file, vectors)
    with workspace.transaction() as connection:
        # Rows of a file that lost its end.
        connection.execute("DELETE FROM embedding WHERE set_id = ? AND row >= ?", (set_id, first))
        # Not of an image that was forgotten while its embedding was computed.
        connection.executemany(
            "INSERT INTO embedding (set_id, image_id, row) SELECT ?, image_id, ? FROM image_state"
            " WHERE image_id = ? ON CONFLICT DO UPDATE SET row = excluded.row",
            [(set_id, first + n, int(image_id)) for n, image_id in enumerate(image_ids)],
        )
        kept = connection.execute(
            "SELECT COUNT(*) FROM embedding WHERE set_id = ? AND row >= ?", (set_id, first)
        ).fetchone()[0]
        if kept < len(set(image_ids)):
            forgotten = _forgotten(connection, image_ids)
            _overwrite(file, [first + n for n in forgotten], known.n_dimensions * _BYTES)


def load(workspace: Workspace, set_id: int, image_ids: Sequence[int] | None = None) -> Embeddings:
    """Return the embeddings of images; those without one are left out.

    Args:
        image_ids: None = all images of the set. The features are then a memory map if all rows are in order.
    """
    known = show(workspace, set_id)
    vectors = _vectors(file_of(workspace, set_id), known.n_dimensions)
    ids, at = rows(workspace, set_id, image_ids)
    is_in_order = len(at) == len(vectors) and bool((at == np.arange(len(at))).all())
    return Embeddings(known, ids, vectors if is_in_order else vectors[at])


def rows(
    workspace: Workspace, set_id: int, image_ids: Sequence[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of images and the row of each in the file: int64 of shape (n,), ascending by id."""
    chosen = "" if image_ids is None else " AND image_id IN (SELECT value FROM json_each(:ids))"
    ids_wanted = json.dumps([] if image_ids is None else [int(each) for each in image_ids])
    found = workspace.connection().execute(
        "SELECT image_id, row FROM embedding WHERE set_id = :set AND row < :n_rows"
        f"{chosen} ORDER BY image_id",
        {"set": set_id, "n_rows": n_rows(workspace, set_id), "ids": ids_wanted},
    )
    # Without a list of rows, which of millions would take a gigabyte.
    pairs = np.fromiter(itertools.chain.from_iterable(found), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def vectors(workspace: Workspace, set_id: int) -> np.ndarray:
    """Return the file of a set: float16 of shape (rows, n_dimensions), also rows that belong to no image."""
    return _vectors(file_of(workspace, set_id), show(workspace, set_id).n_dimensions)


def n_rows(workspace: Workspace, set_id: int) -> int:
    """Return the number of rows of the file of a set."""
    return len(vectors(workspace, set_id))


def erase(workspace: Workspace, digest: str) -> None:
    """Overwrite the embeddings of one image with zeros. Call it before its rows are deleted."""
    found = workspace.query(
        "SELECT e.row, t.file, t.n_dimensions FROM embedding e JOIN embedding_set t ON t.id = e.set_id"
        " JOIN image i ON i.id = e.image_id WHERE i.digest = ?",
        (digest,),
    )
    for each in found:
        file = paths.inside(folder(workspace), each["file"])
        _overwrite(file, [each["row"]], each["n_dimensions"] * _BYTES)


def incomplete(workspace: Workspace) -> list[str]:
    """Return in words which files have fewer embeddings than the database says; they are computed again."""
    found = []
    for each in sets(workspace):
        row = workspace.query("SELECT MAX(row) + 1 AS n FROM embedding WHERE set_id = ?", (each.set_id,))[0]
        n_rows = _n_rows(file_of(workspace, each.set_id), each.n_dimensions)
        if row["n"] > n_rows:
            lacking = f"The file of the embeddings {each.backbone!r} has {n_rows:,} of {row['n']:,} rows"
            found.append(f"{lacking}: the others are computed again, or have to be imported again.")
    return found


def folder(workspace: Workspace) -> Path:
    """Return the folder with the file of each set."""
    return workspace.embeddings_dir


def _sets(workspace: Workspace, where: str, parameters: Sequence[str | int]) -> list[EmbeddingSet]:
    rows = workspace.query(
        "SELECT e.id, e.backbone, e.size_px, e.weights_sha256, e.n_dimensions, e.file, e.n_views,"
        " COALESCE((SELECT n FROM embedding_count c WHERE c.set_id = e.id), 0) AS n_images"
        f" FROM embedding_set e WHERE {where} ORDER BY e.used_at DESC, e.id DESC",
        tuple(parameters),
    )
    return [
        EmbeddingSet(
            set_id=row["id"],
            backbone=row["backbone"],
            size_px=row["size_px"],
            weights_sha256=row["weights_sha256"],
            n_dimensions=row["n_dimensions"],
            n_images=row["n_images"] if paths.inside(folder(workspace), row["file"]).is_file() else 0,
            n_views=row["n_views"],
        )
        for row in rows
    ]


def file_of(workspace: Workspace, set_id: int) -> Path:
    row = workspace.query("SELECT file FROM embedding_set WHERE id = ?", (set_id,))[0]
    return paths.inside(folder(workspace), row["file"])


def _begin(workspace: Workspace, set_id: int) -> Path:
    """Begin a file under a new name: rows of a file that is gone must not point into it."""
    name = _new_name()
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM embedding WHERE set_id = ?", (set_id,))
        connection.execute("UPDATE embedding_set SET file = ? WHERE id = ?", (name, set_id))
    file = paths.inside(folder(workspace), name)
    file.parent.mkdir(exist_ok=True)
    file.touch()
    return file


def _overwrite(file: Path, rows: Iterable[int], row_bytes: int) -> None:
    """Fill rows of a file with zeros; rows beyond its end are not there any more."""
    if not file.is_file():
        return
    with file.open("r+b") as opened:
        for row in rows:
            if file.stat().st_size >= (row + 1) * row_bytes:
                opened.seek(row * row_bytes)
                opened.write(bytes(row_bytes))


def _forgotten(connection: sqlite3.Connection, image_ids: Sequence[int]) -> list[int]:
    """Return the positions of the images that have no state: they were forgotten."""
    there = "SELECT image_id FROM image_state WHERE image_id IN (SELECT value FROM json_each(?))"
    ids = json.dumps([int(image_id) for image_id in image_ids])
    known = {row["image_id"] for row in connection.execute(there, (ids,))}
    return [n for n, image_id in enumerate(image_ids) if int(image_id) not in known]


def _new_name() -> str:
    return f"{secrets.token_hex(8)}{SUFFIX}"


def _append(file: Path, vectors: np.ndarray) -> int:
    """Append whole rows and return the number of the first one. Half a row at the end is overwritten."""
    row_bytes = vectors.shape[1] * _BYTES
    first = file.stat().st_size // row_bytes
    with file.open("r+b") as opened:
        opened.seek(first * row_bytes)
        opened.write(np.ascontiguousarray(vectors).tobytes())
        opened.flush()
        os.fsync(opened.fileno())
    return first


def _n_rows(file: Path, n_dimensions: int) -> int:
    return file.stat().st_size // (n_dimensions * _BYTES) if file.is_file() else 0


def _vectors(file: Path, n_dimensions: int) -> np.ndarray:
    n_rows = _n_rows(file, n_dimensions)
    if n_rows == 0:
        return np.zeros((0, n_dimensions), dtype=np.float16)
    return np.memmap(file, dtype=np.float16, mode="r", shape=(n_rows, n_dimensions))
