"""Cache the scripts of the frontend in memory. A page in a new browser loads more than a hundred of them."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 32 * 2**20
_CONDITIONAL = ("range", "if-range", "if-none-match", "if-modified-since")
_Key = tuple[str, bool]  # The path, and whether the browser accepts gzip.


class StaticCache:
    """ASGI middleware that sends a response again if its Cache-Control says that it is public and immutable.

    Starlette's StaticFiles looks up, opens, reads and closes each file in other threads, which takes several
    times as long as to send it. Only complete responses to GET are cached.

    Args:
        max_bytes: Size of all cached bodies. What no longer fits is read from its file each time, and sent on
            without being collected.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BYTES) -> None:
        self.app = app
        self._free_bytes = max_bytes
        self._cached: dict[_Key, tuple[Message, Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
        elif key in self._cached:
            start, body = self._cached[key]
            await send({**start, "headers": list(start["headers"])})  # Whoever sends it may add headers.
            await send(body)
        else:
            await self._serve(key, scope, receive, send)

    async def _serve(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None
        body = bytearray()

        async def sending(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_cacheable(message):
                start = {**message, "headers": list(message["headers"])}
            elif message["type"] == "http.response.body" and start is not None:
                body.extend(message.get("body", b""))
                if len(body) > self._free_bytes:
                    start = None
                    body.clear()
                elif not message.get("more_body", False):
                    self._add(key, start, bytes(body))
            await send(message)

        await self.app(scope, receive, sending)

    def _add(self, key: _Key, start: Message, body: bytes) -> None:
        if key not in self._cached and len(body) <= self._free_bytes:
            self._free_bytes -= len(body)
            self._cached[key] = start, {"type": "http.response.body", "body": body, "more_body": False}


def _key(scope: Scope) -> _Key | None:
    """Return the key of a request; None for one whose response is not cached."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope.get("query_string"):
        return None
    headers = Headers(scope=scope)
    if any(name in headers for name in _CONDITIONAL):
        return None
    return scope["path"], "gzip" in headers.get("accept-encoding", "")


def _is_cacheable(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    directives = {each.strip() for each in headers.get("cache-control", "").split(",")}
    # The images of a workspace are immutable but private: one that was removed must not be shown again.
    is_shared = {"public", "immutable"} <= directives and "set-cookie" not in headers
    return start["status"] == 200 and is_shared and headers.get("vary", "").lower() in ("", "accept-encoding")
