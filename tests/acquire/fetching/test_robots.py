"""A page is read where robots.txt allows it and nothing reserves it; the rules of a host are fetched once."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching import robots
from peakid.acquire.fetching.client import Client, NotFetched, Response
from tests.acquire.fetching.served import Answer, Asked, Served
from tests.acquire.fetching.test_client import OPTIONS
from tests.web import event_loop

PAGE = b"<html><body>photos</body></html>"
RULES = "User-agent: *\nDisallow: /private\nAllow: /private/open\n\nUser-agent: Peakid\nDisallow: /own"
Read = tuple[list[Response | Exception], Served]


@pytest.fixture(autouse=True)
def _with_sockets() -> None:
    enable_socket()


def read(
    files: Mapping[str, Answer], *paths: str, answer: Callable[[Asked, int], Answer] | None = None
) -> Read:
    """Read pages of a host with one client; return what each gave, and the server."""

    def given(asked: Asked, _n: int) -> Answer:
        missing = asked.path in ("/robots.txt", "/.well-known/tdmrep.json")
        return files.get(asked.path, Answer(status=404) if missing else Answer(PAGE))

    async def read_all(base: str) -> list[Response | Exception]:
        found: list[Response | Exception] = []
        async with Client(replace(OPTIONS, n_attempts=2)) as client:
            for path in paths:
                try:
                    found.append(await robots.read_page(client, base + path))
                except NotFetched as error:
                    found.append(error)
        return found

    with Served(answer or given).running() as served:
        return event_loop.run(read_all(served.url)), served


def test_what_robots_txt_disallows_is_not_asked_for_and_its_file_is_fetched_once() -> None:
    allowed = Answer(b"User-agent: *\nDisallow: /private\nAllow: /private/open\n")
    (first, refused, third), served = read({"/robots.txt": allowed}, "/a", "/private/b", "/private/open/c")
    assert first.body == third.body == PAGE
    assert refused.reason == "refused_by_server"
    assert str(refused) == (
        f"The robots.txt of 127.0.0.1 asks robots not to read {served.url}/private/b."
        " Choose another page, or ask its owner."
    )
    assert served.paths() == ["/robots.txt", "/.well-known/tdmrep.json", "/a", "/private/open/c"]


def test_the_group_that_names_peakid_comes_before_that_of_all_robots() -> None:
    (own, private), _ = read({"/robots.txt": Answer(RULES.encode())}, "/own", "/private")
    assert (own.reason, private.body) == ("refused_by_server", PAGE)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_host_without_a_robots_txt_allows_everything(status: int) -> None:
    (found,), _ = read({"/robots.txt": Answer(status=status)}, "/a")
    assert found.body == PAGE


@pytest.mark.parametrize("status", [429, 500, 503])
def test_while_robots_txt_cannot_be_read_no_page_is(status: int) -> None:
    (first, second), served = read({"/robots.txt": Answer(status=status)}, "/a", "/b")
    assert first.reason == second.reason == "unreachable"
    assert "is not known now" in first.message
    assert first.remedy == "Try again later."
    assert served.paths() == ["/robots.txt"] * 2  # The attempts of the client; the second page asks no more.


def test_only_the_first_500_kib_of_a_robots_txt_count() -> None:
    early, late = b"User-agent: *\nDisallow: /early\n", b"Disallow: /late\n"
    rules = early + b"#" * (robots.MAX_BYTES - len(early) - 1) + b"\n" + late
    (refused, found), _ = read({"/robots.txt": Answer(rules)}, "/early", "/late")
    assert (refused.reason, found.body) == ("refused_by_server", PAGE)


def test_a_redirect_to_a_page_that_is_disallowed_is_not_followed() -> None:
    files = {"/robots.txt": Answer(RULES.encode()), "/a": Answer(status=302, headers={"Location": "/own/b"})}
    (refused,), served = read(files, "/a")
    assert refused.reason == "refused_by_server"
    assert served.paths()[-1] == "/a"


def test_a_robots_txt_that_redirects_in_circles_is_none() -> None:
    circle = Answer(status=302, headers={"Location": "/robots.txt"})
    (found,), served = read({"/robots.txt": circle}, "/a")
    assert (found.body, served.paths().count("/robots.txt")) == (PAGE, 6)


@pytest.mark.parametrize(
    ("line", "delay_s"), [("Crawl-delay: 2.5", 2.5), ("Request-rate: 1/10", 10.0), ("Crawl-delay: -1", 0.0)]
)
def test_the_delay_that_a_host_asks_for_becomes_the_pace(line: str, delay_s: float) -> None:
    slowed: list[tuple[str, float]] = []

    class Slowed(Client):
        def slow_down(self, url: str, seconds: float) -> None:
            slowed.append((url, seconds))

    async def check(url: str) -> robots.SiteRules:
        async with Slowed(OPTIONS) as client:
            return await robots.check(client, url)

    rules = f"User-agent: *\n{line}\n".encode()
    with Served(lambda asked, _n: Answer(rules if asked.path == "/robots.txt" else b"")).running() as served:
        found = event_loop.run(check(f"{served.url}/a"))
    assert found.delay_s == delay_s
    assert slowed == [(f"{served.url}/a", delay_s)]


def test_a_delay_of_minutes_is_a_refusal() -> None:
    (refused,), _ = read({"/robots.txt": Answer(b"User-agent: *\nCrawl-delay: 900\n")}, "/a")
    assert "asks for 900 s between two pages" in refused.message


def test_a_reservation_of_the_host_is_honoured() -> None:
    rules = [
        {"location": "/", "tdm-reservation": 0},
        {"location": "/works/*.html$", "tdm-reservation": 1, "tdm-policy": "https://example.org/policy"},
    ]
    files = {"/.well-known/tdmrep.json": Answer(json.dumps(rules).encode())}
    (refused, found), _ = read(files, "/works/1/a.html", "/works/1/a.html?x")
    assert (refused.reason, found.body) == ("opted_out", PAGE)
    assert "tdmrep.json" in refused.message


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ('<META NAME="Robots" content="index, NoAI">', "meta robots: noai"),
        ("<meta name=robots content='noimageai noai'>", "meta robots: noai"),
        ('<meta content="noimageai" name="peakid"/>', "meta peakid: noimageai"),
        ('<meta name="tdm-reservation" content="1">', "meta tdm-reservation: 1"),
    ],
)
def test_a_page_that_opts_out_is_not_kept(meta: str, why: str) -> None:
    (refused,), _ = read({"/a": Answer(f"<html><head>{meta}</head></html>".encode())}, "/a")
    assert refused.reason == "opted_out"
    assert f"({why})" in refused.message


def test_a_page_whose_header_opts_out_is_not_kept() -> None:
    (refused,), _ = read({"/a": Answer(PAGE, headers={"X-Robots-Tag": "noai"})}, "/a")
    assert refused.reason == "opted_out"
