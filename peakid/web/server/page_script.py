"""Add to the HTML of every page a script that runs before Streamlit's own, and which scripts to load."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peakid.web import address
from peakid.web.server import element_scripts

SCRIPTS = ("connect.js", "back.js", "toast_links.js", "visible_toasts.js", "later.js")
_FOLDER = Path(__file__).resolve().parent / "static"
_BEFORE, _AFTER = b"<head>", b"</head>"
_FONT = re.compile(rb'<link\s+rel="preload"[^>]*as="font"[^>]*>')  # Of Streamlit's theme; ours has none.
# "Not modified" would keep a page with an older script, and a compressed page cannot be changed.
_DROPPED = (b"if-none-match", b"if-modified-since", b"accept-encoding")


def script(pages: Iterable[str]) -> str:
    """Return the scripts of the app as one.

    Args:
        pages: The first and only part of the path of each page, such as `review`.
    """
    texts = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    texts = texts.replace("[]; // PAGES", f"{json.dumps([*pages])};")
    return element_scripts.as_script(texts.replace("[]; // TYPED", f"{json.dumps(sorted(address.TYPED))};"))


class PageScript:
    """ASGI middleware that puts `script` at the start of the head of HTML pages.

    An element of a page would run too late: the address can change while the first page is drawn. `modules`
    returns the scripts of the page at a path and a query; the browser loads them at once, with those of the
    page itself. A font that Streamlit names there and this app does not use is no longer loaded.
    """

    def __init__(
        self, app: ASGIApp, *, script: str, modules: Callable[[str, str], Sequence[str]] | None = None
    ) -> None:
        self.app = app
        self._tag = f"<script>{script}</script>".encode()
        self._modules = modules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_navigation(scope):
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in _DROPPED]}
        start: Message | None = None
        body = b""

        async def sending(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_plain_html(message):
                start = message
            elif start is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._send_whole(start, self._changed(body, scope), send)

        await self.app(scope, receive, sending)

    def _changed(self, body: bytes, scope: Scope) -> bytes:
        query = scope.get("query_string", b"").decode("latin-1")
        names = self._modules(scope["path"], query) if self._modules else ()
        links = [
            f'<link rel="modulepreload" crossorigin href="{escape(name)}">'.encode()
            for name in names
            if f'"{name}"'.encode() not in body  # Else the page loads it anyway.
        ]
        with_script = _FONT.sub(b"", body).replace(_BEFORE, _BEFORE + self._tag, 1)
        return with_script.replace(_AFTER, b"".join(links) + _AFTER, 1)

    async def _send_whole(self, start: Message, changed: bytes, send: Send) -> None:
        # They are of the page without the script.
        dropped = (b"content-length", b"etag", b"last-modified")
        headers = [pair for pair in start["headers"] if pair[0].lower() not in dropped]
        headers.append((b"content-length", str(len(changed)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": changed, "more_body": False})


def _is_navigation(scope: Scope) -> bool:
    """Return whether a browser asks for a page to show, not for a file of one."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _is_plain_html(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start["headers"]}
    is_html = headers.get(b"content-type", b"").startswith(b"text/html")
    return start["status"] == 200 and is_html and b"content-encoding" not in headers
