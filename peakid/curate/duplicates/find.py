"""Find exact duplicates (same pixels) and near duplicates, and store them as pairs."""

import functools
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import PIL.Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from peakid.curate.duplicates import aligned, pair_judgements, pair_search
from peakid.errors import NotFound, PeakidError, UnreadableImage
from peakid.imaging import gate, hashes, inspection, pixels
from peakid.records import Report, ScanReport, no_report
from peakid.store import images
from peakid.store.workspace import Workspace, now

_PRESENT = "id IN (SELECT image_id FROM image_state)"  # Without images that were forgotten.
CHUNK = 256  # New images per round: 256 * 100,000 distances are 26 MB.
INDEXED_CHUNK = 8192  # With the index for many images: a round takes 50 ms plus 20 us per image.
N_CACHED_PICTURES = 512  # Decoded thumbnails, 0.1 MB each.


@dataclass(frozen=True)
class HashedImages:
    """All images with the hashes to compare; those already scanned come first.

    Attributes:
        ids: int64 of shape (N,).
        sizes: int64 of shape (N,): width x 2^32 + height, in pixels.
        n_scanned: Images already scanned.
    """

    ids: np.ndarray
    sizes: np.ndarray
    digests: list[str]
    hashes: pair_search.HashSet
    n_scanned: int


