"""A collection searches services page by page, adds each photo once, and continues where it stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from peakid.acquire.fetching.client import Client
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.records import Credit
from peakid.store.collecting import collections, searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace
from tests.acquire.fetching.served import Served

N_A_PAGE = 4


@dataclass
class Numbered:
    """A service that lists photo `N.jpg` of a server for each N in its numbers, four a page."""

    url: str
    numbers: list[int]
    name: str = "numbered"
    title: str = "Numbered"
    terms_url: str = "https://example.org/terms"
    paces: Mapping[str, Pace] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails_at: str = ""

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        del client
        self.asked.append((query.text, cursor))
        if self.fails_at and cursor == self.fails_at:
            raise SearchFailed("The key is wrong.", "Set another one.")
        at = int(cursor or 0)
        shown = self.numbers[at : at + N_A_PAGE]
        further = str(at + N_A_PAGE) if at + N_A_PAGE < len(self.numbers) else ""
        credit = Credit("https://example.org/p", "CC BY 4.0", "A. Adams")
        photos = [FoundPhoto(f"{self.url}/{n}.jpg", credit, title=f"Lake {n}") for n in shown]
        return FoundPage(tuple(photos), further, len(self.numbers))


@pytest.fixture
def save(workspace: Workspace) -> Callable[..., int]:
    def saved(*wanted: NewSearch) -> int:
        collection_id = collections.create(workspace, "lakes", actor="human:anna")
        searches.save(workspace, collection_id, wanted)
        return collection_id

    return saved


def lakes(n_wanted: int = 100, text: str = "lake") -> NewSearch:
    return NewSearch("numbered", "lake", text, n_wanted=n_wanted)


def test_what_a_service_lists_becomes_images_with_credit(
    workspace: Workspace, photos: Served, save: Callable[..., int], collect: Callable
) -> None:
    service = Numbered(photos.url, list(range(10)))
    collection_id = save(lakes())
    found = collect(sources={"numbered": service})
    assert (found.n_images, found.n_rejected, found.n_waiting) == (10, 0, 0)
    assert [cursor for _, cursor in service.asked] == ["", "4", "8"]
    [search] = searches.of_collection(workspace, collection_id)
    assert (search.n_found, search.n_available, search.is_ended, search.problem) == (10, 10, True, "")
    row = workspace.one("SELECT title, source, list_name FROM candidate WHERE url LIKE '%/3.jpg'")
    assert tuple(row) == ("Lake 3", "numbered", "lake")
    assert {row["author"] for row in workspace.query("SELECT author FROM origin")} == {"A. Adams"}
    assert collect(sources={"numbered": service}).n_images == 0
    assert len(service.asked) == 3, "an ended search asks nothing"


def test_a_number_of_photos_is_kept_and_can_be_raised(
    workspace: Workspace, photos: Served, save: Callable[..., int], collect: Callable
) -> None:
    service = Numbered(photos.url, list(range(10)))
    save(lakes(n_wanted=5))
    assert collect(sources={"numbered": service}).n_images == 5
    collection_id = save(lakes(n_wanted=7))
    assert collect(sources={"numbered": service}).n_images == 2
    [search] = searches.of_collection(workspace, collection_id)
    assert (search.n_found, search.cursor) == (7, "4")
    assert sorted(photos.paths()) == [f"/{n}.jpg" for n in range(7)]


@pytest.mark.slow
def test_a_further_run_fetches_only_what_is_new(
    workspace: Workspace, photos: Served, save: Callable[..., int], collect: Callable
) -> None:
    service = Numbered(photos.url, list(range(40)))
    collection_id = save(lakes())
    collect(sources={"numbered": service})
    service.numbers = [900, 901, *range(40)]
    service.asked.clear()
    searches.restart(workspace, collection_id)
    found = collect(sources={"numbered": service})
    assert (found.n_images, sorted(photos.paths()[40:])) == (2, ["/900.jpg", "/901.jpg"])
    assert len(service.asked) == 6, "one page with new photos, and five without"


def test_a_search_that_fails_keeps_its_reason_and_goes_on_later(
    workspace: Workspace, photos: Served, save: Callable[..., int], collect: Callable
) -> None:
    service = Numbered(photos.url, list(range(10)), fails_at="4")
    collection_id = save(lakes(), NewSearch("elsewhere", "lake", "lake"))
    assert collect(sources={"numbered": service}).n_images == 4
    first, second = searches.of_collection(workspace, collection_id)
    assert (first.problem, first.cursor) == ("The key is wrong. Set another one.", "4")
    assert second.problem == "There is no source 'elsewhere'."
    service.fails_at = ""
    assert collect(sources={"numbered": service}).n_images == 6
    assert searches.of_collection(workspace, collection_id)[0].problem == ""


def test_a_photo_of_two_searches_is_one_candidate(
    workspace: Workspace, photos: Served, save: Callable[..., int], collect: Callable
) -> None:
    service = Numbered(photos.url, list(range(6)))
    save(lakes(), lakes(text="lakes of the Alps"))
    assert collect(sources={"numbered": service}).n_images == 6
    assert [text for text, _ in service.asked[:3]] == ["lake", "lakes of the Alps", "lake"]


def test_searches_that_are_no_longer_wanted_are_removed(
    workspace: Workspace, save: Callable[..., int]
) -> None:
    save(lakes(), lakes(text="pond"))
    collection_id = save(lakes(text="pond"))
    assert [each.text for each in searches.of_collection(workspace, collection_id)] == ["pond"]
