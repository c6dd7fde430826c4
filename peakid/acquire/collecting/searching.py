"""Search services of photos for a collection: every photo they list becomes a candidate once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import anyio

from peakid.acquire.fetching.client import Client
from peakid.acquire.sources.photo_source import FoundPhoto, PhotoSource, Query
from peakid.errors import PeakidError
from peakid.store.collecting import collections, searches
from peakid.store.collecting.collections import NewCandidate
from peakid.store.collecting.searches import Search
from peakid.store.workspace import Workspace

MAX_KNOWN_PAGES = 5  # Pages whose photos are all known, one after the other: a further run ends after these.


@dataclass(frozen=True)
class _Going:
    """A search with the number of pages in a row that had only known photos."""

    search: Search
    n_known_pages: int = 0


async def search_all(
    workspace: Workspace, collection_id: int, client: Client, sources: Mapping[str, PhotoSource]
) -> None:
    """Carry on every search of a collection that has not ended; those of different services at once.

    A search that fails keeps the reason as its problem, and the others go on.

    Args:
        sources: By name.
    """
    by_source: dict[str, list[_Going]] = {}
    for each in searches.of_collection(workspace, collection_id):
        if not each.is_ended:
            by_source.setdefault(each.source, []).append(_Going(each))
    async with anyio.create_task_group() as group:
        for name, wanted in by_source.items():
            if name in sources:
                group.start_soon(_search_service, workspace, client, sources[name], wanted)
                continue
            for each in wanted:
                searches.fail(workspace, each.search.search_id, f"There is no source {name!r}.")


async def _search_service(
    workspace: Workspace, client: Client, source: PhotoSource, wanted: list[_Going]
) -> None:
    """Take a page of each search by turns, so that all classes grow together."""
    while wanted:
        left: list[_Going] = []
        for each in wanted:
            try:
                further = await _search_page(workspace, client, source, each)
            except PeakidError as error:  # Such as a wrong key, or a service that does not answer.
                searches.fail(workspace, each.search.search_id, str(error))
                continue
            left += [further] if further else []
        wanted = left


async def _search_page(
    workspace: Workspace, client: Client, source: PhotoSource, going: _Going
) -> _Going | None:
    """Add a page of candidates; return the search as it goes on, None if it has ended."""
    search = going.search
    page = await source.page(client, Query(search.text, search.licences, search.options), search.cursor)
    found = [_candidate(each, search) for each in page.photos]
    most = search.n_wanted - search.n_found
    with workspace.transaction() as connection:
        n_new = collections.add_within(connection, search.collection_id, found, most=most)
        is_full = n_new >= most
        n_known_pages = going.n_known_pages + 1 if found and not n_new and not page.repeats else 0
        cursor = search.cursor if is_full else page.cursor  # The rest of this page is for a larger number.
        is_ended = is_full or not page.cursor or n_known_pages >= MAX_KNOWN_PAGES
        progress = searches.Progress(cursor, search.n_found + n_new, page.n_available, is_ended=is_ended)
        searches.advance(connection, search.search_id, progress)
    if is_ended:
        return None
    return _Going(replace(search, cursor=cursor, n_found=search.n_found + n_new), n_known_pages)


def _candidate(photo: FoundPhoto, search: Search) -> NewCandidate:
    return NewCandidate(
        photo.url,
        search.label,
        search.source,
        search.text,
        credit=photo.credit,
        title=photo.title,
        taken_at=photo.taken_at,
        latitude=photo.latitude,
        longitude=photo.longitude,
        thumbnail_url=photo.thumbnail_url,
    )
