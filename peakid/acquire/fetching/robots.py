"""Whether a host lets robots read a page: its robots.txt (RFC 9309) and its reservation of data mining.

For pages that a person names, not for the interfaces of services, which have terms of their own. The files of
a host are fetched through the client once, and again after a day.
"""

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import anyio
from protego import Protego

from peakid import public_fetch
from peakid.acquire.fetching import opt_out
from peakid.acquire.fetching.client import MAX_WAIT_S, Client, NotFetched, Response
from peakid.acquire.fetching.opt_out import Reservation
from peakid.records import RejectionReason

MAX_BYTES = 500 * 1024  # RFC 9309, section 2.5: a parser reads at least so much.
KEPT_S = 24 * 3600.0  # RFC 9309, section 2.4.
FAILURE_KEPT_S = 600.0  # A host without an answer is asked again after this.
MAX_PAGE_BYTES = 20 * 2**20
_UNAVAILABLE = range(400, 500)
_ANOTHER = "Choose another page, or ask its owner."


class RobotsRefused(NotFetched):
    """A page that its host does not let robots read, or does not let be used to train models."""

    def __init__(self, reason: RejectionReason, message: str, remedy: str = _ANOTHER) -> None:
        super().__init__(reason, message)
        self.remedy = remedy


@dataclass(frozen=True)
class SiteRules:
    """What a host asks of robots.

    Attributes:
        problem: Why its robots.txt could not be read, so that no page is; '' if it could, or has none.
        delay_s: Seconds between two pages; 0 = it does not say.
    """

    robots: Protego | None
    reservations: tuple[Reservation, ...] = ()
    problem: str = ""
    delay_s: float = 0.0


@dataclass
class _Known:
    """The rules of the hosts that one client has asked, by scheme, host and port, with when they end."""

    rules: dict[str, tuple[float, SiteRules]] = field(default_factory=dict)
    locks: dict[str, anyio.Lock] = field(default_factory=dict)


_known: WeakKeyDictionary[Client, _Known] = WeakKeyDictionary()


async def check(client: Client, url: str) -> SiteRules:
    """Refuse a page that robots may not read or whose use for training is reserved; return its host's rules.

    The delay that the host asks for becomes the pace of the client there. A client that reads the page with
    something else, such as a browser, keeps `delay_s` itself.

    Raises:
        UrlRefused: If it is no http or https URL, or leads to an address that is not allowed.
        RobotsRefused: If it may not be read, or whether it may cannot be found out now.
    """
    public_fetch.check_url(url)
    rules = await _rules(client, url)
    host, page = urlsplit(url).hostname, url[:200]
    if rules.problem:
        why = f"Whether robots may read pages of {host} is not known now: {rules.problem}"
        raise RobotsRefused("unreachable", why, "Try again later.")
    if rules.robots and not rules.robots.can_fetch(url, public_fetch.USER_AGENT):
        raise RobotsRefused("refused_by_server", f"The robots.txt of {host} asks robots not to read {page}.")
    if rules.delay_s > MAX_WAIT_S:
        why = f"The robots.txt of {host} asks for {rules.delay_s:,.0f} s between two pages."
        raise RobotsRefused("refused_by_server", why)
    if opt_out.is_reserved(rules.reservations, url):
        raise RobotsRefused("opted_out", f"{host} reserves text and data mining of {page} (tdmrep.json).")
    client.slow_down(url, rules.delay_s)
    return rules


async def read_page(client: Client, url: str, *, max_bytes: int = MAX_PAGE_BYTES) -> Response:
    """Fetch a page that a person names, as its host allows: the URL and each that it redirects to.

    Raises:
        UrlRefused, RobotsRefused: As `check`.
        NotFetched: If it gave no body, or says in its headers or its HTML that it is not for training.
    """

    async def may_read(target: str) -> None:
        await check(client, target)

    found = await client.get(url, max_bytes=max_bytes, check=may_read)
    if why := opt_out.of_page(found.body.decode("utf-8", errors="replace")):
        raise RobotsRefused("opted_out", f"The page says that it is not for training ({why}).")
    return found


async def _rules(client: Client, url: str) -> SiteRules:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    known = _known.setdefault(client, _Known())
    async with known.locks.setdefault(origin, anyio.Lock()):
        until, rules = known.rules.get(origin, (0.0, None))
        if rules is None or time.monotonic() >= until:
            rules = await _fetched(client, origin)
            kept_s = FAILURE_KEPT_S if rules.problem else KEPT_S
            known.rules[origin] = time.monotonic() + kept_s, rules
        return rules


async def _fetched(client: Client, origin: str) -> SiteRules:
    try:
        content = await _file(client, f"{origin}/robots.txt")
        reserved = opt_out.reservations(await _file(client, f"{origin}/.well-known/tdmrep.json"))
    except NotFetched as error:
        return SiteRules(None, problem=error.message)
    robots = Protego.parse(content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace"))
    name = public_fetch.USER_AGENT
    delay_s = max(0.0, robots.crawl_delay(name) or 0.0)
    if rate := robots.request_rate(name):
        delay_s = max(delay_s, rate.seconds / max(rate.requests, 1))
    return SiteRules(robots, reserved, delay_s=delay_s)


async def _file(client: Client, url: str) -> bytes:
    """Return a file of rules; empty where the host has none.

    Raises:
        NotFetched: If the host does not answer, or answers that it cannot now.
    """
    try:
        found = await client.get(url, max_bytes=MAX_BYTES, is_page=True, cut=True)
    except NotFetched as error:
        # RFC 9309, section 2.3.1: without a file, or after more than five redirects, everything is allowed.
        if error.reason == "gone" or (error.status in _UNAVAILABLE and not error.is_passing):
            return b""
        raise
    return found.body
