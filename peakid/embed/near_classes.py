"""The nearest images of a class to one image: what a person compares before judging its label."""

from dataclasses import dataclass

from peakid.embed import stored
from peakid.embed.index import among as search_among
from peakid.embed.index.among import Among
from peakid.store import origins
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
    workspace: Workspace, image_id: int, among: Among, *, class_name: str, role: str
) -> NearClass | None:
    """Return the nearest of some images of a class; None where the image has no embedding.

    Args:
        among: Without the image itself.
    """
    sets = stored.sets(workspace)
    own = stored.load(workspace, sets[0].set_id, [image_id]) if sets else None
    if own is None or not len(own.image_ids):
        return None
    near = search_among.nearest(workspace, sets[0], own.features, N_SHOWN, among=among)
    named = origins.named(workspace, near.image_ids[0].tolist())
    shown = tuple(
        NearImage(*named[found], round(float(similarity), 4))
        for found, similarity in zip(near.image_ids[0].tolist(), near.similarity[0], strict=True)
        if found in named
    )
    return NearClass(class_name, role, shown)
