"""Wikimedia Commons: files by words or by category, in a width that thumbnails have, never enlarged."""

from collections.abc import Callable

import anyio
import pytest

from peakid.acquire.fetching.client import Client
from peakid.acquire.sources import commons, commons_answers
from peakid.acquire.sources.commons import Commons
from peakid.acquire.sources.photo_source import FoundPage, Query, SearchFailed
from peakid.records import Credit
from tests.acquire.fetching.served import Answer
from tests.acquire.sources.conftest import FAST, Found
from tests.acquire.sources.played.commons import PlayedCommons, failed
from tests.acquire.sources.played.inaturalist import sent
from tests.acquire.sources.played.library import Library
from tests.web import event_loop

Search = Callable[..., Found]
LICENCES = ("CC BY-SA 4.0", "CC0 1.0", "GFDL 1.2")


def test_a_photo_has_its_author_licence_date_place_and_page(search: Search) -> None:
    found = search("commons", Query("otter"), Library({"otter": 10}, ["CC BY-SA 4.0"]))
    photo = next(each for each in found.photos if "/2.jpg" in each.url)
    assert photo.url == f"{found.served.url}/commons/thumb/2.jpg/1280px-2.jpg"
    assert photo.thumbnail_url == f"{found.served.url}/commons/thumb/2.jpg/330px-2.jpg"
    page = "https://commons.wikimedia.org/wiki/File:Otter_3_(2).jpeg"
    assert photo.credit == Credit(page, "CC BY-SA 4.0", "A. Cdams"), "no script, and nothing that is hidden"
    assert (photo.title, photo.taken_at) == ("Otter 3", "2012-09-03T16:23:02")
    assert (photo.latitude, photo.longitude) == (46.5765, 7.9904)
    small = next(each for each in found.photos if "/1.jpg" in each.url)
    assert small.url == f"{found.served.url}/photos/1.jpg", "800 px wide: the original"
    assert small.latitude is None
    assert [each.url for each in found.photos if "/3.jpg" in each.url] == [], "a drawing in SVG"
    assert found.pages[0].n_available == 10


@pytest.mark.parametrize(
    ("width", "thumbwidth", "is_original"),
    [(5000, 1280, False), (1281, 1280, False), (1280, 1280, True), (800, 1280, True), (5000, 1024, True)],
)
def test_a_photo_is_never_enlarged_and_has_the_width_that_was_asked_for(
    search: Search, width: int, thumbwidth: int, is_original: bool
) -> None:
    small = f"https://upload.wikimedia.org/thumb/a.jpg/{thumbwidth}px-a.jpg"
    info = {"url": "https://upload.wikimedia.org/a.jpg", "width": width, "mime": "image/jpeg"}
    page = {"title": "File:A.jpg", "imageinfo": [{**info, "thumburl": small, "thumbwidth": thumbwidth}]}
    answer = sent({"query": {"pages": [page]}})
    [photo] = search("commons", Query("a", "any"), Library({}), {"commons": lambda _asked, _n: answer}).photos
    assert photo.url == (info["url"] if is_original else small)
    assert photo.thumbnail_url == ("" if is_original else small.replace("1280px", "330px"))


def test_a_search_goes_on_with_the_token_of_the_service(search: Search, draw: Callable[..., bytes]) -> None:
    library = Library({"otter": 120}, LICENCES)
    played = PlayedCommons(library, draw)
    found = search("commons", Query("otter"), library, {"commons": played.answer})
    assert found.failure is None
    assert [each.get("gsroffset") for each in played.asked] == [None, None, "50", "100"]
    assert found.pages[0].cursor == '{"further":{"gsroffset":50,"continue":"gsroffset||"}}'
    wanted = [n for n in range(120) if n % 3 != 2 and n % 5 != 3]  # Neither GFDL nor SVG.
    numbers = [
        int(each.url.rsplit("/", 1)[1].rpartition("-")[2].removesuffix(".jpg")) for each in found.photos
    ]
    assert numbers == wanted, "in the order of the service"
    every = search("commons", Query("otter", "any"), library)
    assert len(every.photos) == 96
    assert {each.credit.licence for each in every.photos} == set(LICENCES)


