"""Which album a person gave the photos of a folder, whatever a model says: one row for each photo."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from peakid.store.workspace import Workspace, now


def of_folder(workspace: Workspace, folder: Path) -> Mapping[str, str]:
    """Return the class that a person gave the photos of a folder, by path relative to it."""
    sql = "SELECT path, class_name FROM album_placement WHERE folder = ?"
    return {row["path"]: row["class_name"] for row in workspace.query(sql, (str(folder),))}


def put(
    workspace: Workspace, folder: Path, photos: Sequence[str], class_name: str | None, *, actor: str
) -> None:
    """Store the class of photos in place of the one before; None removes it, so that the model decides."""
    with workspace.transaction() as connection:
        if class_name is None:
            sql = "DELETE FROM album_placement WHERE folder = ? AND path = ?"
            connection.executemany(sql, [(str(folder), path) for path in photos])
            return
        connection.executemany(
            "INSERT OR REPLACE INTO album_placement (folder, path, class_name, actor, placed_at)"
            " VALUES (?, ?, ?, ?, ?)",
            [(str(folder), path, class_name, actor, now()) for path in photos],
        )
