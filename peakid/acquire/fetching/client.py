"""The client for servers of others: at their pace, with few retries, within a size, and never past a refusal.

One client serves a whole collection. It keeps the pace of every host, waits as long as a host asks for
(`Retry-After`), repeats what failed for a passing reason, continues a body that was cut, follows redirects
only to public addresses, and gives no body whose headers opt out of training.
"""

import datetime
import email.utils
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2
import stamina

from peakid import public_fetch
from peakid.acquire.fetching import opt_out
from peakid.acquire.fetching.pace import HostPace, Pace, Usage
from peakid.acquire.fetching.transport import CheckedTransport
from peakid.checked_network import is_public
from peakid.errors import FetchFailed
from peakid.records import RejectionReason

MAX_REDIRECTS = 5
MAX_WAIT_S = 120.0  # A host that asks for a longer pause is not asked again in this collection.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
stamina.instrumentation.set_on_retry_hooks(())  # Else it logs each retry to the terminal.

for _name in ("httpx2", "httpcore2", "hpack"):  # They log addresses and headers, which may have a key.
    logging.getLogger(_name).setLevel(logging.WARNING)
logging.getLogger("stamina").setLevel(logging.ERROR)  # That a request is repeated is no news for a person.


@dataclass(frozen=True)
class ClientOptions:
    """Attributes:
    contact: An address or page that servers find in the user agent; '' = none.
    pace: Of hosts that `paces` does not name.
    paces: By host name.
    n_attempts: Requests for one URL, redirects apart, at least 1.
    timeout_s: Of a connection, and of every wait for bytes.
    total_s: Of one URL, with its retries and waits.
    usage_file: Where the requests to hosts with quotas are remembered; None = in this client only.
    allows: Whether to connect to an IP address.
    """

    contact: str = ""
    pace: Pace = field(default_factory=Pace)
    paces: Mapping[str, Pace] = field(default_factory=dict)
    n_attempts: int = 4
    timeout_s: float = 20.0
    total_s: float = 300.0
    usage_file: Path | None = None
    first_wait_s: float = 0.5
    allows: Callable[[str], bool] = is_public


