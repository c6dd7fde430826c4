"""Which images are the same picture: byte copies, same pixels, same look. Only the last two are pairs in the database."""

import hashlib
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from peakid import images, pixels
from peakid.errors import NotFound, UnreadableImage
from peakid.records import Report, ScanReport, no_report
from peakid.workspace import Workspace, now

# phash + dhash distance of 128 bits. On 3,000 (original, edit) pairs of 20 kinds of edit this found 81 %, and
# none of 5.6 million pairs of strangers; phash <= 8 alone found 73 %.
NEAR_DISTANCE = 24
# A phash sets the coefficients above their median: 31 or 32 of 64 on any photo. A blank picture's are all equal and
# set almost none; such hashes say nothing, and would tie every blank image of a workspace into one group.
LEAST_PHASH_BITS = 24
CHUNK = 256  # New images a round: 256 x 100,000 distances are 26 MB.


@dataclass(frozen=True)
class _Hashes:
    """What is compared, images scanned before first. Arrays of shape (N,)."""

    ids: np.ndarray
    phash: np.ndarray
    dhash: np.ndarray
    sizes: np.ndarray  # width x 2^32 + height, px
    n_old: int


def scan(workspace: Workspace, *, report: Report = no_report) -> ScanReport:
    """Compare every image that is new since the last scan with all images, and remember the pairs.

    Distances are computed one by one, exactly: 0.2 s for 10,000 new images, half a minute for 100,000; beyond
    that the work grows with the square. A killed scan goes on where it stopped.

    Raises:
        WorkspaceNotWritable: If the workspace does not take the pairs.
    """
    started = time.monotonic()
    hashes = _hashes(workspace)
    n_new = len(hashes.ids) - hashes.n_old
    for begin in range(hashes.n_old, len(hashes.ids), CHUNK):
        end = min(begin + CHUNK, len(hashes.ids))
        _remember(workspace, hashes, begin, end)
        report("scan", end - hashes.n_old, n_new, "comparing images")
    return _counted(workspace, n_new, started)


def groups(workspace: Workspace) -> dict[str, str]:
    """Answer the group of every image: digest -> smallest digest of all images it is tied to by pairs.

    An image without a near-duplicate is a group of its own.
    """
    rows = workspace.query("SELECT id, digest FROM image ORDER BY id")
    members = _components([row["id"] for row in rows], _pairs(workspace, "exact", "near"))
    smallest: dict[int, str] = {}
    for row, member in zip(rows, members, strict=True):
        smallest[member] = min(row["digest"], smallest.get(member, row["digest"]))
    return {row["digest"]: smallest[member] for row, member in zip(rows, members, strict=True)}


def _hashes(workspace: Workspace) -> _Hashes:
    rows = workspace.query("SELECT id, phash, dhash, width_px, height_px FROM image ORDER BY scanned_at IS NULL, id")
    n_old = len(rows) - workspace.query("SELECT COUNT(*) AS n FROM image WHERE scanned_at IS NULL")[0]["n"]
    return _Hashes(
        np.array([row["id"] for row in rows], dtype=np.int64),
        np.array([int(row["phash"], 16) for row in rows], dtype=np.uint64),
        np.array([int(row["dhash"], 16) for row in rows], dtype=np.uint64),
        np.array([(row["width_px"] << 32) + row["height_px"] for row in rows], dtype=np.int64),
        n_old,
    )


def _remember(workspace: Workspace, hashes: _Hashes, begin: int, end: int) -> None:
    """Find the pairs of rows begin..end with everything before them, then write pairs and marks at once."""
    near = list(_near_pairs(hashes, begin, end))
    blank = _blanks(hashes, begin, end)
    rows = {n for i, j, _ in near if hashes.sizes[i] == hashes.sizes[j] for n in (i, j)}
    rows |= {n for i, earlier in blank.items() for n in (i, *earlier)}
    digests = _pixel_digests(workspace, {int(hashes.ids[n]) for n in rows})

    def is_exact(i: int, j: int) -> bool:
        digest = digests.get(int(hashes.ids[i]))
        return digest is not None and digest == digests.get(int(hashes.ids[j]))

    found = [(i, j, "exact" if is_exact(i, j) else "near", distance) for i, j, distance in near]
    # To the first of its kind only: a thousand blank images are one group by 999 pairs, not by half a million.
    found += [(i, first, "exact", 0) for i, js in blank.items() if (first := next((j for j in js if is_exact(i, j)), None)) is not None]
    with workspace.transaction() as connection:
        _write(connection, hashes, found, begin, end)
        connection.executemany("UPDATE image SET pixel_digest = ? WHERE id = ?", [(digest, n) for n, digest in digests.items()])