def test_a_search_by_words_ends_at_10000(search: Search, draw: Callable[..., bytes]) -> None:
    played = PlayedCommons(Library({"otter": 10_100}), draw)
    cursor = '{"further":{"gsroffset":9900,"continue":"gsroffset||"}}'
    found = search("commons", Query("otter"), Library({}), {"commons": played.answer}, cursor=cursor)
    assert [each["gsroffset"] for each in played.asked] == ["9900", "9950"]
    assert found.failure is None


def test_requests_follow_the_etiquette_and_ask_for_a_width_that_is_served(
    search: Search, draw: Callable[..., bytes]
) -> None:
    library = Library({"otter": 120})
    for options, width in (({}, "1280"), ({"width": "1920"}, "1920")):
        played = PlayedCommons(library, draw)
        found = search("commons", Query("otter", options=options), library, {"commons": played.answer})
        assert {each["maxlag"] for each in played.asked} == {"5"}
        assert {each["iiurlwidth"] for each in played.asked if "iiurlwidth" in each} == {width}
        assert f"/{width}px-" in found.photos[0].url
        assert int(width) in commons.WIDTHS
        assert found.served.most_open == 1
    refused = search("commons", Query("otter", options={"width": "1024"}), library)
    assert str(refused.failure).startswith("Wikimedia Commons has no width '1024'.")


CATEGORIES = {
    "Category:Mustelids": ("", ("Category:Otters", "Category:Badgers")),
    "Category:Otters": ("otter", ("Category:Sea otters", "Category:River otters", "Category:Mustelids")),
    "Category:Badgers": ("badger", ("Category:Sea otters",)),
    "Category:Sea otters": ("sea", ()),
    "Category:River otters": ("", ("Category:Deep",)),
    "Category:Deep": ("deep", ()),
}


@pytest.mark.parametrize(
    ("depth", "words"),
    [("1", "otter badger"), ("2", "otter badger sea"), ("5", "otter badger sea deep")],
)
def test_categories_are_read_level_by_level_each_once(
    search: Search, draw: Callable[..., bytes], depth: str, words: str
) -> None:
    library = Library({"otter": 60, "badger": 3, "sea": 4, "deep": 2}, ["CC0 1.0"])
    played = PlayedCommons(library, draw, CATEGORIES)
    query = Query("Category:Mustelids", "any", {"depth": depth})
    found = search("commons", query, library, {"commons": played.answer})
    assert found.failure is None
    seen = [each.title.split()[0].casefold() for each in found.photos]
    assert list(dict.fromkeys(seen)) == words.split()
    assert len({each.url for each in found.photos}) == len(seen)
    lists = [each["gcmtitle"] for each in played.asked if "gcmtitle" in each and "gcmcontinue" not in each]
    assert len(lists) == len(set(lists))
    assert found.pages[0].n_available is None, "nobody has counted the sub-categories"
    assert all(each.repeats for each in found.pages), "a file can be in several categories"


def test_a_category_without_depth_has_its_own_files_only(search: Search, draw: Callable[..., bytes]) -> None:
    library = Library({"otter": 60, "sea": 4}, ["CC0 1.0"])
    played = PlayedCommons(library, draw, CATEGORIES)
    found = search("commons", Query("category: Otters"), library, {"commons": played.answer})
    assert {each.title.split()[0] for each in found.photos} == {"Otter"}
    assert (found.pages[0].n_available, len(found.pages)) == (60, 2)
    assert not [each for each in played.asked if each.get("list") == "categorymembers"]


