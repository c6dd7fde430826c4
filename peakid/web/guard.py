"""Check every request and websocket, Streamlit's and Peakid's, before it reaches the app."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peakid.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1.

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",  # No other site may embed the images.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'; object-src 'none'; base-uri 'self'",
}


class Guard:
    """ASGI middleware that checks Host and Origin, limits request bodies and adds security headers.

    Without the Host check, a web page could rebind its own name to 127.0.0.1 and read everything. Without the
    Origin check, any page in the same browser could post a file or open the websocket.

    Args:
        allowed_hosts: Host names besides loopback, without port. None = those in PEAKID_ALLOWED_HOSTS.
        max_body_bytes: Largest request body. None = the limit in the settings.
    """

    def __init__(
        self, app: ASGIApp, *, allowed_hosts: Iterable[str] | None = None, max_body_bytes: int | None = None
    ) -> None:
        settings = Settings()
        self.app = app
        self.own_hosts = frozenset(settings.host_names() if allowed_hosts is None else allowed_hosts)
        self.max_body_bytes = settings.max_body_bytes if max_body_bytes is None else max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, _limited(receive, self.max_body_bytes), _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal[1][:120]})
        else:
            status, why = refusal
            await PlainTextResponse(why, status)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return the HTTP status and the reason for refusing a request, None where it is accepted."""
        headers = HTTPConnection(scope).headers
        host = headers.get("host", "")
        if not self._is_own_host(host):
            return 403, f"Unknown host {host[:100]!r}. Add it to PEAKID_ALLOWED_HOSTS to allow it."
        is_changing = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if is_changing and not self._is_own_origin(headers, host):
            origin = headers.get("origin", "")[:100]
            return 403, f"Requests from {origin!r} are not accepted. Open the app at its own address."
        if _declared_bytes(headers) > self.max_body_bytes:
            limit_mb = self.max_body_bytes / 2**20
            return 413, f"The request exceeds {limit_mb:,.0f} MB. Import a large archive by its path instead."
        return None

    def _is_own_host(self, host: str) -> bool:
        name = _host_name(host)
        return name in LOOPBACK or name in self.own_hosts

    def _is_own_origin(self, headers: Headers, host: str) -> bool:
        """Return whether a browser sent this from Peakid's own page; programs send no Origin header."""
        origin = headers.get("origin")
        if origin is None:
            return True
        parts = urlsplit(origin)
        # Another port of this machine is another site: host and port must match, or the host is allowed.
        return parts.netloc.lower() == host.lower() or (parts.hostname or "") in self.own_hosts


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:  # An unclosed bracket.
        return ""


def _declared_bytes(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdigit() else 0


def _limited(receive: Receive, max_bytes: int) -> Receive:
    """Count the bytes received: a chunked body declares no length."""
    n_bytes = 0

    async def counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        if message["type"] == "http.request":
            n_bytes += len(message.get("body", b""))
            if n_bytes > max_bytes:
                return {"type": "http.disconnect"}
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
