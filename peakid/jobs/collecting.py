"""Collect photos from the web in a job: fetch what waits, then scan it as every import does."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from peakid import clean_text
from peakid.acquire.collecting import collect
from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.sources import services, url_list
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.acquire.sources.url_list import ListSummary, UrlColumns
from peakid.checked_network import is_public
from peakid.curate import scan
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs import embedding
from peakid.jobs.arguments import CollectArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.queueing import queued_once
from peakid.jobs.results import CollectResult
from peakid.store.collecting import collections
from peakid.store.collecting.collections import NewCandidate
from peakid.store.workspace import Workspace

DEFAULT_NAME = "urls"


def add_lists(
    workspace: Workspace,
    name: str,
    lists: Sequence[Path],
    *,
    class_name: str | None = None,
    columns: UrlColumns | None = None,
    most_per_class: int | None = None,
    actor: str,
) -> int:
    """Add the URLs of lists to a collection, which is created where there is none; return how many are new.

    Args:
        class_name: The class of lines without one of their own; None = by the name of each list.
        most_per_class: How many candidates a class of the collection may have.

    Raises:
        BadInput: If there is no list, or one cannot be read.
    """
    if not lists:
        raise BadInput("No list of URLs was given.", "Give one or more files with a URL on each line.")
    summarise(lists, class_name=class_name, columns=columns)  # All can be read, or none is added.
    collection_id = collections.create(workspace, name, actor=actor)
    return sum(
        collections.add(
            workspace,
            collection_id,
            (
                NewCandidate(
                    each.url, each.class_name, "urls", list_name, each.position, each.credit, each.problem
                )
                for each in url_list.read(file, class_name=class_name, columns=columns)
            ),
            most_per_class=most_per_class,
        )
        for file, list_name in [(each, clean_text.clean_path(each.name)) for each in lists]
    )


def summarise(
    lists: Sequence[Path], *, class_name: str | None = None, columns: UrlColumns | None = None
) -> ListSummary:
    """Return what lists contain together, without fetching anything.

    Raises:
        BadInput: If one cannot be read.
    """
    return url_list.summary(
        each for file in lists for each in url_list.read(file, class_name=class_name, columns=columns)
    )


def submit(
    workspace: Workspace,
    name: str,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the collecting of what waits in a collection; one runs at a time.

    Raises:
        NotFound: If there is no such collection.
    """
    arguments = CollectArguments(name=collections.show(workspace, name).name)
    return queued_once(workspace, arguments, "net", settings=settings, request_id=request_id, actor=actor)


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
    )
    result = CollectResult(name=arguments.name, **asdict(found))
    work.note(result)
    if found.n_new:
        work.note(replace(result, scan=scan.scan(work.workspace, report=work.report)))
        embedding.embed_new(work.workspace, settings=work.settings, actor=work.actor)


def options(settings: JobSettings) -> ClientOptions:
    """Return how servers are asked."""
    allows = _every_address if settings.fetch_private else is_public
    return ClientOptions(contact=settings.contact, allows=allows)


def sources(chosen: JobSettings) -> Mapping[str, PhotoSource]:
    """Return the services that can be searched, by name."""
    return services.opened(services.own_keys(), stand_in=chosen.sources_url)


def _every_address(_address: str) -> bool:
    return True
