"""An answer in another form than documented fails the search in words, whatever is wrong with it."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from peakid.acquire.fetching.client import NotFetched, Response
from peakid.acquire.sources import answers, services
from peakid.acquire.sources.photo_source import FoundPage, Query, SearchFailed
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.conftest import Found
from tests.acquire.sources.played.commons import PlayedCommons
from tests.acquire.sources.played.gbif import PlayedGbif
from tests.acquire.sources.played.inaturalist import PlayedINaturalist
from tests.acquire.sources.played.library import Library
from tests.web import event_loop

NAMES = ("commons", "inaturalist", "gbif")
CREDIT = ("page_url", "licence", "author")
LIBRARY = Library({"otter": 8})
WRONG: tuple[object, ...] = (
    *(None, True, 0, -1, 10**40, 1.5, float("nan"), float("inf"), "", "x", "\ud800", "\x00\u202e"),
    *([], {}, [[]], [None], {"value": []}, {"coordinates": ["x", []]}, "http://", "https://[", "//x/y.jpg"),
)


@dataclass
class Given:
    """A client whose answers are changed before they arrive."""

    answer: Callable[[Asked, int], Answer]
    change: Callable[[bytes], bytes]
    contact: str = "https://example.org"

    async def get(self, url: str, **_more: object) -> Response:
        parts = urlsplit(url)
        found = self.answer(Asked(f"{parts.path}?{parts.query}", {"host": "localhost"}, 0), 0)
        return Response(url, 200, {}, self.change(found.body))


def parts(draw: Callable[..., bytes]) -> dict[str, Callable[[Asked, int], Answer]]:
    categories = {"Category:Otters": ("otter", ("Category:Pups",)), "Category:Pups": ("otter", ())}
    return {
        "commons": PlayedCommons(LIBRARY, draw, categories).answer,
        "inaturalist": PlayedINaturalist(LIBRARY, draw).answer,
        "gbif": PlayedGbif(LIBRARY).answer,
    }


def page(name: str, client: Given, query: Query, cursor: str = "") -> FoundPage | SearchFailed:
    source = services.opened(services.Keys(), stand_in="http://localhost")[name]

    async def ask() -> FoundPage | SearchFailed:
        try:
            return await source.page(client, query, cursor)
        except SearchFailed as error:
            return error

    return event_loop.run(ask())


def paths(value: object, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield at
    if isinstance(value, dict):
        for name, each in value.items():
            yield from paths(each, (*at, name))
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from paths(each, (*at, n))


def replaced(body: bytes, rng: random.Random) -> bytes:
    """Return a document in which something is replaced, or missing."""
    document = {"all": json.loads(body)}
    path = rng.choice(list(paths(document["all"], ("all",))))
    within: object = document
    for each in path[:-1]:
        within = within[each]
    if rng.random() < 0.2 and len(path) > 1:
        del within[path[-1]]
    else:
        within[path[-1]] = rng.choice(WRONG)
    return json.dumps(document["all"]).encode()


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_replaced_in_an_answer_gives_photos_or_a_failure_in_words(
    name: str, draw: Callable[..., bytes]
) -> None:
    rng, n_failed = random.Random(f"{name} 7"), 0
    texts = ["otter", "Category:Otters"] if name == "commons" else ["otter"]
    for n in range(150):
        query = Query(texts[n % len(texts)], "any", {"depth": "1"} if name == "commons" else {})
        found = page(name, Given(parts(draw)[name], lambda body: replaced(body, rng)), query)
        if isinstance(found, SearchFailed):
            n_failed += 1
            assert str(found).isprintable()
            continue
        for each in found.photos:
            assert each.url.startswith(("http://", "https://"))
            texts_of_it = (each.title, each.taken_at, *(getattr(each.credit, field) for field in CREDIT))
            assert all((text or "").encode().decode().isprintable() for text in texts_of_it)
    assert 0 < n_failed < 150


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"<html></html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_answer_fails_the_search(name: str, body: bytes, draw: Callable[..., bytes]) -> None:
    found = page(name, Given(parts(draw)[name], lambda _body: body), Query("otter"))
    title = services.opened(services.Keys())[name].title
    assert isinstance(found, SearchFailed)
    assert str(found).startswith(f"{title} sent an answer that cannot be used: ")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cursor", ["x", "[]", '{"offset": -1, "below": "x", "at": -1}', "{" * 1000])
def test_a_cursor_of_another_version_is_refused(name: str, cursor: str, draw: Callable[..., bytes]) -> None:
    found = page(name, Given(parts(draw)[name], bytes), Query("otter"), cursor)
    assert isinstance(found, SearchFailed)
    assert "cannot continue from" in str(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_fails_now_and_then_loses_no_photo(name: str, search: Callable[..., Found]) -> None:
    library = Library({"otter": 210}, ["CC0 1.0"])
    whole = search(name, Query("otter"), library)
    faults = [Answer(status=500), Answer(status=429, headers={"Retry-After": "0"}), Answer(b"{}", cut_at=1)]
    hard = search(
        name, Query("otter"), library, fault=lambda asked, n: faults[len(asked.path) % 3] if n < 1 else None
    )
    assert hard.failure is None
    assert [each.title for each in hard.photos] == [each.title for each in whole.photos]
    assert len(hard.served.asked) == 2 * len(whole.served.asked)
    down = search(name, Query("otter"), library, fault=lambda _asked, _n: Answer(status=503))
    assert isinstance(down.failure, NotFetched)
    assert len(down.served.asked) == 3, "the budget of attempts"
    refused = search(name, Query("otter"), library, fault=lambda _asked, _n: Answer(status=403))
    assert isinstance(refused.failure, SearchFailed)
    assert len(refused.served.asked) == 1


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2012-09-25 16:23:02", "2012-09-25T16:23:02"),
        ("2012:09:25 16:23:02", "2012-09-25T16:23:02"),
        ("2020-08-26T22:46:10+00:00", "2020-08-26T22:46:10"),
        ('<time class="dtstart" datetime="2010-05-01">1 May 2010</time>', "2010-05-01"),
        ("2019-07-01/2019-07-31", "2019-07-01"),
        ("0000-00-00 00:00:00", ""),
        ("2012-13-01, later 2013-01-02", "2013-01-02"),
        ("circa 1900", ""),
        ("", ""),
    ],
)
def test_dates_are_read_where_they_are_whole(text: str, date: str) -> None:
    assert answers.date_of(text) == date


def test_a_place_is_known_whole_or_not_at_all() -> None:
    assert answers.place_of(46.5, 7.9) == (46.5, 7.9)
    for latitude, longitude in ((None, 7.9), (46.5, None), (0.0, 0.0), (91.0, 7.9)):
        assert answers.place_of(latitude, longitude) == (None, None)
    assert [answers.degrees(each) for each in ("46.5", "x", True, 1e400, 181, None)] == [46.5, *[None] * 5]
