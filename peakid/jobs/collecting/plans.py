"""What a collection asks services of photos for: checked, estimated before it is fetched, and saved."""

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass

import anyio
from anyio.from_thread import start_blocking_portal

from peakid import clean_text
from peakid.acquire import demo_apart
from peakid.acquire.fetching.client import Client, ClientOptions, NotFetched
from peakid.acquire.sources.photo_source import FoundPhoto, PhotoSource, Query
from peakid.errors import BadInput, PeakidError
from peakid.records import Report, no_report
from peakid.store.collecting import collections, schedules, searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace

MAX_WANTED = 100_000
N_SAMPLES = 8
N_ATTEMPTS = 2
_REPORT_S = 0.1


@dataclass(frozen=True)
class Plan:
    """Attributes:
    name: Of the collection.
    every_days: How often it is to run again; None = when someone starts it.
    retrain_after: Train again when so many new images are reviewed; None = no.
    """

    name: str
    searches: tuple[NewSearch, ...]
    every_days: float | None = None
    retrain_after: int | None = None


@dataclass(frozen=True)
class Estimate:
    """What a service has for one search, before anything is fetched.

    Attributes:
        n_available: How many photos it says it has; None = it does not say.
        samples: The first photos that it lists.
        problem: Why it cannot be searched; '' if it can.
        n_listed: How many photos its first page has.
    """

    search: NewSearch
    n_available: int | None = None
    samples: tuple[FoundPhoto, ...] = ()
    problem: str = ""
    n_listed: int = 0


def checked(plan: Plan, sources: Mapping[str, PhotoSource]) -> Plan:
    """Return a plan with cleaned names.

    Raises:
        BadInput: If it has no search, or one with a class, text, number, source or option that cannot be.
    """
    if not plan.searches:
        raise BadInput("The collection searches for nothing.", "Give a class and a source.")
    for number, least in ((plan.every_days, 0.0), (plan.retrain_after, 0)):
        if number is not None and not number > least:
            raise BadInput(f"{number} is not above 0.", "Give a number above 0, or none.")
    return dataclasses.replace(plan, searches=tuple(_checked(each, sources) for each in plan.searches))


def estimate(
    plan: Plan,
    sources: Mapping[str, PhotoSource],
    *,
    options: ClientOptions | None = None,
    report: Report = no_report,
) -> list[Estimate]:
    """Ask for the first page of every search, different services at the same time.

    What `report` raises ends it.

    Raises:
        BadInput: As `checked`.
    """
    plan = checked(plan, sources)
    found: dict[int, Estimate] = {}
    n_all = len(plan.searches)
    with start_blocking_portal() as portal:
        asking = portal.start_task_soon(
            _estimate_all, plan.searches, sources, options or ClientOptions(), found
        )
        try:
            is_done = False
            while not is_done:
                is_done = bool(futures.wait([asking], timeout=_REPORT_S).done)
                report("Estimating", len(found), n_all, f"{len(found):,} of {n_all:,} searches")
        finally:
            asking.cancel()
        asking.result()
    return [found[n] for n in range(n_all)]


def save(workspace: Workspace, plan: Plan, sources: Mapping[str, PhotoSource], *, actor: str) -> int:
    """Save a plan as the searches of a collection, which is created where there is none; return its id.

    A search that the collection has already keeps how far it has come; those left out are removed.

    Raises:
        BadInput: As `checked`, or if photos would be mixed with the demo.
    """
    plan = checked(plan, sources)
    demo_apart.refuse_mixture(workspace, "web")
    collection_id = collections.create(workspace, plan.name, actor=actor)
    searches.save(workspace, collection_id, plan.searches)
    schedules.save(workspace, collection_id, every_days=plan.every_days, retrain_after=plan.retrain_after)
    return collection_id


def _checked(search: NewSearch, sources: Mapping[str, PhotoSource]) -> NewSearch:
    label = clean_text.clean_class_name(search.label)
    if not clean_text.is_class_name(label):
        raise BadInput(f"{search.label[:40]!r} cannot be the name of a class.", "Give another name.")
    if search.source not in sources:
        raise BadInput(f"There is no source {search.source!r}.", f"There are: {', '.join(sources)}.")
    text = " ".join(search.text.split())
    if not text or len(text) > 500 or not text.isprintable():
        raise BadInput(f"{search.text[:40]!r} cannot be searched for.", "Give 1 to 500 printable characters.")
    if not 1 <= search.n_wanted <= MAX_WANTED:
        raise BadInput(
            f"{search.n_wanted:,} photos of {label} cannot be collected.", f"Give 1 to {MAX_WANTED:,}."
        )
    known = sources[search.source].options
    for name in search.options:
        if name not in known:
            raise BadInput(
                f"The source {search.source} has no option {name!r}.",
                f"It has: {', '.join(known) or 'none'}.",
            )
    return dataclasses.replace(search, label=label, text=text)


async def _estimate_all(
    wanted: Sequence[NewSearch],
    sources: Mapping[str, PhotoSource],
    options: ClientOptions,
    found: dict[int, Estimate],
) -> None:
    """Put the estimate of each search into `found`, by its place.

    Someone waits for it: a service is asked twice at most, and one that does not answer is not asked further.
    """
    paces = {host: pace for each in sources.values() for host, pace in each.paces.items()}
    n_attempts = min(options.n_attempts, N_ATTEMPTS)
    options = dataclasses.replace(options, paces={**paces, **options.paces}, n_attempts=n_attempts)
    by_source: dict[str, list[int]] = {}
    for number, each in enumerate(wanted):
        by_source.setdefault(each.source, []).append(number)

    async def ask(client: Client, source: PhotoSource, numbers: Sequence[int]) -> None:
        silent = ""  # Why a service that does not answer is not asked for its other searches.
        for number in numbers:
            if silent:
                found[number] = Estimate(wanted[number], problem=silent)
                continue
            try:
                found[number] = await _estimate(client, source, wanted[number])
            except NotFetched as error:
                silent = str(error)
                found[number] = Estimate(wanted[number], problem=silent)

    async with Client(options) as client, anyio.create_task_group() as group:
        for name, numbers in by_source.items():
            group.start_soon(ask, client, sources[name], numbers)


async def _estimate(client: Client, source: PhotoSource, search: NewSearch) -> Estimate:
    try:
        page = await source.page(client, Query(search.text, search.licences, search.options))
    except NotFetched:
        raise
    except PeakidError as error:
        return Estimate(search, problem=str(error))
    n_available = page.n_available
    if n_available is None and not page.cursor:
        n_available = len(page.photos)
    return Estimate(search, n_available, page.photos[:N_SAMPLES], n_listed=len(page.photos))
