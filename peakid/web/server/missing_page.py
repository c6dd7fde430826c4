"""Say that an address is no page, where Streamlit would send its start page and show nothing."""

from collections.abc import Iterable
from html import escape

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peakid.web import words, workspace_address
from peakid.web.server import plain_page

# What Streamlit and its components serve as HTML under addresses of their own.
_STREAMLIT = ("component", "media", "static", "app", "index.html")


class MissingPage:
    """ASGI middleware that replaces an HTML page at an unknown address by a 404 in words.

    Args:
        pages: The first and only part of the path of each page, such as `review`.
    """

    def __init__(self, app: ASGIApp, *, pages: Iterable[str]) -> None:
        self.app = app
        self.pages = frozenset(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not is_read or self._is_known(scope["path"]):
            await self.app(scope, receive, send)
            return
        is_replaced = False

        async def sending(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and _is_html_page(message):
                is_replaced = True
                await self._missing(scope)(scope, receive, send)
            if not is_replaced:
                await send(message)

        await self.app(scope, receive, sending)

    def _is_known(self, path: str) -> bool:
        first, *more = path.strip("/").split("/")
        return not path.strip("/") or first in _STREAMLIT or (first in self.pages and not more)

    def _missing(self, scope: Scope) -> ASGIApp:
        path, prefix = scope["path"], scope.get(workspace_address.PREFIX, "")
        first = path.strip("/").split("/")[0]
        known = (
            f'<p><a href="{prefix}/{first}">Open {first.capitalize()}</a></p>' if first in self.pages else ""
        )
        shown = escape(words.shown(path if len(path) <= 200 else f"{path[:200]}..."))
        body = f'<p>There is no page at {shown}.</p>{known}<p><a href="{prefix}/">Open the overview</a></p>'
        return plain_page.respond("Page not found", body, 404)


def _is_html_page(start: Message) -> bool:
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return start["status"] == 200 and bool(kinds) and kinds[0].startswith(b"text/html")
