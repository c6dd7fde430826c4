"""Keep the place of every image of a layout in a file, where the map has more images than it draws at once.

A layout is computed of a sample, which the database has; `embed.placing` places the others. The file is a
cache beside the embeddings: the int64 ids of N images, ascending, then float32 x and y of each.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import files
from peakid.embed import stored
from peakid.store.workspace import Workspace

_BYTES = 16  # Of one image.
_SUFFIX = ".places"
_MULTIPLIER = 0x9E3779B97F4A7C15  # Of Fibonacci hashing: an order of the ids that looks random.

Box = tuple[float, float, float, float]
"""Left, bottom, right and top; all of the map is (-1, -1, 1, 1)."""


@dataclass(frozen=True)
class Points:
    """Attributes:
    image_ids: int64 of shape (n,), ascending.
    xy: float32 of shape (n, 2), in -1 to 1.
    """

    image_ids: np.ndarray
    xy: np.ndarray

    def take(self, chosen: np.ndarray) -> "Points":
        """Return some of the points: `chosen` is a mask, or ascending positions."""
        return Points(self.image_ids[chosen], self.xy[chosen])


def count(workspace: Workspace, layout_id: int, made_at: str) -> int:
    """Return how many images have a place; 0 where there is no file for this layout."""
    file = _file(workspace, layout_id, made_at)
    return file.stat().st_size // _BYTES if file.is_file() else 0


def read(workspace: Workspace, layout_id: int, made_at: str) -> Points | None:
    """Return the places of all images, None where there is no file for this layout."""
    n = count(workspace, layout_id, made_at)
    if not n:
        return None
    found = unpacked(_file(workspace, layout_id, made_at).read_bytes())
    is_there = np.isfinite(found.xy[:, 0])
    return found if is_there.all() else found.take(is_there)


def write(workspace: Workspace, layout_id: int, made_at: str, points: Points) -> None:
    """Write the places of a layout, and delete those of earlier layouts with its number."""
    file = _file(workspace, layout_id, made_at)
    file.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(file) as unfinished, unfinished.open("wb") as opened:
        opened.write(packed(points))
    for each in file.parent.glob(f"{layout_id}-*{_SUFFIX}"):
        if each != file:
            each.unlink(missing_ok=True)


def erase(workspace: Workspace, digest: str) -> None:
    """Remove the place of an image from every file. Call it before its rows are deleted."""
    row = workspace.one("SELECT id FROM image WHERE digest = ?", (digest,))
    for file in _folder(workspace).glob(f"*{_SUFFIX}"):
        n = file.stat().st_size // _BYTES
        ids = np.fromfile(file, dtype="<i8", count=n)
        at = int(np.searchsorted(ids, row["id"])) if row is not None else n
        if row is not None and at < n and ids[at] == row["id"]:
            with file.open("r+b") as opened:
                opened.seek(8 * n + 8 * at)
                opened.write(np.full(2, np.nan, dtype="<f4").tobytes())


def packed(points: Points) -> bytes:
    """Return the points as the bytes of a file of places."""
    return points.image_ids.astype("<i8").tobytes() + points.xy.astype("<f4").tobytes()


def unpacked(content: bytes) -> Points:
    """Return the points of `packed`; they cannot be written to."""
    n = len(content) // _BYTES
    xy = np.frombuffer(content, dtype="<f4", count=2 * n, offset=8 * n).reshape(-1, 2)
    return Points(np.frombuffer(content, dtype="<i8", count=n), xy)


def inside(points: Points, box: Box) -> np.ndarray:
    """Return which points are in a rectangle: bool of shape (n,)."""
    left, bottom, right, top = box
    x, y = points.xy[:, 0], points.xy[:, 1]
    return (x >= left) & (x <= right) & (y >= bottom) & (y <= top)


def drawn(points: Points, most: int) -> Points:
    """Return at most `most` of some points, spread at random; of a part of the map, the same ones first."""
    if len(points.image_ids) <= most:
        return points
    order = points.image_ids.astype(np.uint64) * np.uint64(_MULTIPLIER)
    return points.take(np.sort(np.argpartition(order, most)[:most]))


def _file(workspace: Workspace, layout_id: int, made_at: str) -> Path:
    return _folder(workspace) / f"{layout_id}-{zlib.crc32(made_at.encode()):08x}{_SUFFIX}"


def _folder(workspace: Workspace) -> Path:
    return stored.folder(workspace) / "map"
