"""Pages in real Chromium: what is gathered, what is refused, and that nothing is left of the browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching.client import ClientOptions, NotFetched
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources.browsing import browser, gathering, programs
from peakid.acquire.sources.browsing.adapter import Adapter
from peakid.acquire.sources.browsing.page import Page
from peakid.acquire.sources.browsing.records import Gathered, Wanted
from peakid.errors import BadInput, ExtraMissing, UrlRefused
from tests.acquire.fetching.served import Served
from tests.acquire.sources.browsing import pages_served

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("selenium")]

OPTIONS = ClientOptions(
    contact="team@example.org",
    pace=Pace(per_s=1000),
    allows=lambda address: address == "127.0.0.1",
    n_attempts=1,
)


class Elsewhere:
    """A server at an address of this machine that is not allowed, with what reached it."""

    def __init__(self) -> None:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None: ...

        self.asked = asked
        self._server = HTTPServer(("127.0.0.2", 0), Handler)
        self.url = f"http://127.0.0.2:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Elsewhere"]:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    enable_socket()
    with Elsewhere().running() as served:
        yield served


@pytest.fixture(scope="module")
def site(elsewhere: Elsewhere) -> Iterator[Served]:
    with Served(pages_served.answers(elsewhere.url)).running() as served:
        yield served


@pytest.fixture(scope="module")
def page(site: Served) -> Iterator[Page]:
    try:
        programs.installed()
    except ExtraMissing as error:
        pytest.skip(str(error))
    with browser.opened(OPTIONS, pace_s=0.01) as opened:
        yield opened


def adapter(**more: object) -> Adapter:
    given = {"name": "test", "item": "main img", "scroll_pause_s": 0.2, "pace_s": 0.2, **more}
    return Adapter(**given)


def gathered(page: Page, template: str, *classes: str, n_most: int = 100, **more: object) -> Gathered:
    return gathering.gather(Wanted(adapter(**more), classes or ("lake",), template, n_most), page)


def test_an_endless_page_is_scrolled_to_its_end_or_to_the_limit(page: Page, site: Served) -> None:
    found = gathered(page, f"{site.url}/search/{{class}}", "lake", "sea otter")
    assert [(each.class_name, each.n_urls, each.ended) for each in found.pages] == [
        ("lake", 12, "nothing new"),
        ("sea otter", 12, "nothing new"),
    ]
    last = found.found[-1]
    assert last.url == f"{site.url}/photo/sea%20otter-11.jpg"
    assert (last.class_name, last.title) == ("sea otter", "a sea%20otter, number 11")
    assert last.page_url == f"{site.url}/search/sea%20otter"
    assert [gathered(page, f"{site.url}/search/x", n_most=7).pages[0].n_urls] == [7]
    assert not [each for each in site.paths() if each.startswith("/photo")]  # The browser loads no picture.
    agents = {each.headers["user-agent"] for each in site.asked if each.path.startswith("/search")}
    assert [each.partition("Peakid")[2] for each in agents] == [" (+team@example.org)"]


def test_a_button_is_pressed_until_it_is_gone(page: Page, site: Served) -> None:
    found = gathered(page, f"{site.url}/more", item="main a", attributes=("href",), more=".more")
    assert [each.url for each in found.found] == [f"{site.url}/full/{n}.jpg" for n in range(9)]
    assert found.found[0].title == "full 0"
    following = gathered(page, f"{site.url}/next/1", more=".more")
    assert [each.url for each in following.found] == [f"{site.url}/1.jpg", f"{site.url}/2.jpg"]
    assert following.pages[0].ended == "refused"
    assert "robots.txt" in following.pages[0].problem
    assert "/private/photos" not in site.paths()


def test_lazy_pictures_and_the_largest_of_a_srcset(page: Page, site: Served) -> None:
    found = gathered(page, f"{site.url}/lazy", item="main > *", max_scrolls=0)
    urls = [each.url.removeprefix(site.url) for each in found.found]
    assert urls == ["/lazy/1.jpg", "/set/l,1.jpg", "/x/2.jpg"]
    assert [each.title for each in found.found] == ["lazy", "set", "double"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/login", "asks for a login"),
        ("/captcha", "shows a captcha"),
        ("/401", "asks for a login"),
        ("/429", "fewer requests"),
        ("/noai", "not for training"),
        ("/noai-header", "not for training"),
        ("/private/photos", "robots.txt"),
        ("/to-private", "robots.txt"),
        ("/none", "There is no page"),
        ("/download", "is a file and not a page"),
    ],
)
def test_a_refusal_ends_with_its_reason(page: Page, site: Served, path: str, said: str) -> None:
    with pytest.raises(NotFetched, match=said):
        page.open(site.url + path)
    assert "/private/photos" not in site.paths()


def test_nothing_reaches_an_address_that_is_not_public(
    page: Page, site: Served, elsewhere: Elsewhere
) -> None:
    for address in (f"{elsewhere.url}/start", f"{site.url}/to-elsewhere"):
        with pytest.raises(UrlRefused, match="not public"):
            page.open(address)
    with pytest.raises(UrlRefused, match="not an http"):
        page.open("file:///etc/passwd")
    found = gathered(page, f"{site.url}/script-elsewhere")
    assert (found.pages[0].ended, found.pages[0].n_urls) == ("refused", 1)
    assert "not public" in found.pages[0].problem
    assert elsewhere.asked == []
    assert len(page._driver.window_handles) == 1


def test_a_wall_ends_all_pages_and_a_bad_selector_is_named(page: Page, site: Served) -> None:
    found = gathered(page, f"{site.url}/{{class}}", "captcha", "lazy")
    assert [(each.ended, each.n_urls) for each in found.pages] == [("refused", 0), ("not opened", 0)]
    assert "shows a captcha" in found.pages[0].problem
    with pytest.raises(BadInput, match="'main >> img' is not a CSS selector"):
        gathered(page, f"{site.url}/lazy", item="main >> img")
