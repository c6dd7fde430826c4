"""Gather the URLs of pictures from pages in a browser, in a job; the result is a list of URLs."""

from collections.abc import Callable
from pathlib import Path

from peakid import paths
from peakid.acquire import demo_apart
from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.sources.browsing import browser, gathering, programs
from peakid.acquire.sources.browsing.records import Gathered, Wanted
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs.arguments import BrowseArguments
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting import lists
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.queueing import queued
from peakid.jobs.results import BrowseResult
from peakid.records import Report, no_report
from peakid.store.workspace import Workspace


def submit(
    workspace: Workspace,
    wanted: Wanted,
    *,
    collection: str = "",
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the reading of pages.

    Args:
        collection: The collection that fetches the list at once; '' = the list is only written.

    Raises:
        BadInput, UrlRefused: If there is no class or page, one cannot be, or the workspace is the demo.
        ExtraMissing: If Selenium, Chromium or ChromeDriver is not installed.
    """
    gathering.checked(wanted)
    demo_apart.refuse_mixture(workspace, "web")
    programs.installed()
    arguments = BrowseArguments(
        adapter=wanted.adapter,
        classes=wanted.classes,
        template=wanted.template,
        n_most=wanted.n_most,
        collection=collection,
    )
    return queued(workspace, arguments, "net", settings=settings, request_id=request_id, actor=actor)


def gather(
    wanted: Wanted,
    options: ClientOptions,
    *,
    report: Report = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> Gathered:
    """Open a browser, gather from the page of every class, and end the browser.

    Raises:
        BadInput, UrlRefused, ExtraMissing: As `submit`, or if a selector is not one of CSS.
    """
    gathering.checked(wanted)
    adapter = wanted.adapter
    report("Starting the browser", 0, 0, "")
    with browser.opened(options, pace_s=adapter.pace_s, with_images=adapter.with_images) as page:
        return gathering.gather(wanted, page, report=report, should_stop=should_stop)


def run(work: Work) -> None:
    """Gather, and write the list among the uploads of the workspace; a stopped job keeps what it has."""
    arguments = work.arguments_as(BrowseArguments)
    if arguments.adapter is None:
        raise BadInput("The job has no adapter.", "Start it again.")
    wanted = Wanted(arguments.adapter, arguments.classes, arguments.template, arguments.n_most)
    found = gather(
        wanted, collecting.options(work.settings), report=work.report, should_stop=work.should_stop
    )
    name = f"browse-{work.job_id}/{list_name(wanted)}" if found.found else ""
    work.note(BrowseResult(list_name=name, n_urls=len(found.found), pages=found.pages))
    if not found.found:
        return
    file = paths.inside(work.workspace.uploads_dir, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    gathering.write_list(found.found, file)
    if arguments.collection and not work.should_stop():
        lists.add_lists(work.workspace, arguments.collection, [file], actor=work.actor)
        collecting.submit(work.workspace, arguments.collection, settings=work.settings, actor=work.actor)


def list_name(wanted: Wanted) -> str:
    """Return the name of the list of an adapter, such as `urls_generic-gallery.csv`."""
    kept = "".join(each if each.isalnum() or each in "-_" else "-" for each in wanted.adapter.name)
    return f"urls_{kept[:60]}.csv"


def list_of(workspace: Workspace, result: BrowseResult) -> Path | None:
    """Return the list that a job wrote; None if it found nothing, or the list was collected or removed."""
    if not result.list_name:
        return None
    file = paths.inside(workspace.uploads_dir, result.list_name)
    return file if file.is_file() else None
