"""Fetch what a URL of others points to: from public addresses only, within a size and a time.

A URL can name this machine, its network or the address at which a cloud tells its secrets, itself, after a
redirect, or by a name whose address changes between the check and the connection. So names are resolved here,
each address is checked, and the connection goes to the address that was checked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import anyio
import httpcore2

from peakid.checked_network import CheckedBackend, is_public
from peakid.errors import FetchFailed, UrlRefused

MAX_REDIRECTS = 5
MAX_URL_CHARS = 2000
DEFAULT_TIMEOUT_S = 15.0
USER_AGENT = "Peakid"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Fetched:
    """What a server sent. `url` is its place after redirects; `media_type` is '' where it was not given."""

    url: str
    body: bytes
    media_type: str


async def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    allows: Callable[[str], bool] = is_public,
) -> Fetched:
    """Fetch a URL, following up to five redirects.

    Args:
        max_bytes: Largest body that is accepted.
        timeout_s: For everything: names, connections, redirects and the body.
        allows: Whether to connect to an IP address.

    Raises:
        UrlRefused: If it is no http or https URL, or leads to an address that is not allowed.
        FetchFailed: If the server does not answer in time, answers with an error, or sends too much.
    """
    # With a backend of its own, a proxy in the environment cannot resolve names in its place.
    pool = httpcore2.AsyncConnectionPool(network_backend=CheckedBackend(allows), max_connections=1)
    try:
        with anyio.fail_after(timeout_s):
            async with pool:
                return await _follow(pool, url, max_bytes)
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise FetchFailed(
            f"{_shown(url)} did not answer within {timeout_s:g} s.", "Try again later."
        ) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
        why = str(error) or type(error).__name__
        raise FetchFailed(f"{_shown(url)} cannot be fetched: {why}.", "Check the address.") from error


async def _follow(pool: httpcore2.AsyncConnectionPool, url: str, max_bytes: int) -> Fetched:
    target = url
    for _ in range(MAX_REDIRECTS + 1):
        check_url(target)
        headers: dict[str | bytes, str | bytes] = {
            "Host": _host_header(target),
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
        }
        async with pool.stream("GET", _parsed(target), headers=headers) as response:
            values = {
                name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers
            }
            if response.status in _REDIRECTS and "location" in values:
                target = urljoin(target, values["location"])
                continue
            if response.status != 200:
                raise FetchFailed(
                    f"{_shown(url)} answered with status {response.status}.", "Check the address."
                )
            body = await _body(response, values, url, max_bytes)
            return Fetched(target, body, values.get("content-type", "").partition(";")[0].strip().lower())
    raise FetchFailed(f"{_shown(url)} redirects more than {MAX_REDIRECTS} times.", "Give the final address.")


async def _body(response: httpcore2.Response, headers: dict[str, str], url: str, max_bytes: int) -> bytes:
    too_large = FetchFailed(
        f"{_shown(url)} sends more than {max_bytes / 2**20:,.0f} MB.", "Choose a smaller picture."
    )
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise FetchFailed(
            f"{_shown(url)} sends compressed data, which was not asked for.", "Check the address."
        )
    if headers.get("content-length", "").isdecimal() and int(headers["content-length"][:18]) > max_bytes:
        raise too_large
    parts, n_bytes = [], 0
    async for part in response.aiter_stream():
        n_bytes += len(part)
        if n_bytes > max_bytes:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def check_url(url: str) -> None:
    """Refuse what is no plain http or https URL with a host.

    Raises:
        UrlRefused: If it is not.
    """
    remedy = "Give an address that begins with https:// or http://."
    if len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url:
        raise UrlRefused(
            f"{_shown(url)} is not a URL of up to {MAX_URL_CHARS:,} printable characters.", remedy
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused(f"{_shown(url)} is not a URL: {error}.", remedy) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UrlRefused(f"{_shown(url)} is not an http or https URL.", remedy)
    if parts.username is not None or parts.password is not None:
        raise UrlRefused(f"{_shown(url)} contains a user name.", "Give it without user name and password.")


def _parsed(url: str) -> httpcore2.URL:
    """Return a URL as it is sent: the host in its ASCII form, other letters percent-encoded."""
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    encoded = "".join(c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in target)
    return httpcore2.URL(scheme=parts.scheme, host=_host(url), port=parts.port, target=encoded)


def _host(url: str) -> str:
    """Return the host in ASCII, an IPv6 address without brackets.

    Raises:
        UrlRefused: If it is not a name.
    """
    try:
        return (urlsplit(url).hostname or "").encode("idna").decode("ascii")
    except UnicodeError as error:
        raise UrlRefused(f"{_shown(url)} has a host that is not a name.", "Check the address.") from error


def _host_header(url: str) -> str:
    host, port = _host(url), urlsplit(url).port
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _shown(url: str) -> str:
    return repr(url[:100])
