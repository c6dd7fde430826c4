"""Read the hashes and small pictures of all images, as the search for duplicates needs them."""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
import PIL.Image

from peakid import progress_text
from peakid.curate.duplicates import aligned, pair_search
from peakid.errors import PeakidError
from peakid.imaging import hashes, inspection
from peakid.records import Report
from peakid.store import images
from peakid.store.comparisons import IS_COMPARED
from peakid.store.workspace import Workspace

CHUNK = 256  # Images hashed in one transaction.
N_CACHED_PICTURES = 4096  # 40 KB each, 80 KB for a framed one.
_PRESENT = "id IN (SELECT image_id FROM image_state)"  # Without images that were forgotten.


@dataclass(frozen=True)
class HashedImages:
    """All images with the hashes to compare; those already compared come first.

    Attributes:
        ids: int64 of shape (N,).
        sizes: int64 of shape (N,): width x 2^32 + height, in pixels.
        n_compared: Images that were already compared, by the rules of today.
    """

    ids: np.ndarray
    sizes: np.ndarray
    hashes: pair_search.HashSet
    n_compared: int


def read(workspace: Workspace) -> HashedImages:
    """Read the hashes of all images."""
    rows = workspace.connection().execute(
        f"SELECT id, phash, dhash, (width_px << 32) + height_px AS size, {IS_COMPARED} AS is_compared"
        f" FROM image WHERE {_PRESENT} ORDER BY NOT {IS_COMPARED}, id"
    )
    # Not as a list of rows, which for a million images would take half a gigabyte.
    numbers = (
        (row["id"], int(row["phash"], 16), int(row["dhash"], 16), row["size"], row["is_compared"])
        for row in rows
    )
    found = np.fromiter(itertools.chain.from_iterable(numbers), dtype=np.uint64).reshape(-1, 5)
    upright = found[:, 1:3].copy()
    parts = _parts(workspace, upright) if len(found) <= pair_search.PARTS[-1][0] else None
    return HashedImages(
        ids=found[:, 0].astype(np.int64),
        sizes=found[:, 3].astype(np.int64),
        hashes=pair_search.HashSet(upright, parts),
        n_compared=int(found[:, 4].sum()),
    )


def _parts(workspace: Workspace, upright: np.ndarray) -> np.ndarray:
    """Return the hashes of parts, uint64 of shape (N, 14, 2). Without a picture, all are the upright ones."""
    parts = np.repeat(upright[:, None], hashes.N_PARTS, axis=1)
    rows = workspace.query(
        "SELECT hashes FROM image LEFT JOIN part_hash p ON p.image_id = id"
        f" WHERE {_PRESENT} ORDER BY NOT {IS_COMPARED}, id"
    )
    known = [n for n, row in enumerate(rows) if row["hashes"] is not None]
    parts[known] = hashes.unpack([rows[n]["hashes"] for n in known], n_hashes=hashes.N_PARTS)
    return parts


def turned(workspace: Workspace, hashed: HashedImages, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Return hashes by orientation, uint64 of shape (rows, 8, 2), and whether a row has all its hashes.

    Without a picture, all are the upright ones.
    """
    found = np.repeat(hashed.hashes.upright[begin:end, None], hashes.N_ORIENTATIONS, axis=1)
    is_whole = np.zeros(end - begin, dtype=bool)
    for n, image_id in enumerate(hashed.ids[begin:end].tolist()):
        row = workspace.one(
            "SELECT o.hashes, EXISTS (SELECT 1 FROM part_hash p WHERE p.image_id = o.image_id) AS has_parts"
            " FROM orientation_hash o WHERE image_id = ?",
            (image_id,),
        )
        if row is not None:
            # The upright orientation keeps the hashes in `image`, which every other image is compared by.
            found[n, 1:] = hashes.unpack([row["hashes"]])[0, 1:]
            is_whole[n] = row["has_parts"]
    return found, is_whole


def hash_older(workspace: Workspace, report: Report) -> None:
    """Hash the flips, rotations and parts of images that an earlier version imported without them."""
    rows = workspace.query(
        f"SELECT id, digest FROM image WHERE {_PRESENT}"
        " AND (id NOT IN (SELECT image_id FROM orientation_hash) OR"
        " id NOT IN (SELECT image_id FROM part_hash)) ORDER BY id"
    )
    for begin in range(0, len(rows), CHUNK):
        hashed = [(row["id"], _hashes(workspace, row["digest"])) for row in rows[begin : begin + CHUNK]]
        with workspace.transaction() as connection:
            for n, table in enumerate(("orientation_hash", "part_hash")):
                new_rows = [(image_id, found[n]) for image_id, found in hashed if found is not None]
                connection.executemany(
                    f"INSERT INTO {table} (image_id, hashes) VALUES (?, ?) ON CONFLICT DO NOTHING", new_rows
                )
        n_done = min(begin + CHUNK, len(rows))
        counted = progress_text.counted(n_done, len(rows), "images")
        report("Hashing flips, rotations and parts", n_done, len(rows), counted)


def _hashes(workspace: Workspace, digest: str) -> tuple[bytes, bytes] | None:
    """Return the hashes of all orientations and of all parts; None if the picture cannot be read."""
    grey = _grey(workspace, digest)
    return None if grey is None else hashes.of(grey)


def digest(workspace: Workspace, image_id: int) -> str:
    """Return the digest of an image. Those of all images would take more memory than their hashes."""
    return workspace.query("SELECT digest FROM image WHERE id = ?", (int(image_id),))[0]["digest"]


def picture_reader(workspace: Workspace, ids: np.ndarray) -> pair_search.PictureReader:
    """Return a function that reads the picture of a row in an orientation, with a cache of the latest."""

    @functools.lru_cache(N_CACHED_PICTURES)
    def read(row: int, orientation: int) -> aligned.ComparedPicture | None:
        grey = _grey(workspace, digest(workspace, ids[row]))
        return None if grey is None else aligned.ComparedPicture(hashes.turned(grey, orientation))

    return read


def _grey(workspace: Workspace, digest: str) -> PIL.Image.Image | None:
    try:
        return inspection.grey_thumbnail(images.thumbnail(workspace, digest))
    except PeakidError:  # The file was moved, or the thumbnail is damaged.
        return None
