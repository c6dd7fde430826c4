"""Which training images an export of 8 bits is calibrated with."""

from collections.abc import Iterator

from peakid.dataset import snapshot as snapshots
from peakid.records import Run
from peakid.store import images, tombstones
from peakid.store.workspace import Workspace

N_IMAGES = 128  # Ranges of activations settle with about a hundred images; each costs a prediction.


def training_images(
    workspace: Workspace, run: Run, *, n_images: int = N_IMAGES
) -> Iterator[tuple[str, bytes]]:
    """Yield (digest, bytes) of training images of a run, evenly spread over its classes.

    Images that were forgotten since are left out.
    """
    return images.read_many(workspace, chosen(workspace, run, n_images))


def chosen(workspace: Workspace, run: Run, n_images: int) -> list[str]:
    """Return the digests of the images: every n-th, ordered by class and digest."""
    forgotten = set(tombstones.digests(workspace))
    trained = sorted(
        (item.label, item.digest)
        for item in snapshots.items(workspace, run.snapshot_digest)
        if item.split == "train" and item.digest not in forgotten
    )
    n = min(n_images, len(trained))
    return [trained[place * len(trained) // n][1] for place in range(n)]
