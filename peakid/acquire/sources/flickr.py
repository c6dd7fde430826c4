"""Flickr: photos that `flickr.photos.search` finds, with their licences."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from urllib.parse import urlencode

import anyio
from pydantic import TypeAdapter, ValidationError

from peakid.acquire.fetching.client import Client, NotFetched
from peakid.acquire.fetching.pace import Pace, Quota
from peakid.acquire.sources import flickr_photos
from peakid.acquire.sources.asking import Text, ask, line, valid, without
from peakid.acquire.sources.photo_source import FoundPage, Query, SearchFailed

# Documented: a key may ask 3,600 times an hour; a search has at most 4,000 results, and 500 a page.
PACE = Pace(per_s=1.0, n_at_once=1, quotas=(Quota(3600, 3600.0),))
MAX_RESULTS, PAGE_SIZE = 4000, 500
FIRST_UPLOAD = 1_072_915_200  # 2004-01-01: Flickr began in February 2004.
ADDRESS = "https://api.flickr.com/"
SORTS = ("relevance", "date-posted-desc", "date-taken-desc", "interestingness-desc")
_BUSY = frozenset({0, 10, 105, 106, 201})  # "Service currently unavailable" and the like.
_N_ATTEMPTS = 3
_KEY_REMEDY = "Get a key at https://www.flickr.com/services/apps/create/ and set PEAKID_FLICKR_KEY to it."


@dataclass(frozen=True)
class _Photos:
    total: int
    photo: list[object]


@dataclass(frozen=True)
class _Answer:
    stat: str
    photos: _Photos | None = None
    code: int = -1
    message: Text = ""


@dataclass(frozen=True)
class _Place:
    """Where a search goes on.

    Attributes:
        size: Photos a page.
        spans: First and last second of upload of what is left, the first span is read now. None: all dates.
        is_of_any: The pages are counted with photos of every licence, as older collections did.
    """

    page: int = 1
    size: int = PAGE_SIZE
    spans: tuple[tuple[int, int], ...] = ()
    is_of_any: bool = False

    @property
    def cursor(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def halved(self, span: tuple[int, int]) -> "_Place":
        """Put the halves of a span in the place of the first one, the older half first."""
        middle = (span[0] + span[1]) // 2
        return _Place(1, self.size, ((span[0], middle), (middle + 1, span[1]), *self.spans[1:]))

    def after(self, photos: _Photos, now: int) -> str:
        """Return the cursor of what follows a page; '' = nothing."""
        if photos.photo and self.page * self.size < min(photos.total, MAX_RESULTS):
            return replace(self, page=self.page + 1).cursor
        if not self.spans:
            return self.halved((FIRST_UPLOAD, now)).cursor if photos.total > MAX_RESULTS else ""
        return replace(self, page=1, spans=self.spans[1:]).cursor if self.spans[1:] else ""


_ANSWER, _PLACE = TypeAdapter(_Answer), TypeAdapter(_Place)


def after_page(page: int, *, size: int) -> str:
    """Return the cursor of a search that goes on after a page of `size` photos of every licence."""
    return _Place(page + 1, size, is_of_any=True).cursor


@dataclass(frozen=True)
class Flickr:
    """The service. `key` is that of the person, `stand_in` a server that is asked in place of Flickr."""

    key: str = field(repr=False)
    stand_in: str = ""
    first_wait_s: float = 5.0
    name: str = "flickr"
    title: str = "Flickr"
    terms_url: str = "https://www.flickr.com/services/api/flickr.photos.search.html"
    options: tuple[str, ...] = ("sort",)

    @property
    def paces(self) -> Mapping[str, Pace]:
        return {} if self.stand_in else {"api.flickr.com": PACE}

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        """Return a page; see `PhotoSource`. Past 4,000 results it goes on in spans of upload dates."""
        try:
            place = _PLACE.validate_json(cursor) if cursor else _Place()
        except ValidationError:  # Of another version. What it has found is known.
            place = _Place()
        photos = await self._asked(client, self._parameters(query, place))
        if place.spans and place.page == 1 and photos.total > MAX_RESULTS and len(set(place.spans[0])) == 2:
            return FoundPage((), place.halved(place.spans[0]).cursor)
        listed = valid(photos.photo, flickr_photos.LISTED, title=self.title)
        found = flickr_photos.found(
            each for each in listed if query.licences == "any" or each.license in flickr_photos.OPEN
        )
        n_available = None if place.spans else photos.total
        further = place.after(photos, int(time.time()))
        return FoundPage(tuple(found), further, n_available, repeats=bool(place.spans))

    def _parameters(self, query: Query, place: _Place) -> Mapping[str, str]:
        if not self.key:
            raise SearchFailed("Flickr can only be searched with a key.", _KEY_REMEDY)
        sort = query.options.get("sort", SORTS[0])
        if sort not in SORTS:
            raise SearchFailed(f"Flickr has no order {sort!r}.", f"Set sort to one of {', '.join(SORTS)}.")
        dates = [{"min_upload_date": str(least), "max_upload_date": str(most)} for least, most in place.spans]
        is_open = query.licences == "open" and not place.is_of_any
        return {
            "method": "flickr.photos.search",
            "format": "json",
            "nojsoncallback": "1",
            "text": query.text,
            "sort": sort,
            "media": "photos",
            "content_types": "0",  # No screenshots, drawings and virtual photos.
            "safe_search": "1",
            "extras": ",".join(flickr_photos.EXTRAS),
            "per_page": str(place.size),
            "page": str(place.page),
            **({"license": ",".join(flickr_photos.OPEN)} if is_open else {}),
            **(dates[0] if dates else {}),
            "api_key": self.key,
        }

    async def _asked(self, client: Client, parameters: Mapping[str, str]) -> _Photos:
        url = f"{self.stand_in or ADDRESS}services/rest/?{urlencode(parameters)}"
        for attempt in range(_N_ATTEMPTS):
            answer, _ = await ask(client, url, _ANSWER, title=self.title, secret=self.key)
            if answer.stat == "ok" and answer.photos is not None:
                return answer.photos
            if answer.code not in _BUSY:
                break
            if attempt < _N_ATTEMPTS - 1:
                await anyio.sleep(self.first_wait_s * 4**attempt)
        said = f"Flickr answers: {line(without(answer.message, self.key))} (code {answer.code})."
        if answer.code == 100:
            raise SearchFailed("Flickr does not accept the key.", _KEY_REMEDY)
        if answer.code in _BUSY:
            raise NotFetched("unreachable", said, is_passing=True)
        raise SearchFailed(said, "Change the search.")
