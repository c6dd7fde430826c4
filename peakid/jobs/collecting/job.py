"""Collect photos from the web in a job: fetch what waits, then scan it as every import does."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from peakid.acquire.collecting import collect
from peakid.acquire.fetching import usage
from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.sources import services
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.checked_network import is_public
from peakid.curate import scan
from peakid.job_settings import JobSettings
from peakid.jobs import embedding, queue
from peakid.jobs.arguments import CollectArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.queueing import queued
from peakid.jobs.results import CollectResult
from peakid.store.collecting import collections
from peakid.store.workspace import Workspace

SCAN_EVERY = 200


def submit(
    workspace: Workspace,
    name: str,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the collecting of a collection, unless that is queued or running; one runs at a time.

    Raises:
        NotFound: If there is no such collection.
    """
    arguments = CollectArguments(name=collections.show(workspace, name).name)
    for job in queue.list_active(workspace, "net"):
        if job.kind == arguments.kind and job.arguments == arguments:
            return job
    return queued(workspace, arguments, "net", settings=settings, request_id=request_id, actor=actor)


def run(work: Work) -> None:
    """Fetch and import the waiting candidates of a collection, then scan; a stopped one keeps what it has."""
    arguments = work.arguments_as(CollectArguments)
    found = collect.collect(
        work.workspace,
        arguments.name,
        options=options(work.settings),
        sources=sources(work.settings),
        actor=work.actor,
        report=work.report,
        should_stop=work.should_stop,
        after_batch=ScanAsTheyCome(work.workspace),
    )
    result = CollectResult(name=arguments.name, **asdict(found))
    work.note(result)
    if found.n_new:
        work.note(replace(result, scan=scan.scan(work.workspace, report=work.report)))
        embedding.embed_new(work.workspace, settings=work.settings, actor=work.actor)


class ScanAsTheyCome:
    """Scans the new images every so often, so that copies and bad pictures can be settled meanwhile.

    Args:
        every: New images between two scans.
    """

    def __init__(self, workspace: Workspace, *, every: int = SCAN_EVERY) -> None:
        self._workspace, self._every, self._n_scanned = workspace, every, 0

    def __call__(self, n_new: int) -> None:
        """Scan if enough images are new.

        Args:
            n_new: New images since the collecting began.
        """
        if n_new - self._n_scanned >= self._every:
            self._n_scanned = n_new
            scan.scan(self._workspace)


def options(settings: JobSettings) -> ClientOptions:
    """Return how servers are asked."""
    allows = _every_address if settings.fetch_private else is_public
    file = settings.state_dir / usage.FILE_NAME if settings.state_dir else None
    return ClientOptions(contact=settings.contact, allows=allows, usage_file=file)


def sources(chosen: JobSettings) -> Mapping[str, PhotoSource]:
    """Return the services that can be searched, by name."""
    return services.opened(services.own_keys(), stand_in=chosen.sources_url)


def _every_address(_address: str) -> bool:
    return True
