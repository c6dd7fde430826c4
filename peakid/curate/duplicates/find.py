"""Find exact duplicates (same pixels) and near duplicates, and store them as pairs."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import scipy

from peakid import progress_text
from peakid.curate.duplicates import (
    duplicate_groups,
    group_search,
    hashed_images,
    pair_judgements,
    pair_search,
    proposals,
)
from peakid.errors import NotFound, UnreadableImage
from peakid.imaging import gate, pixels
from peakid.records import Report, ScanReport, no_report
from peakid.store import comparisons, images
from peakid.store.comparisons import RULE_VERSION
from peakid.store.workspace import Workspace, now

_PRESENT = "id IN (SELECT image_id FROM image_state)"  # Without images that were forgotten.
CHUNK = 256  # New images per round: 256 * 100,000 distances are 26 MB.
INDEXED_CHUNK = 8192  # With the index for many images: a round takes 50 ms plus 20 us per image.


def scan(workspace: Workspace, *, report: Report = no_report) -> ScanReport:
    """Compare every image that was not compared yet with all images, and store the pairs.

    Up to 100,000 images all distances are computed. Beyond that neighbours are found with an index, in time
    proportional to the number of new images, and a few near duplicates with large distances are missed. A
    killed scan continues where it stopped.

    Raises:
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    started = time.monotonic()
    hashed_images.hash_older(workspace, report)
    n_scanned = 0
    while comparisons.n_missing(workspace):
        comparing = _Scan(workspace, report)
        n_scanned += comparing.run()
        if not comparing.is_outdated:
            break
    return _report(workspace, n_scanned, started)


def groups(workspace: Workspace) -> dict[str, str]:
    """Return the group of every image: digest -> smallest digest of all images connected to it by pairs.

    An image without duplicates is a group of its own. Near pairs that a person judged as different do not
    count; images with the same pixels stay in one group in any case. Copies that a model proposes count where
    they are strong, or a person confirmed them.
    """
    rows = workspace.query(f"SELECT id, digest FROM image WHERE {_PRESENT} ORDER BY id")
    ids = [row["id"] for row in rows]
    hashed = np.concatenate([_pairs(workspace, "exact"), _near_pairs(workspace)])
    members = components(ids, np.concatenate([hashed, proposals.tying(workspace)]))
    smallest: dict[int, str] = {}
    for row, member in zip(rows, members, strict=True):
        smallest[member] = min(row["digest"], smallest.get(member, row["digest"]))
    return {row["digest"]: smallest[member] for row, member in zip(rows, members, strict=True)}


