"""The one way in which something is removed: an image that must go by right, wherever Peakid holds a picture of it.

Gone: the bytes, the thumbnail, decoded pixels, perceptual hashes, measures, pairs, and where the image came from (paths and
addresses can name a person). Kept: the digest, so that the image is never taken in again; the decisions about it, which hold no
picture; its place in snapshots and runs, so that scores of the past can still be read.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from peakid.errors import NotFound
from peakid.records import Report, no_report
from peakid.store import images, tombstones
from peakid.store.workspace import Workspace, now

FORGOTTEN_PATH = "(forgotten)"
_NO_HASH = "0" * 16
_COMPUTED = (  # Tables of what was computed from the bytes: (table, column).
    ("orientation_hash", "image_id"),
    ("part_hash", "image_id"),
    ("image_measure", "image_id"),
    ("image_issue_score", "image_id"),
    ("duplicate_pair", "image_a_id"),
    ("duplicate_pair", "image_b_id"),
    ("class_example", "image_id"),
    ("image_tag", "image_id"),
    ("image_note", "image_id"),
    ("also_shows", "image_id"),
    ("label_conflict", "image_id"),
    ("split_assignment", "image_id"),
    ("image_state", "image_id"),  # Without a state it stands in no queue, no count and no snapshot to come.
)


@dataclass(frozen=True)
class Forgetting:
    """What forgetting would remove, or removed, and what held it.

    `left_in_place` names files outside the workspace that Peakid never copied: they are the owner's to remove. `snapshots`
    (digest, name, n_images held), `runs` (run_id, snapshot_digest) and `exports` (export_id, run_id, path) held at least one of the images;
    they keep its digest and label, and a model has learned from it.
    """

    digests: list[str]
    n_bytes: int
    left_in_place: list[str] = field(default_factory=list)
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    exports: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"n_images": len(self.digests), **asdict(self)}


def plan(workspace: Workspace, what: str) -> Forgetting:
    """Answer what forgetting `what` would remove.

    Args:
        what: The digest of an image, or a beginning of it; or a source: the path of an imported folder, archive or table, or
            the path or address at which an image was seen. A source means every image that was ever seen there, also
            if it was seen elsewhere too.

    Raises:
        NotFound: If nothing fits.
        AmbiguousDigest: If several images begin with it.
    """
    digests = _named(workspace, what)
    marks = {"digests": json.dumps(digests)}
    among = "(SELECT id FROM image WHERE digest IN (SELECT value FROM json_each(:digests)))"
    snapshots = f"SELECT DISTINCT snapshot_id FROM snapshot_item WHERE image_id IN {among}"
    return Forgetting(
        digests=digests,
        n_bytes=workspace.query(
            f"SELECT COALESCE(SUM(n_bytes), 0) AS n FROM image WHERE id IN {among}", marks
        )[0]["n"],
        left_in_place=[
            f"{row['root']}/{row['path']}"
            for row in workspace.query(
                "SELECT r.path AS root, o.path FROM origin o JOIN root r ON r.id = o.root_id"
                f" WHERE r.is_in_place = 1 AND o.image_id IN {among} ORDER BY 1, 2",
                marks,
            )
        ],
        snapshots=_rows(
            workspace,
            "SELECT s.digest, s.name, COUNT(*) AS n_held FROM snapshot s JOIN snapshot_item t ON t.snapshot_id = s.id"
            f" WHERE t.image_id IN {among} GROUP BY s.id ORDER BY s.id",
            marks,
        ),
        runs=_rows(
            workspace,
            "SELECT r.id AS run_id, s.digest AS snapshot_digest FROM run r JOIN snapshot s ON s.id = r.snapshot_id"
            f" WHERE s.id IN ({snapshots}) ORDER BY r.id",
            marks,
        ),
        exports=_rows(
            workspace,
            f"SELECT e.id AS export_id, e.run_id, e.path FROM export e JOIN run r ON r.id = e.run_id WHERE r.snapshot_id IN ({snapshots})"
            " ORDER BY e.id",
            marks,
        ),
    )


def forget(
    workspace: Workspace, what: str, *, reason: str = "", actor: str, report: Report = no_report
) -> Forgetting:
    """Remove every image that `what` names, for good. There is no undo.

    The rows go first: whoever looks in between finds no image, never an image without its bytes.

    Args:
        what: As for `plan`.
        reason: Why, for the record; name no person in it.

    Raises:
        NotFound: If nothing fits.
        AmbiguousDigest: If several images begin with it.
    """
    planned = plan(workspace, what)
    with workspace.transaction() as connection:
        for digest in planned.digests:
            bury(connection, digest, reason=reason, actor=actor)
    tombstones.write_file(workspace)
    for step, digest in enumerate(planned.digests, 1):
        images.discard(workspace, digest)
        report("Forgetting", step, len(planned.digests), "")
    _remove_pixels(workspace)
    return planned


def bury(connection: sqlite3.Connection, digest: str, *, reason: str, actor: str) -> None:
    """Write a tombstone, and strip the image's row, if it has one, of all that was computed from its bytes or tells its place."""
    connection.execute(
        "INSERT INTO tombstone (digest, reason, actor, forgotten_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (digest, reason, actor, now()),
    )
    row = connection.execute("SELECT id FROM image WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return
    for table, column in _COMPUTED:
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (row["id"],))
    connection.execute(
        "UPDATE pair_revision SET revision = revision + 1"
    )  # Whoever holds groups in memory puts them together anew.
    connection.execute(
        "UPDATE image SET phash = ?, dhash = ?, pixel_digest = NULL, scanned_at = ? WHERE id = ?",
        (_NO_HASH, _NO_HASH, now(), row["id"]),
    )
    _strip_origins(connection, row["id"])


