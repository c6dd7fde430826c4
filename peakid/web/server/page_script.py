"""Add a script to the HTML that Streamlit serves for every page, so that it runs before Streamlit's own."""

from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPTS = ("back.js", "toast_links.js", "visible_toasts.js")
_FOLDER = Path(__file__).resolve().parent / "static"
_BEFORE = b"<head>"
# "Not modified" would keep a page with an older script, and a compressed page cannot be changed.
_DROPPED = (b"if-none-match", b"if-modified-since", b"accept-encoding")


def script() -> str:
    """Return the scripts of the app as one."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)


class PageScript:
    """ASGI middleware that puts `script` at the start of the head of HTML pages.

    An element of a page would run too late: the address can change while the first page is drawn.
    """

    def __init__(self, app: ASGIApp, *, script: str) -> None:
        self.app = app
        self._tag = f"<script>{script}</script>".encode()

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
                    await self._send_whole(start, body, send)

        await self.app(scope, receive, sending)

    async def _send_whole(self, start: Message, body: bytes, send: Send) -> None:
        changed = body.replace(_BEFORE, _BEFORE + self._tag, 1)
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
