"""Queue a job with the settings of this process unless others are given, or return the one that is open."""

from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import Arguments
from peakid.jobs.job import Job
from peakid.records import Lane
from peakid.settings import for_job
from peakid.store.workspace import Workspace


def queued(
    workspace: Workspace,
    arguments: Arguments,
    lane: Lane,
    *,
    settings: JobSettings | None,
    request_id: str | None,
    actor: str,
) -> Job:
    """Queue a job."""
    chosen = settings or for_job()
    return queue.submit(workspace, arguments, lane=lane, settings=chosen, request_id=request_id, actor=actor)


def queued_once(
    workspace: Workspace,
    arguments: Arguments,
    lane: Lane,
    *,
    settings: JobSettings | None,
    request_id: str | None,
    actor: str,
) -> Job:
    """Queue a job, unless one of its kind is queued or running: then return that one."""
    running = [job for job in queue.list_active(workspace, lane) if job.kind == arguments.kind]
    if running:
        return running[0]
    return queued(workspace, arguments, lane, settings=settings, request_id=request_id, actor=actor)
