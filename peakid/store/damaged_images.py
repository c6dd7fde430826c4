"""Images whose bytes a check found damaged or missing, until another check or an import finds them sound."""

import sqlite3
from collections.abc import Iterable, Mapping

from peakid.store.workspace import Workspace, now


def digests(workspace: Workspace) -> frozenset[str]:
    """Return the digests of the images that were reported as damaged."""
    sql = "SELECT digest FROM damaged_image JOIN image ON image.id = damaged_image.image_id"
    return frozenset(row["digest"] for row in workspace.query(sql))


def note(connection: sqlite3.Connection, reasons: Mapping[str, str]) -> None:
    """Store why images cannot be read, by digest."""
    connection.executemany(
        "INSERT INTO damaged_image (image_id, reason, found_at) SELECT id, ?, ? FROM image WHERE digest = ?"
        " ON CONFLICT (image_id) DO UPDATE SET reason = excluded.reason, found_at = excluded.found_at",
        [(reason, now(), digest) for digest, reason in reasons.items()],
    )


def clear(connection: sqlite3.Connection, sound: Iterable[str]) -> None:
    """Remove the reports about images that are sound, also that they could not be read."""
    digests = [(digest,) for digest in sound]
    connection.executemany(
        "DELETE FROM damaged_image WHERE image_id = (SELECT id FROM image WHERE digest = ?)",
        digests,
    )
    connection.executemany(
        "DELETE FROM unread_image WHERE image_id = (SELECT id FROM image WHERE digest = ?)", digests
    )
