"""Openverse is searched as it documents: few photos a page, 240 in all, and limits that its headers state."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching.client import Client, NotFetched
from peakid.acquire.sources import openverse
from peakid.acquire.sources.openverse import Openverse
from peakid.acquire.sources.photo_source import FoundPage, Query, SearchFailed
from peakid.records import Credit
from tests.acquire.collecting.conftest import FAST
from tests.acquire.fetching.served import Answer
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.openverse import TOKEN, PlayedOpenverse, sent
from tests.acquire.sources.played.server import played_services
from tests.acquire.sources.test_flickr import everything_of
from tests.web import event_loop

OTTERS = Query("otter")


@pytest.fixture
def played() -> PlayedOpenverse:
    return PlayedOpenverse(
        Library({"otter": 50}, licences=("CC BY 2.0", "Public domain", "Sampling Plus 1.0"))
    )


@pytest.fixture
def serve(played: PlayedOpenverse, draw: Callable[..., bytes]) -> Iterator[Callable[..., Openverse]]:
    enable_socket()
    running = []

    def started(fault: Callable[..., Answer | None] = lambda *_: None, token: str = "") -> Openverse:
        parts = {"openverse": played.answer}
        served = played_services(played.library, picture=draw, parts=parts, fault=fault).running()
        running.append(served)
        return Openverse(token, f"{served.__enter__().url}/openverse/")

    yield started
    for each in running:
        each.__exit__(None, None, None)


def pages(source: Openverse, query: Query = OTTERS, most: int = 100, cursor: str = "") -> list[FoundPage]:
    async def read() -> list[FoundPage]:
        async with Client(FAST) as client:
            found = [await source.page(client, query, cursor)]
            while found[-1].cursor and len(found) < most:
                found.append(await source.page(client, query, found[-1].cursor))
            return found

    return event_loop.run(read())


def test_photos_come_page_by_page_with_their_credits(
    serve: Callable[..., Openverse], played: PlayedOpenverse
) -> None:
    found = pages(serve())
    assert [len(each.photos) for each in found] == [20, 14]
    assert {each.n_available for each in found} == {34}
    first, second = found[0].photos[:2]
    assert first.credit == Credit("https://www.flickr.com/photos/12345678@N00/50000000000", "CC BY 2.0", None)
    assert (second.credit.licence, second.credit.author) == ("Public domain", "A. Bdams")
    assert (first.title, first.url.split("/", 3)[3], first.thumbnail_url) == ("Otter 1", "photos/0.jpg", "")
    given = played.asked[0]
    assert (given["mature"], given["page_size"], given["license"]) == (
        "false",
        "20",
        ",".join(openverse.OPEN),
    )


def test_any_licence_is_an_unknown_one_too(serve: Callable[..., Openverse], played: PlayedOpenverse) -> None:
    [*found] = pages(serve(), replace(OTTERS, licences="any"))
    assert sum(len(each.photos) for each in found) == 50
    assert "license" not in played.asked[0]
    assert {each.credit.licence for page in found for each in page.photos} == {
        *("CC BY 2.0", "Public domain", "sampling+")
    }


def test_a_search_ends_where_openverse_ends(serve: Callable[..., Openverse], played: PlayedOpenverse) -> None:
    played.library = Library({"otter": 400})
    found = pages(serve())
    assert sum(len(each.photos) for each in found) == 240
    assert [int(each["page"]) for each in played.asked] == list(range(1, 13))


def test_a_token_has_larger_pages_and_a_wrong_one_is_said_in_words(
    serve: Callable[..., Openverse], played: PlayedOpenverse
) -> None:
    assert len(pages(serve(token=TOKEN))) == 1
    assert played.asked[-1]["page_size"] == "50"
    with pytest.raises(SearchFailed, match=r"does not accept the access token.*PEAKID_OPENVERSE_TOKEN"):
        pages(serve(token="expired"))


def test_what_is_sensitive_or_a_drawing_is_left_out(serve: Callable[..., Openverse]) -> None:
    photo = {"url": "https://example.org/1.jpg", "license": "by", "license_version": "2.0"}
    listed = [
        *(photo, {**photo, "mature": True}, {**photo, "filetype": "svg"}, {**photo, "url": None}, 3),
        {**photo, "license": "in-copyright", "license_url": "https://example.org/"},
    ]
    answer = sent({"result_count": 5, "page_count": 1, "results": listed})
    [page] = pages(serve(lambda *_: answer))
    assert [(each.url, each.credit.licence) for each in page.photos] == [(photo["url"], "CC BY 2.0")]


def test_a_limit_that_the_headers_say_is_reached_is_waited_for_or_ends_the_search(
    serve: Callable[..., Openverse], played: PlayedOpenverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(openverse, "_sleep", sleep)
    played.n_left = 1
    source = serve()
    source.now = lambda: 1000.0
    assert pages(source, most=1)[0].cursor == "2"
    played.n_left = 5
    assert len(pages(source, cursor="2")) == 1
    assert slept == [60.0]
    of_a_day = {"X-RateLimit-Limit-anon_sustained": "200/day", "X-RateLimit-Available-anon_sustained": "0"}
    answer = sent({"result_count": 90, "page_count": 5, "results": []}, headers=of_a_day)
    source = serve(lambda *_: answer)
    pages(source, most=1)
    n_asked = len(played.asked)
    with pytest.raises(SearchFailed, match=r"used up for now.*collect run.*PEAKID_OPENVERSE_TOKEN"):
        pages(source)
    assert len(played.asked) == n_asked


def test_a_long_wait_that_the_service_asks_for_ends_the_search(serve: Callable[..., Openverse]) -> None:
    answer = sent({"detail": "Request was throttled."}, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(SearchFailed, match="without a token are used up for now"):
        pages(serve(lambda *_: answer))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), "it is not JSON (text/html"),
        (sent({"result_count": 3, "results": []}), "page_count = nothing"),
        (sent({"result_count": 3, "page_count": 1, "results": "none"}), "results = none"),
        (sent({"result_count": 3, "page_count": 1, "results": [1, {}]}), "cannot be read"),
        (Answer(status=400), "does not take the search"),
        (Answer(status=403), "with an access token only"),
    ],
)
def test_what_is_not_as_documented_is_one_clear_failure(
    serve: Callable[..., Openverse], answer: Answer, said: str
) -> None:
    with pytest.raises(SearchFailed) as raised:
        pages(serve(lambda *_: answer))
    assert said in str(raised.value)


def test_a_service_that_fails_now_and_then_is_asked_again(serve: Callable[..., Openverse]) -> None:
    assert len(pages(serve(lambda _asked, n_before: Answer(status=500) if n_before == 0 else None))) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=401, body=TOKEN.encode()),
        Answer(status=503),
        Answer(status=302, headers={"Location": f"ftp://example.org/{TOKEN}"}),
        sent({"result_count": TOKEN, "page_count": 1, "results": []}),
    ],
)
def test_no_failure_and_no_log_has_the_token(
    serve: Callable[..., Openverse], answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source = serve(lambda *_: answer, token=TOKEN)
    with pytest.raises((SearchFailed, NotFetched)) as raised:
        pages(source)
    assert TOKEN not in "\n".join([*everything_of(raised.value), caplog.text, repr(source)])


def test_an_option_that_cannot_be_is_refused(
    serve: Callable[..., Openverse], played: PlayedOpenverse
) -> None:
    with pytest.raises(SearchFailed, match="no size 'a&b'"):
        pages(serve(), replace(OTTERS, options={"size": "a&b"}))
    assert played.asked == []
    pages(serve(), replace(OTTERS, options={"size": "large", "source": "flickr,wikimedia"}))
    assert (played.asked[0]["size"], played.asked[0]["source"]) == ("large", "flickr,wikimedia")
