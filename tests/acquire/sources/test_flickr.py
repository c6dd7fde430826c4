"""Flickr is searched as it documents: pages, licences, many results, failures; the key stays secret."""

import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pytest_socket import enable_socket

from peakid.acquire.collecting import searching
from peakid.acquire.fetching.client import Client, NotFetched
from peakid.acquire.sources import flickr
from peakid.acquire.sources.flickr import Flickr
from peakid.acquire.sources.photo_source import FoundPage, Query, SearchFailed
from peakid.records import Credit
from peakid.store.collecting import collections, searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace
from tests.acquire.collecting.conftest import FAST
from tests.acquire.fetching.served import Answer
from tests.acquire.sources.played.flickr import IDS, KEY, PlayedFlickr, failed, sent
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services
from tests.web import event_loop

OTTERS = Query("otter landscape")
Page = Callable[..., FoundPage]


@pytest.fixture
def played() -> PlayedFlickr:
    return PlayedFlickr(Library({"otter": 600}, licences=("CC BY 2.0", "All rights reserved", "CC0 1.0")))


@pytest.fixture
def serve(played: PlayedFlickr, draw: Callable[..., bytes]) -> Iterator[Callable[..., Flickr]]:
    """Start a server, and return Flickr with it in its place; `fault` as in `played_services`."""
    enable_socket()
    running = []

    def started(fault: Callable[..., Answer | None] = lambda *_: None, key: str = KEY) -> Flickr:
        served = played_services(
            played.library, picture=draw, parts={"flickr": played.answer}, fault=fault
        ).running()
        running.append(served)
        return Flickr(key, f"{served.__enter__().url}/flickr/", first_wait_s=0.001)

    yield started
    for each in running:
        each.__exit__(None, None, None)


def asked(source: Flickr, query: Query = OTTERS, cursor: str = "") -> FoundPage:
    async def page() -> FoundPage:
        async with Client(FAST) as client:
            return await source.page(client, query, cursor)

    return event_loop.run(page())


def all_pages(source: Flickr, query: Query = OTTERS, cursor: str = "", most: int = 100) -> list[FoundPage]:
    async def read() -> list[FoundPage]:
        async with Client(FAST) as client:
            pages = [await source.page(client, query, cursor)]
            while pages[-1].cursor and len(pages) < most:
                pages.append(await source.page(client, query, pages[-1].cursor))
            return pages

    return event_loop.run(read())


def test_a_page_has_photos_with_all_that_flickr_says_of_them(
    serve: Callable[..., Flickr], played: PlayedFlickr
) -> None:
    source = serve()
    page = asked(source)
    assert (page.n_available, len(page.photos)) == (400, 400)
    by_title = {each.title: each for each in page.photos}
    photo, odd, undated = by_title["Otter 3"], by_title["Otter 4"], by_title["Otter 10"]
    assert photo.url.endswith("/photos/2.jpg")
    assert photo.thumbnail_url.endswith("/photos/2_small.jpg")
    assert (photo.latitude, photo.longitude, photo.taken_at) == (46.5765, 7.9904, "2019-07-03T11:02:03")
    assert photo.credit == Credit("https://www.flickr.com/photos/adams/50000000002", "CC0 1.0", "A. Cdams")
    assert odd.credit.page_url == "https://www.flickr.com/photos/12345678@N00/50000000003"
    assert (odd.latitude, odd.longitude, undated.taken_at) == (None, None, "")
    [given] = played.asked
    assert {name: given[name] for name in ("safe_search", "content_types", "media", "text", "per_page")} == {
        "safe_search": "1",
        "content_types": "0",
        "media": "photos",
        "text": "otter landscape",
        "per_page": "500",
    }


def test_open_licences_are_asked_for_and_any_leaves_none_out(
    serve: Callable[..., Flickr], played: PlayedFlickr
) -> None:
    source = serve()
    free = {each.credit.licence for page in all_pages(source) for each in page.photos}
    assert free == {"CC BY 2.0", "CC0 1.0"}
    assert set(played.asked[0]["license"].split(",")) == set(IDS.values()) - {"0"}
    pages = all_pages(source, replace(OTTERS, licences="any"))
    assert sum(len(each.photos) for each in pages) == pages[0].n_available == 600
    assert "license" not in played.asked[-1]
    assert "All rights reserved" in {each.credit.licence for page in pages for each in page.photos}


