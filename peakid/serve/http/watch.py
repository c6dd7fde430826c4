"""What every request to the prediction server passes: refusals, counters and headers."""

import ipaddress
import time
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peakid import hosts
from peakid.serve.http import responses
from peakid.serve.http.metrics import Metrics
from peakid.serve.http.options import ServerOptions
from peakid.serve.http.stopping import Stopping

STORING = "/feedback"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:;"
    " frame-ancestors 'none'; base-uri 'none'",
}


class Watch:
    """ASGI middleware: refuses foreign hosts and too many requests, counts, and adds the headers."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        options: ServerOptions,
        stopping: Stopping,
        paths: Iterable[str],
    ) -> None:
        self.app, self._metrics, self._options = app, metrics, options
        self._stopping, self._paths = stopping, frozenset(paths)
        self._n_open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = get_route_path(scope)
        path = route if route in self._paths else "other"
        began_s, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in _HEADERS.items()),
                ]
            await send(message)

        self._n_open += 1
        try:
            refusal = self._refusal(Headers(scope=scope), path)
            await (refusal or self.app)(scope, receive, sending)
        finally:
            self._n_open -= 1
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - began_s)

    def _refusal(self, headers: Headers, path: str) -> Response | None:
        host = headers.get("host", "")
        if self._options.own_hosts is not None and not _is_own(host, self._options.own_hosts):
            # Without this check a web page could rebind its own name to this machine and use the model.
            message = f"Unknown host {host[:100]!r}."
            return responses.error("UnknownHost", 403, message, "Start the server with --host.")
        if path == STORING and not _is_own_page(headers, host):
            message = f"Corrections from {headers.get('origin', '')[:100]!r} are not accepted."
            return responses.error("UnknownOrigin", 403, message, "Open the page of this server.")
        if self._stopping.has_begun:
            return responses.stopped()
        if self._n_open > self._options.limits.max_open and path not in ("/health", "/metrics"):
            return responses.busy()
        return None


def _is_own(text: str, own_hosts: Iterable[str]) -> bool:
    try:
        host = hosts.parse(text)
    except ValueError:
        return False
    if host.name == "localhost" or host.name in own_hosts:
        return True
    try:
        return ipaddress.ip_address(host.name).is_loopback
    except ValueError:
        return False


def _is_own_page(headers: Headers, host: str) -> bool:
    """Return whether a browser sent this from a page of this server; programs send no Origin header."""
    if "origin" not in headers:
        return True
    try:
        origin, own = hosts.parse_origin(headers["origin"]), hosts.parse(host)
    except ValueError:
        return False
    return (origin.host.name, origin.port) == (own.name, own.port or hosts.DEFAULT_PORTS[origin.scheme])