def scan(workspace: Workspace, *, report: Report = no_report) -> ScanReport:
    """Compare every image that is new since the last scan with all images, and store the pairs.

    Up to 100,000 images all distances are computed. Beyond that neighbours are found with an index, in time
    proportional to the number of new images, and a few near duplicates with large distances are missed. A
    killed scan continues where it stopped.

    Raises:
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    started = time.monotonic()
    _hash_older(workspace, report)
    hashed = hashed_images(workspace)
    n, read = len(hashed.ids), picture_reader(workspace, hashed.digests)
    chunk = CHUNK if n <= pair_search.EXACT_UP_TO else INDEXED_CHUNK
    for begin in range(hashed.n_scanned, n, chunk):
        end = min(begin + chunk, n)
        _store_pairs(workspace, hashed, read, begin, end)
        report("scan", end - hashed.n_scanned, n - hashed.n_scanned, "comparing images")
    return _report(workspace, n - hashed.n_scanned, started)


def groups(workspace: Workspace) -> dict[str, str]:
    """Return the group of every image: digest -> smallest digest of all images connected to it by pairs.

    An image without duplicates is a group of its own. Near pairs that a person judged as different do not
    count; images with the same pixels stay in one group in any case.
    """
    rows = workspace.query(f"SELECT id, digest FROM image WHERE {_PRESENT} ORDER BY id")
    members = components(
        [row["id"] for row in rows], np.concatenate([_pairs(workspace, "exact"), _near_pairs(workspace)])
    )
    smallest: dict[int, str] = {}
    for row, member in zip(rows, members, strict=True):
        smallest[member] = min(row["digest"], smallest.get(member, row["digest"]))
    return {row["digest"]: smallest[member] for row, member in zip(rows, members, strict=True)}


def _hash_older(workspace: Workspace, report: Report) -> None:
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
        report("scan", min(begin + CHUNK, len(rows)), len(rows), "hashing flips, rotations and parts")


def _hashes(workspace: Workspace, digest: str) -> tuple[bytes, bytes] | None:
    """Return the hashes of all orientations and of all parts; None if the picture cannot be read."""
    grey = _grey(workspace, digest)
    return None if grey is None else hashes.of(grey)


def hashed_images(workspace: Workspace) -> HashedImages:
    """Read the hashes of all images."""
    rows = workspace.query(
        "SELECT id, digest, phash, dhash, width_px, height_px, scanned_at IS NOT NULL AS is_scanned"
        f" FROM image WHERE {_PRESENT} ORDER BY scanned_at IS NULL, id"
    )
    upright = np.array(
        [(int(row["phash"], 16), int(row["dhash"], 16)) for row in rows], dtype=np.uint64
    ).reshape(-1, 2)
    parts = _parts(workspace, upright) if len(rows) <= pair_search.PARTS[-1][0] else None
    return HashedImages(
        ids=np.array([row["id"] for row in rows], dtype=np.int64),
        sizes=np.array([(row["width_px"] << 32) + row["height_px"] for row in rows], dtype=np.int64),
        digests=[row["digest"] for row in rows],
        hashes=pair_search.HashSet(upright, parts),
        n_scanned=sum(row["is_scanned"] for row in rows),
    )


def _parts(workspace: Workspace, upright: np.ndarray) -> np.ndarray:
    """Return the hashes of parts, uint64 of shape (N, 14, 2). Without a picture, all are the upright ones."""
    parts = np.repeat(upright[:, None], hashes.N_PARTS, axis=1)
    rows = workspace.query(
        "SELECT hashes FROM image LEFT JOIN part_hash p ON p.image_id = id"
        f" WHERE {_PRESENT} ORDER BY scanned_at IS NULL, id"
    )
    known = [n for n, row in enumerate(rows) if row["hashes"] is not None]
    parts[known] = hashes.unpack([rows[n]["hashes"] for n in known], n_hashes=hashes.N_PARTS)
    return parts


def _turned(workspace: Workspace, hashed: HashedImages, begin: int, end: int) -> np.ndarray:
    """Return hashes by orientation, uint64 of shape (rows, 8, 2). Without a picture, all are upright ones."""
    turned = np.repeat(hashed.hashes.upright[begin:end, None], hashes.N_ORIENTATIONS, axis=1)
    for n, image_id in enumerate(hashed.ids[begin:end].tolist()):
        row = workspace.one("SELECT hashes FROM orientation_hash WHERE image_id = ?", (image_id,))
        if row is not None:
            # The upright orientation keeps the hashes in `image`, which every other image is compared by.
            turned[n, 1:] = hashes.unpack([row["hashes"]])[0, 1:]
    return turned


def picture_reader(workspace: Workspace, digests: list[str]) -> pair_search.PictureReader:
    """Return a function that reads the picture of a row in an orientation, with a cache of the latest."""

    @functools.lru_cache(N_CACHED_PICTURES)
    def read(row: int, orientation: int) -> aligned.ComparedPicture | None:
        grey = _grey(workspace, digests[row])
        return None if grey is None else aligned.ComparedPicture(hashes.turned(grey, orientation))

    return read


def _grey(workspace: Workspace, digest: str) -> PIL.Image.Image | None:
    try:
        return inspection.grey_thumbnail(images.thumbnail(workspace, digest))
    except PeakidError:  # The file was moved, or the thumbnail is damaged.
        return None


def _store_pairs(
    workspace: Workspace, hashed: HashedImages, read: pair_search.PictureReader, begin: int, end: int
) -> None:
    """Find the pairs of rows begin..end with all earlier rows, then write them in one transaction."""
    near = hashed.hashes.pairs(begin, end, _turned(workspace, hashed, begin, end), read)
    blank = _blanks(hashed, begin, end)
    may_be_exact = [
        pair
        for pair in near
        if pair.distance <= pair_search.SURE and hashed.sizes[pair.row] == hashed.sizes[pair.earlier]
    ]
    rows = {n for pair in may_be_exact for n in (pair.row, pair.earlier)} | {
        n for i, earlier in blank.items() for n in (i, *earlier)
    }
    digests = _pixel_digests(workspace, {int(hashed.ids[n]) for n in rows})

    def is_exact(i: int, j: int) -> bool:
        digest = digests.get(int(hashed.ids[i]))
        return digest is not None and digest == digests.get(int(hashed.ids[j]))

    found = [
        (pair.row, pair.earlier, "exact" if is_exact(pair.row, pair.earlier) else "near", pair.distance)
        for pair in near
    ]
    # Each is paired with the first equal one only: 999 pairs connect 1,000 blank images, not half a million.
    found += [
        (i, first, "exact", 0)
        for i, js in blank.items()
        if (first := next((j for j in js if is_exact(i, j)), None)) is not None
    ]
    with workspace.transaction() as connection:
        _write(connection, hashed, found, begin, end)
        connection.executemany(
            "UPDATE image SET pixel_digest = ? WHERE id = ?", [(digest, n) for n, digest in digests.items()]
        )


def _blanks(hashed: HashedImages, begin: int, end: int) -> dict[int, list[int]]:
    """Return the pictures of these rows without structure, each with the earlier ones of the same size."""
    is_blank = ~hashed.hashes.has_structure
    rows = (begin + np.flatnonzero(is_blank[begin:end])).tolist()
    same = {i: np.flatnonzero(is_blank[:i] & (hashed.sizes[:i] == hashed.sizes[i])).tolist() for i in rows}
    return {i: earlier for i, earlier in same.items() if earlier}


def _pixel_digests(workspace: Workspace, image_ids: Iterable[int]) -> dict[int, str]:
    """Return the SHA-256 of the decoded pixels by image id, without images whose bytes are gone."""
    found = {}
    for image_id in sorted(image_ids):
        row = workspace.query("SELECT digest, pixel_digest FROM image WHERE id = ?", (image_id,))[0]
        digest = row["pixel_digest"] or _pixel_digest(workspace, row["digest"])
        if digest is not None:
            found[image_id] = digest
    return found


def _pixel_digest(workspace: Workspace, digest: str) -> str | None:
    try:
        return gate.call(pixels.digest, images.read_bytes(workspace, digest))
    except (NotFound, UnreadableImage):  # The file was moved or damaged; the hashes still count.
        return None


def _write(
    connection: sqlite3.Connection,
    hashed: HashedImages,
    found: Iterable[tuple[int, int, str, int]],
    begin: int,
    end: int,
) -> None:
    stamp = now()
    pairs = (
        (*sorted((int(hashed.ids[i]), int(hashed.ids[j]))), kind, distance, stamp)
        for i, j, kind, distance in found
    )
    connection.executemany(
        "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        pairs,
    )
    connection.executemany(
        "UPDATE image SET scanned_at = ? WHERE id = ?", [(stamp, int(n)) for n in hashed.ids[begin:end]]
    )
    connection.execute("UPDATE pair_revision SET revision = revision + 1")


def _pairs(workspace: Workspace, *kinds: str) -> np.ndarray:
    marks = ",".join("?" * len(kinds))
    rows = workspace.query(
        f"SELECT image_a_id, image_b_id FROM duplicate_pair WHERE kind IN ({marks})", kinds
    )
    return np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)


def _near_pairs(workspace: Workspace) -> np.ndarray:
    """Return the near pairs, without those that a person judged as different."""
    found = _pairs(workspace, "near")
    different = {
        pair for pair, verdict in pair_judgements.newest(workspace).items() if verdict == "different"
    }
    return found[[tuple(pair) not in different for pair in found.tolist()]] if different else found


def components(ids: list[int], pairs: np.ndarray) -> list[int]:
    """Return the number of the connected component of each of `ids`, which must be sorted.

    Args:
        pairs: int64 of shape (P, 2), of ids.
    """
    ends = np.searchsorted(np.array(ids, dtype=np.int64), pairs)  # (P, 2)
    graph = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(len(ids), len(ids))
    )
    return connected_components(graph, directed=False)[1].tolist() if ids else []


def _report(workspace: Workspace, n_scanned: int, started: float) -> ScanReport:
    ids = [row["id"] for row in workspace.query(f"SELECT id FROM image WHERE {_PRESENT} ORDER BY id")]
    exact = components(ids, _pairs(workspace, "exact"))
    near_pairs = _near_pairs(workspace)
    connected = components(ids, np.concatenate([_pairs(workspace, "exact"), near_pairs]))
    exact_groups = {number for number, n in Counter(exact).items() if n > 1}
    exact_groups |= _copied(workspace, dict(zip(ids, exact, strict=True)))
    component = dict(zip(ids, connected, strict=True))
    near_groups = {component[int(a)] for a, _ in near_pairs}
    return ScanReport(
        n_scanned=n_scanned,
        n_exact_groups=len(exact_groups),
        n_near_groups=len(near_groups),
        n_conflicting_groups=_n_conflicting(workspace, component),
        issues={},
        seconds=time.monotonic() - started,
    )


def _copied(workspace: Workspace, component: dict[int, int]) -> set[int]:
    """Return the components with an image that has several origins."""
    rows = workspace.query(
        "SELECT image_id FROM (SELECT DISTINCT image_id, root_id, path FROM origin)"
        " GROUP BY image_id HAVING COUNT(*) > 1"
    )
    return {component[row["image_id"]] for row in rows}


def _n_conflicting(workspace: Workspace, component: dict[int, int]) -> int:
    """Count components with several labels. Labels of origins count until a person judges the image."""
    labels: dict[int, set[str]] = defaultdict(set)
    for row in workspace.query(
        "SELECT image_id, class.name AS label FROM image_state JOIN class ON class.id = class_id"
        " WHERE verdict <> 'exclude'"
        " UNION SELECT origin.image_id, origin.label FROM origin JOIN image_state USING (image_id)"
        " WHERE origin.label IS NOT NULL AND verdict <> 'exclude' AND NOT is_reviewed"
    ):
        labels[component[row["image_id"]]].add(row["label"])
    return sum(len(found) > 1 for found in labels.values())
