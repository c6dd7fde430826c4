"""Origins: the places where an image was found. The path of the first one is shown to people."""

from peakid.errors import NotFound
from peakid.imaging.records import Origin
from peakid.remedies import action
from peakid.store.workspace import Workspace

FIRST_PATH = "COALESCE((SELECT o.path FROM origin o WHERE o.image_id = i.id ORDER BY o.id LIMIT 1), i.digest)"
"""SQL for the path of the first origin of the image with the alias `i`; its digest if it has no origin."""


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


def path_and_root(workspace: Workspace, digest: str) -> tuple[str, str | None]:
    """Return the path of an image's first origin, and the root that it is relative to.

    Raises:
        NotFound: If there is no such image.
    """
    first = list_origins(workspace, digest)[0]
    return first.path, first.root


def unknown_image(digest: str) -> NotFound:
    """Return the error for a digest that no image has."""
    return NotFound(f"No image has the digest {digest!r}.", COPY_DIGEST, action("show_log"))


COPY_DIGEST = "Copy a digest from the history."