def test_every_documented_licence_has_a_name() -> None:
    assert flickr.flickr_photos.LICENCES.keys() == set(IDS.values())
    assert {flickr.flickr_photos.LICENCES[number] for number in ("7", "8", "10")} == {
        "No known copyright restrictions",
        "United States Government Work",
        "Public Domain Mark 1.0",
    }
    assert set(flickr.flickr_photos.OPEN) == set(IDS.values()) - {"0"}


def test_past_the_limit_of_results_the_search_is_split_by_date(
    serve: Callable[..., Flickr], played: PlayedFlickr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flickr, "MAX_RESULTS", 40)
    played.library, played.max_results = Library({"otter": 200}), 40
    pages = all_pages(serve(), cursor='{"size":20}')
    found = [each.url for page in pages for each in page.photos]
    assert len(set(found)) == 200, "every photo is found"
    assert len(found) == 240, "only the first results are listed twice"
    assert max(len(each.cursor) for each in pages) < 400
    assert pages[0].n_available == 200
    assert {each.n_available for each in pages[2:]} == {None}
    assert max(int(each["page"]) for each in played.asked) == 2, "no page past the limit is asked for"
    assert len(played.asked) < 40, "a span with too many results costs one request"


@pytest.mark.slow
def test_a_collection_gets_all_photos_past_the_limit_although_the_first_are_listed_again(
    serve: Callable[..., Flickr], played: PlayedFlickr, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flickr, "MAX_RESULTS", 40)
    played.library, played.max_results = Library({"otter": 60}), 40
    source = serve()
    collection_id = collections.create(workspace, "otters", actor="human:anna")
    searches.save(workspace, collection_id, [NewSearch("flickr", "otter", "otter")])
    searches.begin_at(workspace, collection_id, "flickr", {"otter": '{"size":4}'})

    async def search() -> None:
        async with Client(FAST) as client:
            await searching.search_all(workspace, collection_id, client, {"flickr": source})

    event_loop.run(search())
    [ended] = searches.of_collection(workspace, collection_id)
    assert (ended.problem, ended.n_found, ended.n_available) == ("", 60, 60)


def test_a_search_continues_after_a_page_of_an_older_collection(
    serve: Callable[..., Flickr], played: PlayedFlickr
) -> None:
    source = serve()
    page = asked(source, OTTERS, flickr.after_page(3, size=100))
    assert (played.asked[-1]["page"], played.asked[-1]["per_page"], page.n_available) == ("4", "100", 600)
    assert "license" not in played.asked[-1], "its pages were counted with every licence"
    assert {each.credit.licence for each in page.photos} == {"CC BY 2.0", "CC0 1.0"}
    assert asked(source, OTTERS, "of another version").n_available == 400


def test_a_wrong_key_is_said_in_words_and_no_key_asks_nothing(
    serve: Callable[..., Flickr], played: PlayedFlickr
) -> None:
    with pytest.raises(SearchFailed, match=r"does not accept the key.*PEAKID_FLICKR_KEY"):
        asked(serve(key="wrong"))
    n_asked = len(played.asked)
    with pytest.raises(SearchFailed, match=r"only be searched with a key.*PEAKID_FLICKR_KEY"):
        asked(serve(key=""))
    assert len(played.asked) == n_asked
    with pytest.raises(SearchFailed, match=r"no order 'random'.*relevance"):
        asked(serve(), replace(OTTERS, options={"sort": "random"}))


def test_a_service_that_is_busy_is_asked_again_a_few_times(
    serve: Callable[..., Flickr], played: PlayedFlickr
) -> None:
    busy = failed(105, "Service currently unavailable")
    assert asked(serve(lambda _asked, n_before: busy if n_before < 2 else None)).n_available == 400
    n_asked = 0

    def always(*_: object) -> Answer:
        nonlocal n_asked
        n_asked += 1
        return busy

    with pytest.raises(NotFetched, match=r"currently unavailable \(code 105\)") as raised:
        asked(serve(always))
    assert raised.value.is_passing
    assert n_asked == 3
    with pytest.raises(SearchFailed, match=r"illogical arguments.*\(code 18\)"):
        asked(serve(lambda *_: failed(18, "Your search has illogical arguments")))


