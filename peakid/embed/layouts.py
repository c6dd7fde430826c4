"""Store the layouts of the map: where each image is, for each set of embeddings and each method."""

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from peakid.embed import places, projection, reading
from peakid.embed.places import Box, Points
from peakid.errors import NotFound, WorkspaceNotWritable
from peakid.records import Report, no_report
from peakid.store.workspace import Workspace, now

Method = Literal[
    "pca",   # The two directions in which the images differ most; computed at once.
    "umap",  # Images beside those they resemble most; computed by a job.
]  # fmt: skip
METHODS: tuple[Method, ...] = ("pca", "umap")
_LEAST_PACKED = 5_000  # Points: fewer are read row by row in some 10 ms.
MOST_POINTS = 100_000  # Of more images, a random sample is on the map: more points are drawn over each other.


@dataclass(frozen=True)
class Layout:
    """A stored layout.

    Attributes:
        n_images: Images on it.
        n_missing: Images with an embedding that are not on it yet; 0 where it has as many as a map shows.
        n_embedded: Images with an embedding.
        is_of_these: The set still has the embeddings that it was made of.
        n_placed: Images with a place: those on it, and where all were placed the others too.
    """

    layout_id: int
    set_id: int
    method: Method
    made_at: str
    seconds: float
    n_images: int
    n_missing: int
    n_embedded: int
    is_of_these: bool
    n_placed: int = 0

    @property
    def is_outdated(self) -> bool:
        return self.n_missing > 0 or not self.is_of_these

    @property
    def n_without_place(self) -> int:
        """Images with an embedding that have no place, where only a sample is on the map."""
        return max(0, self.n_embedded - self.n_placed) if self.n_embedded > MOST_POINTS else 0

    @property
    def key(self) -> str:
        """A text that changes whenever a point comes or goes."""
        return f"{self.layout_id}-{self.n_images}-{self.n_placed}-{self.made_at}"


def is_possible(workspace: Workspace) -> bool:
    """Return whether any image has an embedding, so that there can be a map."""
    return workspace.one("SELECT 1 FROM embedding LIMIT 1") is not None


def find(workspace: Workspace, set_id: int, method: Method) -> Layout | None:
    """Return the stored layout of a set, None where there is none."""
    row = workspace.one(
        "SELECT l.*, l.file = e.file AS is_of_these,"
        " (SELECT COUNT(*) FROM map_point p WHERE p.layout_id = l.id) AS n_images,"
        " COALESCE((SELECT n FROM embedding_count c WHERE c.set_id = l.set_id), 0) AS n_embedded,"
        # Of more images than a map draws, those that are not on it are not looked for.
        " CASE WHEN (SELECT n FROM embedding_count c WHERE c.set_id = l.set_id) > :most THEN 0 ELSE"
        " (SELECT COUNT(*) FROM embedding v WHERE v.set_id = l.set_id AND NOT EXISTS"
        " (SELECT 1 FROM map_point p WHERE p.image_id = v.image_id AND p.layout_id = l.id)) END AS n_missing"
        " FROM map_layout l JOIN embedding_set e ON e.id = l.set_id"
        " WHERE l.set_id = :set AND l.method = :method",
        {"set": set_id, "method": method, "most": MOST_POINTS},
    )
    if row is None:
        return None
    return Layout(
        layout_id=row["id"],
        set_id=row["set_id"],
        method=row["method"],
        made_at=row["made_at"],
        seconds=row["seconds"],
        n_images=row["n_images"],
        n_missing=max(0, min(row["n_missing"], MOST_POINTS - row["n_images"])),
        n_embedded=row["n_embedded"],
        is_of_these=bool(row["is_of_these"]),
        n_placed=places.count(workspace, row["id"], row["made_at"]) or row["n_images"],
    )


def show(workspace: Workspace, layout_id: int) -> Layout:
    """Return a layout by its number.

    Raises:
        NotFound: If there is no such layout.
    """
    row = workspace.one("SELECT set_id, method FROM map_layout WHERE id = ?", (layout_id,))
    found = find(workspace, row["set_id"], row["method"]) if row else None
    if found is None:
        raise NotFound(f"There is no layout {layout_id}.", "Open the map again.")
    return found


def points(workspace: Workspace, layout_id: int) -> Points:
    """Return the points of a layout that the whole map draws."""
    row = workspace.one("SELECT points FROM map_packed WHERE layout_id = ?", (layout_id,))
    if row is not None:
        return places.unpacked(row["points"])
    found = _rows(workspace.connection(), layout_id)
    if len(found.image_ids) >= _LEAST_PACKED and not workspace.is_read_only:
        # A full or busy disk has the rows still.
        with contextlib.suppress(WorkspaceNotWritable), workspace.transaction() as connection:
            found = _pack(connection, layout_id)
    return found


