"""The job of the map: the UMAP layout, and the places of more images than a layout is computed of."""

import time

from peakid.embed import layouts, placing, stored
from peakid.errors import BadInput
from peakid.jobs.arguments import MapArguments
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import MapResult


def run(work: Work) -> None:
    """Compute and store the layout where there is none of these images, then place the others."""
    arguments = work.arguments_as(MapArguments)
    set_id, method = arguments.set_id, "pca" if arguments.method == "pca" else "umap"
    if not any(each.set_id == set_id for each in stored.sets(work.workspace)):
        raise BadInput("The embeddings that this layout is of are gone.", "Open the map again.")

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    began, made = time.monotonic(), layouts.find(work.workspace, set_id, method)
    if made is None or made.is_outdated or not made.n_without_place:
        made = layouts.make(work.workspace, set_id, method, report=report)
    if made.n_without_place:
        made = placing.place_all(work.workspace, made, report=report)
    n_placed, seconds = max(made.n_placed, made.n_images), time.monotonic() - began
    work.note(MapResult(n_images=n_placed, n_embedded=made.n_embedded, seconds=seconds, method=method))
