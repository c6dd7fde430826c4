"""The nearest images of a class to one image: what a person compares before judging its label."""

from collections.abc import Mapping
from dataclasses import dataclass

from peakid.embed import neighbours, stored
from peakid.store.workspace import Workspace

N_SHOWN = 4  # One row beside the image.


@dataclass(frozen=True)
class NearImage:
    """An image and its cosine similarity, in -1..1."""

    digest: str
    path: str
    similarity: float


@dataclass(frozen=True)
class NearClass:
    """The nearest images with one label, the most similar first. `role` says why this class is shown."""

    class_name: str
    role: str
    images: tuple[NearImage, ...]


def nearest(
    workspace: Workspace, image_id: int, among: Mapping[int, tuple[str, str]], *, class_name: str, role: str
) -> NearClass | None:
    """Return the nearest of some images of a class; None where the image has no embedding.

    Args:
        among: (digest, path) by image id.
    """
    sets = stored.sets(workspace)
    own = stored.load(workspace, sets[0].set_id, [image_id]) if sets else None
    if own is None or not len(own.image_ids):
        return None
    others = stored.load(workspace, sets[0].set_id, list(among))
    near = neighbours.nearest(others.features, own.features, N_SHOWN)
    shown = tuple(
        NearImage(*among[int(others.image_ids[row])], round(float(similarity), 4))
        for row, similarity in zip(near.indices[0], near.similarity[0], strict=True)
        if row >= 0
    )
    return NearClass(class_name, role, shown)