def _near_pairs(hashes: _Hashes, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (row, earlier row, distance) of pictures that look the same."""
    distance = np.bitwise_count(hashes.phash[begin:end, None] ^ hashes.phash[None, :end])  # (chunk, end)
    distance += np.bitwise_count(hashes.dhash[begin:end, None] ^ hashes.dhash[None, :end])
    telling = np.bitwise_count(hashes.phash[:end]) >= LEAST_PHASH_BITS
    is_near = (distance <= NEAR_DISTANCE) & telling[begin:end, None] & telling[None, :]
    is_near &= np.arange(end)[None, :] < np.arange(begin, end)[:, None]  # Each pair once.
    for row, j in zip(*np.nonzero(is_near), strict=True):
        yield begin + int(row), int(j), int(distance[row, j])


def _blanks(hashes: _Hashes, begin: int, end: int) -> dict[int, list[int]]:
    """Answer the blank pictures of these rows, each with the earlier ones of its size: they may be the same pixels."""
    is_blank = np.bitwise_count(hashes.phash[:end]) < LEAST_PHASH_BITS
    rows = (begin + np.flatnonzero(is_blank[begin:end])).tolist()
    same = {i: np.flatnonzero(is_blank[:i] & (hashes.sizes[:i] == hashes.sizes[i])).tolist() for i in rows}
    return {i: earlier for i, earlier in same.items() if earlier}


def _pixel_digests(workspace: Workspace, image_ids: Iterable[int]) -> dict[int, str]:
    """Answer SHA-256 of the decoded pixels by image id; images whose bytes are gone have none."""
    found = {}
    for image_id in sorted(image_ids):
        row = workspace.query("SELECT digest, pixel_digest FROM image WHERE id = ?", (image_id,))[0]
        digest = row["pixel_digest"] or _pixel_digest(workspace, row["digest"])
        if digest is not None:
            found[image_id] = digest
    return found


def _pixel_digest(workspace: Workspace, digest: str) -> str | None:
    try:
        image = pixels.decode(images.read_bytes(workspace, digest))
    except (NotFound, UnreadableImage):  # Moved away since its import; the look still counts.
        return None
    return hashlib.sha256(f"{image.width}x{image.height} RGB\n".encode() + image.tobytes()).hexdigest()


def _write(connection: sqlite3.Connection, hashes: _Hashes, found: Iterable[tuple[int, int, str, int]], begin: int, end: int) -> None:
    stamp = now()
    pairs = ((*sorted((int(hashes.ids[i]), int(hashes.ids[j]))), kind, distance, stamp) for i, j, kind, distance in found)
    connection.executemany(
        "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", pairs
    )
    connection.executemany("UPDATE image SET scanned_at = ? WHERE id = ?", [(stamp, int(n)) for n in hashes.ids[begin:end]])


def _pairs(workspace: Workspace, *kinds: str) -> np.ndarray:
    marks = ",".join("?" * len(kinds))
    rows = workspace.query(f"SELECT image_a_id, image_b_id FROM duplicate_pair WHERE kind IN ({marks})", kinds)
    return np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)


def _components(ids: list[int], pairs: np.ndarray) -> list[int]:
    """Number the connected components; one number for each of `ids`, which are sorted."""
    ends = np.searchsorted(np.array(ids, dtype=np.int64), pairs)  # (P, 2)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(len(ids), len(ids)))
    return connected_components(graph, directed=False)[1].tolist() if ids else []


def _counted(workspace: Workspace, n_scanned: int, started: float) -> ScanReport:
    ids = [row["id"] for row in workspace.query("SELECT id FROM image ORDER BY id")]
    exact = _components(ids, _pairs(workspace, "exact"))
    whole = _components(ids, _pairs(workspace, "exact", "near"))
    tied_exactly = {number for number, n in Counter(exact).items() if n > 1} | _copied(workspace, dict(zip(ids, exact, strict=True)))
    by_id = dict(zip(ids, whole, strict=True))
    near = {by_id[int(a)] for a, _ in _pairs(workspace, "near")}
    return ScanReport(n_scanned, len(tied_exactly), len(near), _n_conflicting(workspace, by_id), {}, time.monotonic() - started)


def _copied(workspace: Workspace, component: dict[int, int]) -> set[int]:
    """Answer the components with an image that was seen at several places."""
    rows = workspace.query(
        "SELECT image_id FROM (SELECT DISTINCT image_id, root_id, path FROM origin) GROUP BY image_id HAVING COUNT(*) > 1"
    )
    return {component[row["image_id"]] for row in rows}


def _n_conflicting(workspace: Workspace, component: dict[int, int]) -> int:
    """Count components with several labels: those the images have now and, until a person has judged, those of their origins."""
    labels: dict[int, set[str]] = defaultdict(set)
    for row in workspace.query(
        "SELECT image_id, class.name AS label FROM image_state JOIN class ON class.id = class_id WHERE verdict <> 'exclude'"
        " UNION SELECT origin.image_id, origin.label FROM origin JOIN image_state USING (image_id)"
        " WHERE origin.label IS NOT NULL AND verdict <> 'exclude' AND NOT is_reviewed"
    ):
        labels[component[row["image_id"]]].add(row["label"])
    return sum(len(found) > 1 for found in labels.values())
