"""The job that computes the UMAP layout of the map."""

from peakid.embed import layouts, stored
from peakid.errors import BadInput
from peakid.jobs.arguments import MapArguments
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import MapResult


def run(work: Work) -> None:
    """Compute and store the layout."""
    set_id = work.arguments_as(MapArguments).set_id
    if not any(each.set_id == set_id for each in stored.sets(work.workspace)):
        raise BadInput("The embeddings that this layout is of are gone.", "Open the map again.")

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    made = layouts.make(work.workspace, set_id, "umap", report=report)
    work.note(MapResult(n_images=made.n_images, n_embedded=made.n_embedded, seconds=made.seconds))
