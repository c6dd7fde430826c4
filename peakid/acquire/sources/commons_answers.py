"""Ask the interface of Wikimedia Commons at the pace that its servers can keep, and read its answers."""

import html.parser
import re
from collections.abc import Mapping
from typing import Annotated

import anyio
from pydantic import BaseModel, BeforeValidator, Field

from peakid.acquire.fetching.client import MAX_WAIT_S, Client
from peakid.acquire.sources import answers
from peakid.acquire.sources.answers import Text
from peakid.acquire.sources.photo_source import SearchFailed
from peakid.clean_text import clean_text

MAX_LAG_S = 5  # A server whose copies of the database are further behind answers with an error instead.
_N_ATTEMPTS = 4
_LAGS = frozenset({"maxlag", "ratelimited", "readonly"})
_UNSEEN = frozenset({"script", "style", "template", "noscript"})
_EMPTY = frozenset({"br", "img", "hr", "wbr", "input", "meta", "link", "area", "col", "source", "track"})
_INLINE = frozenset({"a", "b", "bdi", "em", "i", "small", "span", "strong", "sub", "sup", "u", "abbr"})
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)

Continuation = Mapping[str, str | int]
"""What a further request repeats, to continue after an answer."""


class Value(BaseModel):
    value: Text = ""


class Info(BaseModel):
    url: Text = ""
    descriptionurl: Text = ""
    thumburl: Text = ""
    thumbwidth: int = 0
    width: int = 0
    mime: Text = ""
    extmetadata: Annotated[Mapping[str, Value], BeforeValidator(lambda given: given or {})] = {}  # Empty: [].


class Counts(BaseModel):
    files: int = Field(ge=0)
    subcats: int = Field(ge=0)


class Page(BaseModel):
    title: Text
    index: int = 0
    imageinfo: tuple[Info, ...] = ()  # None yet: it comes with a further answer about the same pages.
    categoryinfo: Counts | None = None


class Hits(BaseModel):
    totalhits: int = Field(ge=0)


class Found(BaseModel):
    pages: tuple[Page, ...] = ()
    categorymembers: tuple[Page, ...] = ()
    searchinfo: Hits | None = None


class Error(BaseModel):
    code: Text
    info: Text = ""


class Answer(BaseModel):
    query: Found = Found()
    error: Error | None = None
    further: Continuation = Field({}, alias="continue")


async def ask(
    client: Client, title: str, url: str, asked: Mapping[str, str], further: Continuation | None = None
) -> Answer:
    """Return what a query gives; ask again after a while where the servers are behind.

    Args:
        title: Of the wiki, for messages.
        url: Of its `api.php`.
        further: Of the answer before.

    Raises:
        SearchFailed: If it refuses, also after several attempts.
        NotFetched: If it does not answer.
    """
    fixed = {"action": "query", "format": "json", "formatversion": "2", "maxlag": str(MAX_LAG_S)}
    parameters = {**fixed, **asked, **{name: str(value) for name, value in (further or {}).items()}}
    n_before = 0
    while True:
        answer, response = await answers.fetched(client, title, url, parameters, Answer)
        if answer.error is None:
            return answer
        wait = response.headers.get("retry-after", "")
        wait_s = float(wait) if re.fullmatch(r"[0-9]{1,6}", wait) else 5.0 * 2**n_before
        n_before += 1
        is_lag = answer.error.code in _LAGS
        if not is_lag or wait_s > MAX_WAIT_S or n_before == _N_ATTEMPTS:
            raise SearchFailed(
                f"{title} refuses the search ({answer.error.code[:40]}): {answer.error.info[:200]}",
                "Try again later." if is_lag else "Check its text and options.",
            )
        await anyio.sleep(wait_s)


def plain(text: str) -> str:
    """Return the visible text of HTML, on one line."""
    reader = _Visible()
    reader.feed(text)
    reader.close()
    return clean_text("".join(reader.parts))


class _Visible(html.parser.HTMLParser):
    """Keeps text outside of scripts, styles and elements that are not shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []  # The open elements from the first one that is not shown.

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _INLINE:
            self.parts.append(" ")
        is_hidden = tag in _UNSEEN or any(name == "style" and _HIDDEN.search(at or "") for name, at in attrs)
        if tag not in _EMPTY and (self._hidden or is_hidden):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.parts.append(" ")
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
