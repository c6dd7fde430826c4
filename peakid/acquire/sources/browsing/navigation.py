"""Check every page before the browser asks for it: the first, redirects, and what scripts open.

The requests for pages of the main frame are paused through Chromium's protocol (its domain Fetch) until they
are allowed; so are their responses, whose status and headers are read before the page is.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from peakid.acquire.fetching import opt_out
from peakid.acquire.fetching.client import NotFetched
from peakid.errors import PeakidError

_CONNECT_S = 20.0
_REDIRECTS = range(300, 400)
_HTML = ("text/html", "application/xhtml+xml", "")


class _Event(TypedDict, total=False):
    """What `Fetch.requestPaused` says."""

    requestId: str
    frameId: str
    request: Mapping[str, str]
    responseStatusCode: int
    responseErrorReason: str
    responseHeaders: list[Mapping[str, str]]


class Wall(NotFetched):
    """A page that asks for a login, shows a captcha or is refused. Nothing more is asked of its host."""


@dataclass(frozen=True)
class Answered:
    """The last response for a page."""

    url: str
    status: int


class NavigationGuard:
    """Attributes:
    refusal: Why a page was refused, since `expect`; None = none was.
    answered: The last response for a page, since `expect`.
    """

    def __init__(self, socket_url: str, frame_id: str, check: Callable[[str], None]) -> None:
        import websocket

        self._frame_id, self._check = frame_id, check
        self.refusal: PeakidError | None = None
        self.answered: Answered | None = None
        self._number, self._expected = 0, ""
        self._socket = websocket.create_connection(
            socket_url, timeout=_CONNECT_S, suppress_origin=True, http_no_proxy=["127.0.0.1", "localhost"]
        )
        stages = [{"resourceType": "Document", "requestStage": stage} for stage in ("Request", "Response")]
        self._send("Fetch.enable", {"patterns": stages})
        while json.loads(self._socket.recv()).get("id") != self._number:
            pass
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def expect(self, url: str) -> None:
        """Check a page that is opened next, and forget what was before. It may wait as long as a host asks.

        Raises:
            PeakidError: As `check`.
        """
        self.refusal, self.answered = None, None
        self._check(url)
        self._expected = url

    def is_alive(self) -> bool:
        """Return whether pages are still checked."""
        return self._thread.is_alive()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._socket.close()

    def _run(self) -> None:
        with contextlib.suppress(Exception):  # The browser has ended, and with it the connection.
            while text := self._socket.recv():
                message = json.loads(text)
                if message.get("method") == "Fetch.requestPaused":
                    self._answer(message["params"])

    def _answer(self, event: _Event) -> None:
        request, is_allowed = {"requestId": event["requestId"]}, False
        try:
            is_allowed = event.get("frameId") != self._frame_id or self._allows(event)
        finally:  # What cannot be checked is not opened.
            if is_allowed:
                self._send("Fetch.continueRequest", request)
            else:
                self._send("Fetch.failRequest", {**request, "errorReason": "BlockedByClient"})

    def _allows(self, event: _Event) -> bool:
        url, status = event["request"]["url"], event.get("responseStatusCode")
        try:
            if status is None and "responseErrorReason" not in event:
                self.answered = None
                if url != self._expected:
                    self._check(url)
                self._expected = ""
            elif status is not None and status not in _REDIRECTS:
                self.answered = Answered(url, status)
                refuse_response(url, status, _headers(event))
        except PeakidError as error:
            self.refusal = self.refusal or error
            return False
        return True

    def _send(self, method: str, parameters: Mapping[str, Any]) -> None:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))


def refuse_response(url: str, status: int, headers: Mapping[str, str]) -> None:
    """Refuse a page by how its server answers.

    Raises:
        NotFetched: If it asks for a login, refuses, asks to slow down, or opts out of training.
    """
    page = url[:200]
    if status in (401, 407):
        raise Wall("refused_by_server", f"{page} asks for a login, which is not passed.")
    if status in (403, 451):
        raise Wall("refused_by_server", f"The server refuses {page} (status {status}).")
    if status == 429:
        raise Wall("refused_by_server", f"The server of {page} asks for fewer requests (status 429).")
    if status in (404, 410):
        raise NotFetched("gone", f"There is no page {page} (status {status}).")
    if status >= 400:
        raise NotFetched("unreachable", f"The server answers {page} with status {status}.", is_passing=True)
    if why := opt_out.reason(headers):
        raise NotFetched("opted_out", f"The server of {page} says that it is not for training ({why}).")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_file = headers.get("content-disposition", "").lower().startswith("attachment")
    if is_file or kind not in _HTML:
        raise NotFetched("refused_by_server", f"{page} is a file and not a page ({kind or 'a download'}).")


def _headers(event: _Event) -> dict[str, str]:
    headers: dict[str, str] = {}
    for each in event.get("responseHeaders", []):
        name = each["name"].lower()
        headers[name] = f"{headers[name]}, {each['value']}" if name in headers else each["value"]
    return headers
