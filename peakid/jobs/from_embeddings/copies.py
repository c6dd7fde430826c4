"""Queue the search for changed copies: turned, cropped or recoloured."""

from peakid.job_settings import JobSettings
from peakid.jobs.arguments import ChangedCopiesArguments
from peakid.jobs.job import Job
from peakid.jobs.queueing import queued_once
from peakid.store.workspace import Workspace


def find_copies(
    workspace: Workspace,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a search for changed copies, unless one is queued or running already."""
    return queued_once(
        workspace,
        ChangedCopiesArguments(),
        "cpu",
        settings=settings,
        request_id=request_id,
        actor=actor,
    )