def _rows(connection: sqlite3.Connection, layout_id: int) -> Points:
    """Return the points of a layout from their rows."""
    rows = connection.execute(
        "SELECT image_id, x, y FROM map_point WHERE layout_id = ? ORDER BY image_id", (layout_id,)
    )
    found = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.float64).reshape(-1, 3)
    return Points(found[:, 0].astype(np.int64), found[:, 1:].astype(np.float32))


def _pack(connection: sqlite3.Connection, layout_id: int) -> Points:
    """Store the points of a layout in one piece. It is deleted when a point comes or goes."""
    found = _rows(connection, layout_id)
    connection.execute(
        "INSERT OR REPLACE INTO map_packed (layout_id, points) VALUES (?, ?)",
        (layout_id, places.packed(found)),
    )
    return found


def all_points(workspace: Workspace, layout: Layout) -> Points:
    """Return the places of all images, as far as they were placed."""
    found = places.read(workspace, layout.layout_id, layout.made_at)
    return points(workspace, layout.layout_id) if found is None else found


def inside(found: Points, box: Box) -> list[int]:
    """Return the images in a rectangle of the map, ascending."""
    return found.image_ids[places.inside(found, box)].tolist()


def in_sight(
    workspace: Workspace, layout: Layout, box: Box | None = None, *, shown: Sequence[int] = ()
) -> tuple[Points, int]:
    """Return the points to draw of a part of the map, at most `MOST_POINTS`, and how many images are in it.

    Args:
        box: None = the whole map.
        shown: Images that are drawn in any case, if they have a place.
    """
    whole = points(workspace, layout.layout_id) if box is None else all_points(workspace, layout)
    n, found = layout.n_placed, whole
    if box is not None:
        inside_box = whole.take(places.inside(whole, box))
        n, found = len(inside_box.image_ids), places.drawn(inside_box, MOST_POINTS)
    if shown:
        everywhere = whole if box is not None else all_points(workspace, layout)
        ids = everywhere.image_ids
        is_wanted = np.isin(ids, [*shown])
        is_wanted[np.searchsorted(ids, found.image_ids)] = True
        found = everywhere.take(is_wanted)
    return found, n


def pca(workspace: Workspace, set_id: int) -> Layout:
    """Return the PCA layout of a set, made anew where images were added: a few seconds for 100,000."""
    found = find(workspace, set_id, "pca")
    if found is not None and (not found.is_outdated or workspace.is_read_only):
        return found
    return make(workspace, set_id, "pca")


def make(workspace: Workspace, set_id: int, method: Method, *, report: Report = no_report) -> Layout:
    """Compute and store a layout of all images of a set, in place of the one before.

    Raises:
        ExtraMissing: If UMAP is not installed.
    """
    started = time.perf_counter()
    file = workspace.query("SELECT file FROM embedding_set WHERE id = ?", (set_id,))[0]["file"]
    found = reading.every(workspace, set_id)
    at = np.arange(len(found.image_ids))
    if len(at) > MOST_POINTS:
        at = np.sort(np.random.default_rng(projection.SEED).choice(len(at), MOST_POINTS, replace=False))
    image_ids, features = found.image_ids[at], found.features.take(at)
    placed = projection.umap(features, report=report) if method == "umap" else projection.pca(features)
    _store(workspace, set_id, method, file, image_ids, projection.scaled(placed), started)
    made = find(workspace, set_id, method)
    assert made is not None
    return made


def _store(
    workspace: Workspace,
    set_id: int,
    method: Method,
    file: str,
    image_ids: np.ndarray,
    xy: np.ndarray,
    started: float,
) -> None:
    """Replace a layout in one transaction. An image that was forgotten meanwhile gets no point."""
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO map_layout (set_id, method, file, seconds, made_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (set_id, method) DO UPDATE SET file = excluded.file, seconds = excluded.seconds,"
            " made_at = excluded.made_at",
            (set_id, method, file, time.perf_counter() - started, now()),
        )
        layout_id = connection.execute(
            "SELECT id FROM map_layout WHERE set_id = ? AND method = ?", (set_id, method)
        ).fetchone()[0]
        connection.execute("DELETE FROM map_point WHERE layout_id = ?", (layout_id,))
        kept = {
            row[0] for row in connection.execute("SELECT image_id FROM embedding WHERE set_id = ?", (set_id,))
        }
        rows = zip(image_ids.tolist(), xy.tolist(), strict=True)
        connection.executemany(
            "INSERT INTO map_point (image_id, layout_id, x, y) VALUES (?, ?, ?, ?)",
            [(image_id, layout_id, *place) for image_id, place in rows if image_id in kept],
        )
        if len(image_ids) >= _LEAST_PACKED:
            _pack(connection, layout_id)
