"""Remove images for good, wherever a workspace stores something of them.

Removed are the bytes, the thumbnail, decoded pixels, hashes, embeddings, heat maps, measures, pairs, and the
origins (paths and URLs may contain the name of a person). Kept are the digest, so that the image is never
imported again; its decisions; and its rows in snapshots and runs, so that old scores can still be explained.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from peakid import progress_text
from peakid.embed import stored as embeddings
from peakid.errors import NotFound
from peakid.keep import past_uses
from peakid.keep.past_uses import HeldExport, HeldRun, HeldSnapshot
from peakid.records import Report, no_report
from peakid.store import comparisons, images, tombstones
from peakid.store.collecting import collections
from peakid.store.evaluation import heat_maps
from peakid.store.objects import originals
from peakid.store.workspace import Workspace, now

FORGOTTEN_PATH = "(forgotten)"
_NO_HASH = "0" * 16
REMOVED = (  # Tables with data computed from the bytes, or tied to the image: (table, column).
    ("orientation_hash", "image_id"),
    ("part_hash", "image_id"),
    ("embedding", "image_id"),  # Its row of the file is overwritten before.
    ("map_point", "image_id"),
    ("selection_image", "image_id"),
    ("ranked_list", "image_id"),  # Its items are deleted with it.
    ("ranked_item", "image_id"),
    ("outlier_score", "image_id"),
    ("imagenet_guess", "image_id"),
    ("image_measure", "image_id"),
    ("image_issue_score", "image_id"),
    ("duplicate_pair", "image_a_id"),
    ("duplicate_pair", "image_b_id"),
    ("duplicate_proposal", "image_a_id"),
    ("duplicate_proposal", "image_b_id"),
    ("view_comparison", "image_id"),
    ("class_example", "image_id"),
    ("image_tag", "image_id"),
    ("image_note", "image_id"),
    ("also_shows", "image_id"),
    ("label_conflict", "image_id"),
    ("suggestion", "image_id"),
    ("label_check", "image_id"),
    ("damaged_image", "image_id"),
    ("unread_image", "image_id"),
    ("stored_original", "image_id"),  # Its object in the store is removed before.
    ("read_object", "image_id"),  # A path may contain the name of a person.
    ("remark", "image_id"),  # A note may be about a person.
    ("image_text", "image_id"),  # `text_index` follows by trigger.
    ("split_assignment", "image_id"),
    ("image_state", "image_id"),  # Without a state it is in no queue, count or new snapshot.
)
KEPT = {  # Tables that name an image and keep their rows, with the reason.
    "image": "its digest stays, so that it is not imported again; its hashes are replaced by zeros",
    "tombstone": "its digest stays, so that it is not imported again",
    "origin": "one row with the path (forgotten), for snapshots and the history",
    "origin_move": "its rows are deleted with the origins",
    "candidate": "its URL is replaced by a hash, so that it is not collected again",
    "decision": "the log of decisions is complete",
    "pair_judgement": "the log of decisions is complete",
    "snapshot": "the digest of a snapshot, not of an image",
    "snapshot_item": "old scores can be explained",
    "prediction": "old scores can be explained",
}
KEPT_FILES = {  # Files of a workspace that name an image by its digest and stay, with the reason.
    "forgotten.txt": "its digest stays, so that it is not imported again",
    "runs/*/*.json": "the digests beside the predictions of a run: old scores can be explained",
    "peakid.db": "see KEPT",
}


@dataclass(frozen=True)
class Forgetting:
    """The images that are or were removed, and everything that contained them.

    `left_in_place` lists files outside the workspace that Peakid never copied; their owner must remove them.
    `snapshots`, `runs` and `exports` contained at least one of the images, or go back to a model that learned
    from one. They keep its digest and label, and the models what they learned.
    """

    digests: list[str]
    n_bytes: int
    left_in_place: list[str] = field(default_factory=list)
    snapshots: list[HeldSnapshot] = field(default_factory=list)
    runs: list[HeldRun] = field(default_factory=list)
    exports: list[HeldExport] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"n_images": len(self.digests), **asdict(self)}


def plan(workspace: Workspace, what: str) -> Forgetting:
    """Return what `forget` would remove.

    Args:
        what: A digest, or the start of one; or a source: the path of an imported folder, archive or table, or
            the path or URL of an image. A source means every image that was ever found there, even if it was
            also found elsewhere.

    Raises:
        NotFound: If no image matches.
        AmbiguousDigest: If the digests of several images start with it.
    """
    digests = _named(workspace, what)
    uses = past_uses.of(workspace, digests)
    parameters = {"digests": json.dumps(digests)}
    among = "(SELECT id FROM image WHERE digest IN (SELECT value FROM json_each(:digests)))"

    def rows(sql: str) -> list[sqlite3.Row]:
        return workspace.query(sql, parameters)

    return Forgetting(
        digests=digests,
        n_bytes=rows(f"SELECT COALESCE(SUM(n_bytes), 0) AS n FROM image WHERE id IN {among}")[0]["n"],
        left_in_place=[
            f"{row['root']}/{row['path']}"
            for row in rows(
                "SELECT r.path AS root, o.path FROM origin o JOIN root r ON r.id = o.root_id"
                f" WHERE r.is_in_place = 1 AND o.image_id IN {among} ORDER BY 1, 2"
            )
        ],
        snapshots=uses.snapshots,
        runs=uses.runs,
        exports=uses.exports,
    )


def forget(
    workspace: Workspace, what: str, *, reason: str = "", actor: str, report: Report = no_report
) -> Forgetting:
    """Remove every image that matches `what`. It cannot be undone.

    The rows are removed before the files: a reader in between finds no image, never an image without its
    bytes. Only objects that Peakid wrote to an image store go first, because a store may not answer: then
    nothing else is removed, and the next attempt removes the rest. Objects that were imported in place stay.

    Args:
        what: As for `plan`.
        reason: Stored with the digest; it should not contain personal data.

    Raises:
        NotFound: If no image matches.
        AmbiguousDigest: If the digests of several images start with it.
        StoreError: If the image store with their originals does not answer or allow it.
    """
    planned = plan(workspace, what)
    originals.remove(workspace, planned.digests)
    workspace.connection().execute("PRAGMA secure_delete = ON")  # Deleted rows are overwritten in the file.
    for digest in planned.digests:
        embeddings.erase(workspace, digest)
    with workspace.transaction() as connection:
        for digest in planned.digests:
            redact(connection, digest, reason=reason, actor=actor)
    tombstones.write_file(workspace)
    heat_maps.remove_images(workspace, planned.digests)
    for step, digest in enumerate(planned.digests, 1):
        images.discard(workspace, digest)
        n = len(planned.digests)
        report("Forgetting", step, n, progress_text.counted(step, n, "images"))
    _remove_pixels(workspace)
    _clean_database(workspace)
    return planned


def redact(connection: sqlite3.Connection, digest: str, *, reason: str, actor: str) -> None:
    """Insert a tombstone, and delete what is stored of the image, except digest, decisions and past uses."""
    connection.execute(
        "INSERT INTO tombstone (digest, reason, actor, forgotten_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (digest, reason, actor, now()),
    )
    row = connection.execute("SELECT id FROM image WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return
    _strip_places(connection, digest, row["id"])
    collections.forget_image(connection, row["id"])
    comparisons.reopen(connection, [row["id"]])
    for table, column in REMOVED:
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (row["id"],))
    # Groups that a process has in memory become invalid.
    connection.execute("UPDATE pair_revision SET revision = revision + 1")
    connection.execute(
        "UPDATE image SET phash = ?, dhash = ?, pixel_digest = NULL, scanned_at = NULL, compared_with = NULL,"
        " has_more_pairs = 0 WHERE id = ?",
        (_NO_HASH, _NO_HASH, row["id"]),
    )


def discard_files(workspace: Workspace, digests: Sequence[str]) -> None:
    """Delete the files of removed images: after a restore, or if `forget` was interrupted."""
    heat_maps.remove_images(workspace, digests)
    for digest in digests:
        images.discard(workspace, digest)


def _named(workspace: Workspace, what: str) -> list[str]:
    if re.fullmatch(r"[0-9a-fA-F]{6,64}", what.strip()):
        return [images.resolve(workspace, what)]
    rows = workspace.query(
        "SELECT DISTINCT i.digest FROM image i JOIN image_state s ON s.image_id = i.id"
        " JOIN origin o ON o.image_id = i.id LEFT JOIN root r ON r.id = o.root_id"
        " WHERE r.path = :what OR o.path = :what OR r.path || '/' || o.path = :what ORDER BY i.digest",
        {"what": what.strip().rstrip("/") or "/"},
    )
    if not rows:
        raise NotFound(
            f"No image was found at {what!r}.",
            "Give a digest, an imported folder, or the path or URL of an image.",
        )
    return [row["digest"] for row in rows]


def _strip_places(connection: sqlite3.Connection, digest: str, image_id: int) -> None:
    """Remove the paths of an image: its origins, rejections at the same path, and the results of checks.

    One origin without data stays, so that snapshots and the history have a path to show.
    """
    for job in connection.execute(
        "SELECT id, result FROM job WHERE instr(result, ?) > 0", (digest,)
    ).fetchall():
        result = json.loads(job["result"])
        for name in ("damaged", "moved", "unread"):
            result[name] = [each for each in result.get(name, ()) if each["digest"] != digest]
        connection.execute("UPDATE job SET result = ? WHERE id = ?", (json.dumps(result), job["id"]))
    connection.execute(
        "DELETE FROM rejection"
        " WHERE (root_id, path) IN (SELECT root_id, path FROM origin WHERE image_id = ?)",
        (image_id,),
    )
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


def _clean_database(workspace: Workspace) -> None:
    """Remove deleted text from the search index and from the journal; rows are overwritten already."""
    connection = workspace.connection()
    connection.execute("INSERT INTO text_index (text_index) VALUES ('optimize')")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _remove_pixels(workspace: Workspace) -> None:
    """Delete the caches. Each file has the pixels of many images; they are decoded again when needed."""
    for path in workspace.cache_dir.iterdir() if workspace.cache_dir.is_dir() else ():
        if path.is_dir() and path.name != "uploads":
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink(missing_ok=True)