PHOTO = {"id": "1", "owner": "2@N00", "license": "4", "url_l": "https://example.org/1.jpg"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b"<html>Sorry</html>", headers={"Content-Type": "text/html"}), "it is not JSON (text/html"),
        (Answer(b'{"stat": "ok", "photos": {"pa'), "it is not JSON"),
        (Answer(b"\xff\xfe\x00"), "it is not JSON"),
        (Answer(b"[" * 100_000), "it is not JSON"),
        (sent([]), "the document"),
        (sent({"stat": "ok", "photos": {"total": "many", "photo": []}}), "photos.total = many"),
        (sent({"stat": "ok", "photos": {"total": 3}}), "photos.photo = nothing"),
        (sent({"stat": "ok"}), "code -1"),
        (sent({"stat": "ok", "photos": {"total": 2, "photo": [3, {"id": []}]}}), "cannot be read"),
    ],
)
def test_what_is_not_as_documented_is_one_clear_failure(
    serve: Callable[..., Flickr], answer: Answer, said: str
) -> None:
    with pytest.raises(SearchFailed) as raised:
        asked(serve(lambda *_: answer))
    assert said in str(raised.value)


def test_a_damaged_entry_does_not_lose_the_others(serve: Callable[..., Flickr]) -> None:
    odd = [
        {**PHOTO, "title": 7, "latitude": "north", "longitude": "7.9", "accuracy": "16", "datetaken": "soon"},
        {"id": "2", "owner": "2@N00", "license": 9, "secret": "a", "server": 65535, "ownername": None},
        *("text", {"owner": "2@N00"}, {"id": "3", "owner": "2@N00", "license": "4"}),
        {**PHOTO, "license": "0"},
        {**PHOTO, "id": "5", "url_l": "javascript:alert(1)"},
    ]
    page = asked(serve(lambda *_: sent({"stat": "ok", "photos": {"total": "5", "photo": odd}})))
    first, second = page.photos
    assert (first.title, first.latitude, first.longitude, first.taken_at) == ("7", None, None, "")
    assert second.url == "https://live.staticflickr.com/65535/2_a.jpg"
    assert (second.credit.licence, second.credit.author) == ("CC0 1.0", None)


@pytest.mark.parametrize(
    ("granularity", "date"), [("0", "2019-07-05T11:02:03"), (4, "2019-07"), ("6", "2019"), ("8", "2019")]
)
def test_a_date_is_as_exact_as_it_is_known(
    serve: Callable[..., Flickr], granularity: object, date: str
) -> None:
    given = {**PHOTO, "datetaken": "2019-07-05 11:02:03", "datetakengranularity": granularity}
    page = asked(serve(lambda *_: sent({"stat": "ok", "photos": {"total": 1, "photo": [given]}})))
    assert [each.taken_at for each in page.photos] == [date]


def everything_of(error: BaseException | None) -> Iterator[str]:
    """Yield what an error and all those that it came from say, with the values of their frames."""
    while error is not None:
        yield "".join(traceback.format_exception(error))
        yield repr(vars(error))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "answer",
    [
        failed(100, f"Invalid API Key {KEY}"),
        failed(99, f"The key {KEY} may not do this"),
        failed(105, f"Busy: {KEY}"),
        sent({"stat": "ok", "photos": {"total": KEY, "photo": []}}),
        Answer(status=302, headers={"Location": f"ftp://example.org/{KEY}"}),
        Answer(status=302, headers={"Location": f"/flickr/{KEY}"}),
        Answer(status=403, body=KEY.encode()),
        Answer(status=503, body=KEY.encode()),
        Answer(body=KEY.encode() * 9, cut_at=30),
    ],
)
def test_no_failure_and_no_log_has_the_key(
    serve: Callable[..., Flickr], answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source = serve(lambda _asked, n_before: answer)
    with pytest.raises((SearchFailed, NotFetched)) as raised:
        asked(source)
    assert KEY not in "\n".join(everything_of(raised.value))
    assert KEY not in caplog.text
    assert KEY not in repr(source)