@dataclass(frozen=True)
class Response:
    """What a server sent.

    Attributes:
        url: After redirects.
        status: 200, or 304 where the request was conditional; then `body` is empty.
        headers: With lower-case names.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class NotFetched(FetchFailed):
    """A URL that gave no body.

    Attributes:
        reason: For the rejection of an image.
        is_passing: Whether another attempt, now or later, may succeed.
        wait_s: What the server asks to wait; None = it does not say.
        status: What it answered with; None = no answer, or one that was not the problem.
    """

    def __init__(
        self,
        reason: RejectionReason,
        message: str,
        *,
        is_passing: bool = False,
        wait_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, "Try again later." if is_passing else "Check the address.")
        self.reason: RejectionReason = reason
        self.is_passing, self.wait_s, self.status = is_passing, wait_s, status


@dataclass
class _Body:
    """The part of a body that has arrived, and how to ask for the rest of the same one."""

    max_bytes: int
    is_cut: bool = False  # Whether what is beyond `max_bytes` is left out instead of refused.
    validator: str = ""
    parts: list[bytes] = field(default_factory=list)
    n_bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self.is_cut and self.n_bytes >= self.max_bytes

    def add(self, part: bytes) -> None:
        self.parts.append(part)
        self.n_bytes += len(part)
        if self.n_bytes > self.max_bytes and not self.is_cut:
            raise NotFetched("too_large", f"It is larger than {self.max_bytes:,} bytes.")

    def content(self) -> bytes:
        return b"".join(self.parts)[: self.max_bytes]

    def clear(self) -> None:
        self.parts, self.n_bytes, self.validator = [], 0, ""


class Client:
    """Fetches URLs. Used as `async with Client(options) as client`, by many tasks at once."""

    def __init__(self, options: ClientOptions | None = None) -> None:
        self._options = options or ClientOptions()
        self._paces: dict[str, HostPace] = {}
        self._usage = Usage(self._options.usage_file)
        contact = f" (+{self._options.contact})" if self._options.contact else ""
        self._http = httpx2.AsyncClient(
            transport=CheckedTransport(self._options.allows),
            headers={"User-Agent": f"{public_fetch.USER_AGENT}{contact}", "Accept-Encoding": "identity"},
            timeout=self._options.timeout_s,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_details: object) -> None:
        await self._http.aclose()
        self._usage.close()

    @property
    def contact(self) -> str:
        """What servers find in the user agent; '' = nothing."""
        return self._options.contact

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
        cut: bool = False,
        check: Callable[[str], Awaitable[object]] | None = None,
    ) -> Response:
        """Fetch a URL.

        Args:
            max_bytes: Largest body that is accepted.
            headers: Further ones, such as `If-None-Match`.
            is_page: It is the answer of an interface, not a work: headers that opt out do not matter.
            cut: A larger body is cut to `max_bytes` instead of refused.
            check: Called with the URL and with each that it redirects to, before it is asked for.

        Raises:
            UrlRefused: If it is no http or https URL, or leads to an address that is not allowed.
            NotFetched: If it gave no body, after the last attempt.
            QuotaUsedUp: If a quota of its host is used up for longer than a request waits.
        """
        public_fetch.check_url(url)
        body = _Body(max_bytes, is_cut=cut)
        async for attempt in stamina.retry_context(
            on=_wait,
            attempts=self._options.n_attempts,
            timeout=self._options.total_s,
            wait_initial=self._options.first_wait_s,
            wait_max=30.0,
            wait_jitter=2 * self._options.first_wait_s,
        ):
            with attempt:
                return await self._follow(url, dict(headers or {}), body, is_page, check)
        raise AssertionError("stamina ends with a result or an error")

    async def _follow(
        self,
        url: str,
        headers: dict[str, str],
        body: _Body,
        is_page: bool,
        check: Callable[[str], Awaitable[object]] | None,
    ) -> Response:
        target = url
        for _ in range(MAX_REDIRECTS + 1):
            if check:
                await check(target)
            found = await self._request(target, headers, body, is_page=is_page)
            if isinstance(found, Response):
                return found
            before, target = urlsplit(target), urljoin(target, found)
            public_fetch.check_url(target)
            if urlsplit(target)[:2] != before[:2]:  # Another server must not have a person's token.
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        raise NotFetched("gone", f"It redirects more than {MAX_REDIRECTS} times.")

    async def _request(
        self, url: str, headers: dict[str, str], body: _Body, *, is_page: bool
    ) -> Response | str:
        """Return a response, or the place that a redirect names."""
        rest = {"Range": f"bytes={body.n_bytes}-", "If-Range": body.validator} if body.n_bytes else {}
        pace = self._pace(url)
        async with pace.turn():
            try:
                async with self._http.stream("GET", url, headers=headers | rest) as response:
                    sent = {name.lower(): value for name, value in response.headers.items()}
                    if response.status_code in _REDIRECTS and "location" in sent:
                        return sent["location"]
                    _check_status(response.status_code, sent, pace)
                    if not is_page and (why := opt_out.reason(sent)):
                        raise NotFetched("opted_out", f"Its server says that it is not for training ({why}).")
                    if response.status_code != 304:
                        await _receive(response, sent, body, pace)
                    content = b"" if response.status_code == 304 else body.content()
                    status = 200 if response.status_code == 206 else response.status_code
                    return Response(url, status, sent, content)
            except httpx2.HTTPError as error:
                raise _unreachable(error) from error

    def slow_down(self, url: str, seconds: float) -> None:
        """Let so many seconds at least pass between two requests to the host of a URL."""
        self._pace(url).slow_down(seconds)

    def _pace(self, url: str) -> HostPace:
        host = urlsplit(url).hostname or ""
        pace = self._options.paces.get(host, self._options.pace)
        name = pace.shared_as or host
        if name not in self._paces:
            self._paces[name] = HostPace(pace, host=name, usage=self._usage)
        return self._paces[name]


async def _receive(
    response: httpx2.Response, headers: Mapping[str, str], body: _Body, pace: HostPace
) -> None:
    """Read a body, or the rest of one that was cut."""
    if response.status_code == 206 and not (body.n_bytes and _continues(headers, body)):
        body.clear()
        raise NotFetched("unreachable", "It sent another part than was asked for.", is_passing=True)
    if response.status_code != 206:
        body.clear()
    length = headers.get("content-length", "")
    if length.isdecimal() and body.n_bytes + int(length[:18]) > body.max_bytes and not body.is_cut:
        raise NotFetched("too_large", f"It has {int(length[:18]):,} bytes, more than {body.max_bytes:,}.")
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise NotFetched("refused_by_server", "It is sent compressed, which was not asked for.")
    is_strong = headers.get("etag", "").startswith('"')
    if headers.get("accept-ranges", "").lower() == "bytes" or response.status_code == 206:
        body.validator = headers["etag"] if is_strong else headers.get("last-modified", "")
    try:
        async for part in response.aiter_raw():
            body.add(part)
            await pace.receive(len(part))
            if body.is_full:
                break
    except httpx2.HTTPError:
        if not body.validator:
            body.clear()  # Without a validator the rest may be that of another body.
        raise


def _continues(headers: Mapping[str, str], body: _Body) -> bool:
    """Return whether a partial response begins where the body was cut."""
    return headers.get("content-range", "").startswith(f"bytes {body.n_bytes}-")


def _check_status(status: int, headers: Mapping[str, str], pace: HostPace) -> None:
    if status in (200, 206, 304):
        return
    message = f"The server answered with status {status}."
    if status in _GONE:
        raise NotFetched("gone", message, status=status)
    if status not in _PASSING:
        raise NotFetched("refused_by_server", message, status=status)
    wait_s = _retry_after_s(headers.get("retry-after", ""))
    if wait_s is not None:
        if wait_s > MAX_WAIT_S:
            raise NotFetched("unreachable", f"{message} It asks to wait {wait_s:,.0f} s.", status=status)
        pace.pause(wait_s)
    raise NotFetched("unreachable", message, is_passing=True, wait_s=wait_s, status=status)


def _retry_after_s(text: str) -> float | None:
    """Return the seconds of a Retry-After header, which has a number or a date; None = nothing usable."""
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
    return max(0.0, (at - datetime.datetime.now(datetime.UTC)).total_seconds())


def _unreachable(error: httpx2.HTTPError) -> NotFetched:
    why = "It did not answer in time." if isinstance(error, httpx2.TimeoutException) else str(error)
    is_passing = not isinstance(error.__cause__, ssl.SSLCertVerificationError)
    return NotFetched("unreachable", why or type(error).__name__, is_passing=is_passing)


def _wait(error: Exception) -> bool | float:
    """Return whether to repeat a request, or after how many seconds."""
    if not isinstance(error, NotFetched) or not error.is_passing:
        return False
    return True if error.wait_s is None else error.wait_s
