"""Origins: the places where an image was found. The path of the first one is shown to people."""

from collections.abc import Iterable
from pathlib import Path

from peakid import paths
from peakid.errors import NotFound
from peakid.imaging.records import Origin
from peakid.remedies import action
from peakid.store.workspace import Workspace

FIRST_PATH = "COALESCE((SELECT o.path FROM origin o WHERE o.image_id = i.id ORDER BY o.id LIMIT 1), i.digest)"
"""SQL for the path of the first origin of the image with the alias `i`; its digest if it has no origin."""


def named(workspace: Workspace, image_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Return the digest and the path of images by id; unknown ids are left out."""
    found = {}
    for image_id in image_ids:  # One lookup by key each: a list of a hundred thousand has no better plan.
        row = workspace.one(f"SELECT i.digest, {FIRST_PATH} AS path FROM image i WHERE i.id = ?", (image_id,))
        if row is not None:
            found[image_id] = (row["digest"], row["path"])
    return found


def list_origins(workspace: Workspace, digest: str) -> list[Origin]:
    """List the places where an image was found, in the order of import.

    Raises:
        NotFound: If there is no such image.
    """
    rows = workspace.query(
        "SELECT origin.source, root.path AS root, origin.path, origin.label, origin.split, root.is_in_place"
        " FROM image JOIN origin ON origin.image_id = image.id LEFT JOIN root ON root.id = origin.root_id"
        " WHERE image.digest = ? ORDER BY origin.id",
        (digest,),
    )
    if not rows:
        raise unknown_image(digest)
    return [
        Origin(r["source"], r["root"], r["path"], r["label"], r["split"], bool(r["is_in_place"]))
        for r in rows
    ]


def in_place_files(workspace: Workspace, digest: str) -> list[Path]:
    """List the paths of an image in folders that were left in place, in the order of import.

    Folders that only a restored backup names are left out until a person accepts them.

    Raises:
        UnsafePath: If a stored path leads out of its folder.
    """
    rows = workspace.query(
        "SELECT root.path AS root, origin.path FROM image JOIN origin ON origin.image_id = image.id"
        " JOIN root ON root.id = origin.root_id"
        " WHERE image.digest = ? AND root.is_in_place = 1 AND root.is_foreign = 0"
        " AND root.path NOT GLOB '*://*' ORDER BY origin.id",  # Not the places in image stores.
        (digest,),
    )
    return [paths.inside(Path(row["root"]), row["path"]) for row in rows]


def foreign_root(workspace: Workspace, digest: str) -> str | None:
    """Return a folder with this image that only a restored backup names, None without one."""
    row = workspace.one(
        "SELECT root.path FROM image JOIN origin ON origin.image_id = image.id"
        " JOIN root ON root.id = origin.root_id WHERE image.digest = ? AND root.is_foreign = 1",
        (digest,),
    )
    return None if row is None else row["path"]


def path_and_root(workspace: Workspace, digest: str) -> tuple[str, str | None]:
    """Return the path of an image's first origin, and the root that it is relative to.

    Raises:
        NotFound: If there is no such image.
    """
    first = list_origins(workspace, digest)[0]
    return first.path, first.root


def n_by_source(workspace: Workspace, snapshot_id: int) -> dict[str, int]:
    """Return the number of images of a snapshot by the source of their first origin, the largest first."""
    rows = workspace.query(
        "SELECT COALESCE((SELECT o.source FROM origin o WHERE o.image_id = m.image_id ORDER BY o.id LIMIT 1),"
        " '') AS value, COUNT(*) AS n"
        " FROM snapshot_item m WHERE m.snapshot_id = ? GROUP BY value ORDER BY n DESC, value",
        (snapshot_id,),
    )
    return {row["value"]: row["n"] for row in rows}


def unknown_image(digest: str) -> NotFound:
    """Return the error for a digest that no image has."""
    return NotFound(f"No image has the digest {digest!r}.", COPY_DIGEST, action("show_log"))


COPY_DIGEST = "Copy a digest from the history."