@pytest.mark.slow
def test_a_walk_goes_on_from_its_cursor_in_another_process(
    search: Search, draw: Callable[..., bytes]
) -> None:
    library = Library({"otter": 60, "badger": 3, "sea": 4, "deep": 2}, ["CC0 1.0"])
    query = Query("Category:Mustelids", "any", {"depth": "5"})

    def found(cursor: str) -> Found:
        played = PlayedCommons(library, draw, CATEGORIES)
        return search("commons", query, library, {"commons": played.answer}, cursor=cursor)

    def titles(pages: list[FoundPage]) -> list[str]:
        return [each.title for page in pages for each in page.photos]

    whole = found("").pages
    assert len(whole) == 5
    for n in (1, 3):  # Within the files of a category, and between two.
        assert titles(found(whole[n - 1].cursor).pages) == titles(whole[n:])


def test_the_number_of_categories_is_limited(
    search: Search, draw: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commons, "MAX_CATEGORIES", 12)
    names = tuple(f"Category:Part {n}" for n in range(40))
    categories = {"Category:All": ("", names), **dict.fromkeys(names, ("", ()))}
    library = Library({"otter": 1})
    played = PlayedCommons(library, draw, categories)
    query = Query("Category:All", options={"depth": "1"})
    found = search("commons", query, library, {"commons": played.answer})
    assert (found.failure, len(found.pages), found.photos) == (None, 2, [])
    assert len({each["gcmtitle"] for each in played.asked if "gcmtitle" in each}) == 12


def test_a_category_that_does_not_exist_is_named(search: Search) -> None:
    found = search("commons", Query("Category:Oters"), Library({"otter": 1}))
    assert isinstance(found.failure, SearchFailed)
    assert str(found.failure) == (
        "Wikimedia Commons has no files in 'Category:Oters'. Check the name of the category."
    )


def test_a_server_that_is_behind_is_asked_again_and_not_forever(
    search: Search, draw: Callable[..., bytes]
) -> None:
    library = Library({"otter": 5}, ["CC0 1.0"])
    found = search(
        "commons", Query("otter"), library, {"commons": PlayedCommons(library, draw, lag=3).answer}
    )
    assert len(found.photos) == 4
    found = search(
        "commons", Query("otter"), library, {"commons": PlayedCommons(library, draw, lag=4).answer}
    )
    assert str(found.failure) == (
        "Wikimedia Commons refuses the search (maxlag): Waiting for 10.64.32.58: 6.2 seconds lagged."
        " Try again later."
    )
    assert len(found.served.asked) == 4


def test_a_refusal_is_not_repeated(search: Search) -> None:
    answer = sent(failed("srsearch-error", "The search could not be parsed."))
    found = search("commons", Query('"otter'), Library({}), {"commons": lambda _asked, _n: answer})
    assert "refuses the search (srsearch-error): The search could not be parsed." in str(found.failure)
    assert len(found.served.asked) == 1
    page = Answer(b"Use thumbnail sizes listed on https://w.wiki/GHai", status=400)
    found = search("commons", Query("otter"), Library({}), {"commons": lambda _asked, _n: page})
    assert str(found.failure).startswith("Wikimedia Commons refuses the search.")


def test_nobody_is_asked_without_a_contact() -> None:
    async def page() -> Exception | None:
        async with Client(FAST) as client:
            with anyio.fail_after(5):
                try:
                    await Commons().page(client, Query("otter"))
                except SearchFailed as error:
                    return error
        return None

    assert "Set PEAKID_CONTACT to a page or an address." in str(event_loop.run(page()))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="//x" onclick="alert(1)">Jane &amp; Joe</a>', "Jane & Joe"),
        ("Jane<br>Joe<p>Third</p>", "Jane Joe Third"),
        ("<style>p {}</style><div style='DISPLAY : none'>a <b>b</b></div>Jane", "Jane"),
        ("&lt;b&gt;Jane", "<b>Jane"),
        ("<span style='display:none'>open <img src=x>", ""),
        ("a < b and <unclosed", "a < b and <unclosed"),
        ("Jane\u202e\nDoe", "Jane Doe"),
    ],
)
def test_html_becomes_the_text_that_is_seen(html: str, text: str) -> None:
    assert commons_answers.plain(html) == text
