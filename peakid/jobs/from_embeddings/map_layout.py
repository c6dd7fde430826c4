"""Queue the layout of the map."""

from peakid.embed import projection, stored
from peakid.embed.layouts import Method
from peakid.job_settings import JobSettings
from peakid.jobs.arguments import MapArguments
from peakid.jobs.job import Job
from peakid.jobs.queueing import queued_once
from peakid.store.workspace import Workspace


def lay_out(
    workspace: Workspace,
    *,
    method: Method = "umap",
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the layout of the newest embeddings with a place for every image, unless one is open already.

    Raises:
        NoEmbeddings: If no image has an embedding.
        ExtraMissing: If umap-learn is not installed.
    """
    found = stored.find(workspace)
    if method == "umap":
        projection.refuse_without_umap()
    return queued_once(
        workspace,
        MapArguments(set_id=found.set_id, method=method),
        "cpu",
        settings=settings,
        request_id=request_id,
        actor=actor,
    )
