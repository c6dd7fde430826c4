"""The job that embeds views of the images and searches them for copies which hashes miss."""

from typing import TYPE_CHECKING

import numpy as np

from peakid import progress_text
from peakid.curate.duplicates import proposed_groups, view_search
from peakid.embed import stored
from peakid.errors import PeakidError
from peakid.imaging import inspection, views
from peakid.jobs.arguments import ChangedCopiesArguments
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import ChangedCopiesResult
from peakid.store import images

if TYPE_CHECKING:
    from peakid.learn.views import ViewNetwork

BATCH = 32  # Images embedded between two writes: 192 views, 2 s on one core.
BACKBONE = "views: {}"


def search(work: Work) -> None:
    """Embed the views of new images, then compare these images with all. A resumed job continues."""
    arguments = work.arguments_as(ChangedCopiesArguments)
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn.views import ViewNetwork

    network = ViewNetwork(arguments.arch, work.settings)
    known = stored.create(
        work.workspace,
        BACKBONE.format(arguments.arch),
        size_px=views.SIDE_PX,
        weights_sha256=network.weights_sha256,
        n_dimensions=len(views.NAMES) * network.n_values,
        n_views=len(views.NAMES),
    )
    n_embedded = _embed(work, network, known.set_id)
    found = view_search.search(work.workspace, known.set_id, report=work.report, should_stop=work.should_stop)
    if work.should_stop():
        raise Cancelled
    n_groups = proposed_groups.n_waiting(work.workspace)
    work.note(ChangedCopiesResult(arguments.arch, n_embedded, found, n_groups))


def _embed(work: Work, network: "ViewNetwork", set_id: int) -> int:
    """Embed the views of all images that have none, from their thumbnails; return how many there were."""
    left = stored.missing(work.workspace, set_id)
    n_done = 0
    for begin in range(0, len(left), BATCH):
        if work.should_stop():
            raise Cancelled
        batch = left[begin : begin + BATCH]
        seen = {image_id: found for image_id, digest in batch if (found := _views(work, digest)) is not None}
        if seen:
            vectors = network.embed(np.stack(list(seen.values())))
            stored.add(work.workspace, set_id, list(seen), vectors)
        n_done += len(batch)
        work.report("Embedding views", n_done, len(left), progress_text.counted(n_done, len(left), "images"))
    return n_done


def _views(work: Work, digest: str) -> np.ndarray | None:
    try:
        return views.of(inspection.grey_thumbnail(images.thumbnail(work.workspace, digest)))
    except PeakidError:  # The file was moved, or the thumbnail is damaged.
        return None