class _Scan:
    """One pass over the images that were not compared yet.

    Attributes:
        is_outdated: Whether an image was forgotten or a pair was judged meanwhile, which ended the pass:
            groups that were connected before may not be any more.
    """

    def __init__(self, workspace: Workspace, report: Report) -> None:
        self._workspace, self._report_progress = workspace, report
        self._state = _state(workspace)
        self._hashed = hashed = hashed_images.read(workspace)
        self._by_id = np.argsort(hashed.ids)  # Rows in the order of the ids.
        self._comparison = pair_search.Comparison(
            hashed_images.picture_reader(workspace, hashed.ids), hashed.hashes.upright
        )
        apart = pair_judgements.Apart(workspace)
        self._groups = group_search.GroupSearch(
            self._stored_groups(),
            group_search.central(self._rows(_pairs(workspace, "exact", "near")), len(hashed.ids)),
            self._comparison,
            lambda row, others: apart.mask(int(hashed.ids[row]), hashed.ids[others]),
        )
        self._first_blank: dict[tuple[int, str], int] = {}  # (size, pixel digest) -> row.
        self.is_outdated = False

    def run(self) -> int:
        """Compare chunk after chunk, each written in one transaction. Return the number of images."""
        begin, n = self._hashed.n_compared, len(self._hashed.ids)
        chunk = CHUNK if n <= pair_search.EXACT_UP_TO else INDEXED_CHUNK
        for first in range(begin, n, chunk):
            last = min(first + chunk, n)
            self._compare(first, last)
            if self.is_outdated:
                return first - begin
        return n - begin

    def _compare(self, begin: int, end: int) -> None:
        """Find the pairs of rows begin..end with all earlier rows, then write them in one transaction."""
        near: list[pair_search.Pair] = []
        turned, has_hashes = hashed_images.turned(self._workspace, self._hashed, begin, end)
        for found in self._hashed.hashes.candidates(begin, end, turned):
            near += self._groups.add(found)
            self._report_compared(found.row)
        pairs = [*self._kinds(near), *self._blanks(begin, end)]
        rows = np.arange(begin, end)
        is_compared = has_hashes & ~np.isin(rows, list(self._comparison.unseen))
        with self._workspace.transaction() as connection:
            self.is_outdated = _state(self._workspace) != self._state
            if not self.is_outdated:
                self._write(connection, pairs, rows, is_compared)
        self._report_compared(end)

    def _report_compared(self, end: int) -> None:
        """Report that the rows up to `end` are compared with all earlier ones."""
        n_done, n_all = end - self._hashed.n_compared, len(self._hashed.ids) - self._hashed.n_compared
        counted = progress_text.counted(n_done, n_all, "images")
        self._report_progress("Comparing images", n_done, n_all, counted)

    def _kinds(self, near: Sequence[pair_search.Pair]) -> Iterator[tuple[int, int, str, int]]:
        """Yield pairs with their kind: exact where the pixels are the same."""
        sizes, ids = self._hashed.sizes, self._hashed.ids
        may_be_exact = {
            (pair.row, pair.earlier)
            for pair in near
            if pair.distance <= pair_search.SURE and sizes[pair.row] == sizes[pair.earlier]
        }
        digests = self._digests({n for pair in may_be_exact for n in pair})
        for pair in near:
            ends = (pair.row, pair.earlier)
            own, other = (digests.get(int(ids[n])) for n in ends)
            is_exact = ends in may_be_exact and own is not None and own == other
            yield (*ends, "exact" if is_exact else "near", pair.distance)

    def _blanks(self, begin: int, end: int) -> Iterator[tuple[int, int, str, int]]:
        """Yield the pairs of equal pictures without structure, each with the first equal one only.

        So 999 pairs connect 1,000 blank images, not half a million.
        """
        blank = np.flatnonzero(~self._hashed.hashes.has_structure[:end])
        sizes, counts = np.unique(self._hashed.sizes[blank], return_counts=True)
        rows = blank[np.isin(self._hashed.sizes[blank], sizes[counts > 1])].tolist()
        if not any(row >= begin for row in rows):
            return
        digests = self._digests(set(rows))
        for row in rows:
            if digest := digests.get(int(self._hashed.ids[row])):
                first = self._first_blank.setdefault((int(self._hashed.sizes[row]), digest), row)
                if first != row and row >= begin:
                    self._groups.has_more[row] = True
                    yield row, first, "exact", 0

    def _digests(self, rows: set[int]) -> dict[int, str]:
        """Return the digests of the pixels by image id, and keep them."""
        found = _pixel_digests(self._workspace, {int(self._hashed.ids[n]) for n in rows})
        with self._workspace.transaction() as connection:
            connection.executemany(
                "UPDATE image SET pixel_digest = ? WHERE id = ? AND pixel_digest IS NULL"
                " AND id IN (SELECT image_id FROM image_state)",
                [(digest, n) for n, digest in found.items()],
            )
        return found

    def _stored_groups(self) -> np.ndarray:
        """Return the group of each row by the stored pairs, int64 of shape (N,)."""
        stored = np.concatenate([_pairs(self._workspace, "exact"), _near_pairs(self._workspace)])
        n = len(self._hashed.ids)
        return np.array(components(list(range(n)), self._rows(stored)), dtype=np.int64)

    def _rows(self, pairs: np.ndarray) -> np.ndarray:
        """Return pairs of ids as pairs of rows, the later row first."""
        ids, n = self._hashed.ids, len(self._hashed.ids)
        if not n:
            return np.zeros((0, 2), dtype=np.int64)
        rows = self._by_id[np.minimum(np.searchsorted(ids, pairs, sorter=self._by_id), n - 1)]  # (P, 2)
        rows = rows[(ids[rows] == pairs).all(axis=1)]
        return np.sort(rows, axis=1)[:, ::-1]

    def _write(
        self,
        connection: sqlite3.Connection,
        pairs: Iterable[tuple[int, int, str, int]],
        rows: np.ndarray,
        is_compared: np.ndarray,
    ) -> None:
        stamp, ids = now(), self._hashed.ids
        connection.executemany(
            "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(*sorted((int(ids[i]), int(ids[j]))), kind, bits, stamp) for i, j, kind, bits in pairs],
        )
        connection.executemany(
            "UPDATE image SET scanned_at = ?, compared_with = ?, has_more_pairs = has_more_pairs OR ?"
            " WHERE id = ?",
            [
                (stamp, RULE_VERSION if done else None, bool(self._groups.has_more[row]), int(ids[row]))
                for row, done in zip(rows.tolist(), is_compared.tolist(), strict=True)
            ],
        )
        connection.execute("UPDATE pair_revision SET revision = revision + 1")


def _state(workspace: Workspace) -> tuple[int, int]:
    """Return a value that changes when an image is forgotten or a pair is judged."""
    row = workspace.one("SELECT (SELECT COUNT(*) FROM tombstone), (SELECT MAX(id) FROM pair_judgement)")
    return tuple(row) if row else (0, 0)


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
    graph = scipy.sparse.coo_array(
        (np.ones(len(pairs), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(len(ids), len(ids))
    )
    return scipy.sparse.csgraph.connected_components(graph, directed=False)[1].tolist() if ids else []


def _report(workspace: Workspace, n_scanned: int, started: float) -> ScanReport:
    counts = duplicate_groups.counts(workspace)
    return ScanReport(
        n_scanned=n_scanned,
        n_exact_groups=counts.n_exact,
        n_near_groups=counts.n_near,
        n_conflicting_groups=counts.n_conflicting,
        issues={},
        seconds=time.monotonic() - started,
        n_copy_groups=counts.n_copy,
        n_groups=counts.n_open,
    )