def sweep(workspace: Workspace, digests: Sequence[str]) -> None:
    """Remove what still lies on the disk of these images: after a restore, or a forgetting that was cut short."""
    for digest in digests:
        images.discard(workspace, digest)


def _named(workspace: Workspace, what: str) -> list[str]:
    if re.fullmatch(r"[0-9a-fA-F]{6,64}", what.strip()):
        return [images.resolve(workspace, what)]
    rows = workspace.query(
        "SELECT DISTINCT i.digest FROM image i JOIN image_state s ON s.image_id = i.id JOIN origin o ON o.image_id = i.id"
        " LEFT JOIN root r ON r.id = o.root_id WHERE r.path = :what OR o.path = :what OR r.path || '/' || o.path = :what ORDER BY i.digest",
        {"what": what.strip().rstrip("/") or "/"},
    )
    if not rows:
        raise NotFound(
            f"No image was seen at {what!r}.",
            "Name a digest, an imported folder, or the path or address of an image.",
        )
    return [row["digest"] for row in rows]


def _rows(workspace: Workspace, sql: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
    return [dict(row) for row in workspace.query(sql, parameters)]


def _strip_origins(connection: sqlite3.Connection, image_id: int) -> None:
    """Leave one bare origin: rows of snapshots and logs go on having a path to show."""
    first = connection.execute(
        "SELECT acquisition_id, source FROM origin WHERE image_id = ? ORDER BY id LIMIT 1", (image_id,)
    ).fetchone()
    connection.execute(
        "DELETE FROM origin_move WHERE origin_id IN (SELECT id FROM origin WHERE image_id = ?)", (image_id,)
    )
    connection.execute("DELETE FROM origin WHERE image_id = ?", (image_id,))
    if first is not None:
        connection.execute(
            "INSERT INTO origin (image_id, acquisition_id, source, path, created_at) VALUES (?, ?, ?, ?, ?)",
            (image_id, *first, FORGOTTEN_PATH, now()),
        )


def _remove_pixels(workspace: Workspace) -> None:
    """Empty the cache: its files hold many images each and are drawn again when needed; one in use stays readable until closed."""
    for path in workspace.cache_dir.iterdir() if workspace.cache_dir.is_dir() else ():
        if path.is_dir() and path.name != "uploads":
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink(missing_ok=True)
