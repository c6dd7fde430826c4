"""Which images show the same picture: the groups that snapshots keep in one split, as numbers."""

import numpy as np

from peakid.curate.duplicates import find
from peakid.embed import stored
from peakid.store.workspace import Workspace

MOST_FOLLOWED = 200_000  # By the live head: 1.5 GB of features and a fit of 40 s.
_SCATTER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 by the golden ratio: consecutive ids land far apart.


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


def sampled(image_ids: np.ndarray, groups: np.ndarray, is_first: np.ndarray, most: int) -> np.ndarray:
    """Choose whole groups at random: bool of shape (N,), at most `most` of them True.

    The choice depends on the lowest id of a group alone, so images that are added later change little of it.

    Args:
        image_ids: int64 of shape (N,), ascending.
        groups: int64 of shape (N,), as `of_images` returns them.
        is_first: bool of shape (N,): groups with such an image are chosen before the others.
    """
    _, first_row, group, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    draw = image_ids[first_row].astype(np.uint64) * _SCATTER  # It wraps around.
    is_preferred = np.zeros(len(sizes), dtype=bool)
    is_preferred[group[is_first]] = True
    order = np.lexsort((draw, ~is_preferred))
    is_chosen = np.zeros(len(sizes), dtype=bool)
    is_chosen[order] = np.cumsum(sizes[order]) <= most
    return is_chosen[group]


def limit_text(workspace: Workspace) -> str | None:
    """Return in one sentence which images the live head follows; None where it follows all."""
    found = stored.sets(workspace)
    if not found or found[0].n_images <= MOST_FOLLOWED:
        return None
    return (
        f"Label issues and suggestions are of {MOST_FOLLOWED:,} of the {found[0].n_images:,} images: those"
        " that a person has judged, and a random sample."
    )
