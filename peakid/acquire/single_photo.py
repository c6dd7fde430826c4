"""Store one photo that was uploaded by itself, with the inspection and the limits of an import."""

import functools
import sqlite3

from peakid.acquire import decode_task, demo_apart
from peakid.imaging import gate, inspection
from peakid.records import Source
from peakid.store import damaged_images, images
from peakid.store.objects import originals
from peakid.store.workspace import Workspace, now

N_DIGEST_CHARS = 12  # Of the name that a photo without a file name gets.


def add(workspace: Workspace, content: bytes, *, source: Source, place: str, actor: str) -> int:
    """Store a photo with its hashes, measures and thumbnail, and return the id of its image.

    The photos of one actor, source and day are listed as one import. A photo that cannot be decoded is stored
    nowhere, not as a rejection either: a server that is open to everybody would fill the list.

    Args:
        place: The folder part of its path; the name is the beginning of its digest.

    Raises:
        UnreadableImage: If it cannot be decoded within the limits, or was removed for good; see `reason`.
        BadInput: If photos would be mixed with the demo.
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    demo_apart.refuse_mixture(workspace, source)
    data = decode_task.read(functools.partial(bytes, content))
    damaged = damaged_images.digests(workspace)
    found = gate.call(decode_task.inspect_and_store, data, frozenset(), workspace.path, True, damaged)
    inspected = found.inspected or gate.call(inspection.inspect, data)
    settled = originals.settle(workspace, [inspected.digest], damaged)
    with workspace.transaction() as connection:
        image_id, is_new = images.add(connection, inspected)
        if is_new:
            path = f"{place}/{inspected.digest[:N_DIGEST_CHARS]}.{inspected.format.lower()}"
            acquisition_id = _acquisition(connection, source, actor)
            connection.execute(
                "INSERT INTO origin (image_id, acquisition_id, source, path, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (image_id, acquisition_id, source, path, now()),
            )
        originals.note(connection, settled)
    originals.release(workspace, settled)
    return image_id


def _acquisition(connection: sqlite3.Connection, source: Source, actor: str) -> int:
    """Return the import of today that the photo belongs to, with the photo counted."""
    at = now()
    row = connection.execute(
        "SELECT id FROM acquisition WHERE source = ? AND actor = ? AND root_id IS NULL"
        " AND substr(started_at, 1, 10) = substr(?, 1, 10) ORDER BY id DESC LIMIT 1",
        (source, actor, at),
    ).fetchone()
    if row is None:
        sql = (
            "INSERT INTO acquisition (source, actor, started_at, finished_at, n_added) VALUES (?, ?, ?, ?, 1)"
        )
        return int(connection.execute(sql, (source, actor, at, at)).lastrowid or 0)
    sql = "UPDATE acquisition SET n_added = n_added + 1, finished_at = ? WHERE id = ?"
    connection.execute(sql, (at, row["id"]))
    return int(row["id"])
