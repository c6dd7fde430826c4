"""Which images show the same picture: the groups that snapshots keep in one split, as numbers."""

import numpy as np

from peakid.curate.duplicates import find
from peakid.store.workspace import Workspace


def of_images(workspace: Workspace, image_ids: np.ndarray) -> np.ndarray:
    """Return the group of each image: int64 of shape (N,), equal for images of one group.

    Args:
        image_ids: int64 of shape (N,). An id without an image is a group of its own.
    """
    key_of = find.groups(workspace)
    digest_of = {row["id"]: row["digest"] for row in workspace.query("SELECT id, digest FROM image")}
    numbers: dict[str, int] = {}
    found = np.empty(len(image_ids), dtype=np.int64)
    for position, image_id in enumerate(image_ids.tolist()):
        digest = digest_of.get(image_id, f"missing {image_id}")
        found[position] = numbers.setdefault(key_of.get(digest, digest), len(numbers))
    return found
