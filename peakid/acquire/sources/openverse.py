"""Openverse: photos with open licences that it lists from Flickr, museums and others."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import anyio
from pydantic import TypeAdapter

from peakid import licences
from peakid.acquire.fetching.client import Client, NotFetched, Response
from peakid.acquire.fetching.pace import Pace, Quota
from peakid.acquire.sources.asking import Text, ask, line, valid
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.records import Credit

# Its responses state them: 20 requests a minute and 200 a day without a token, 100 and 10,000 with one.
ANONYMOUS = Pace(per_s=1.0, n_at_once=1, quotas=(Quota(20, 60.0), Quota(200, 86_400.0)))
WITH_TOKEN = Pace(per_s=1.0, n_at_once=1, quotas=(Quota(100, 60.0), Quota(10_000, 86_400.0)))
MAX_PAGES, PAGE_SIZE, PAGE_SIZE_WITH_TOKEN = 20, 20, 50
ADDRESS = "https://api.openverse.org/"
OPEN = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm")
MAX_WAIT_S = 90.0
_PERIODS = {"second": 1.0, "sec": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "day": 86_400.0}
_LIMIT = re.compile(r"(\d+)/([a-z]+)")
_VALUE = re.compile(r"[\w,.+ -]{1,200}")
_TOKEN_REMEDY = (
    "Get an access token as https://api.openverse.org/v1/#tag/auth says and set PEAKID_OPENVERSE_TOKEN."
)
_LATER = "Continue with `peakid collect run` later"


@dataclass(frozen=True)
class _Image:
    url: Text
    title: Text = ""
    foreign_landing_url: Text = ""
    creator: Text = ""
    license: Text = ""
    license_version: Text = ""
    license_url: Text = ""
    filetype: Text = ""
    mature: bool | None = None


@dataclass(frozen=True)
class _Answer:
    result_count: int
    page_count: int
    results: list[object]


_sleep = anyio.sleep
_ANSWER, _IMAGE = TypeAdapter(_Answer), TypeAdapter(_Image)


@dataclass
class Openverse:
    """The service. `token` is that of the person, '' = none; `stand_in` a server that is asked instead."""

    token: str = field(default="", repr=False)
    stand_in: str = ""
    now: Callable[[], float] = time.monotonic
    name: str = "openverse"
    title: str = "Openverse"
    terms_url: str = "https://docs.openverse.org/terms_of_service.html"
    options: tuple[str, ...] = ("source", "category", "extension", "aspect_ratio", "size")
    _used_up: dict[str, float] = field(default_factory=dict, init=False, repr=False)  # Until when, by limit.

    @property
    def paces(self) -> Mapping[str, Pace]:
        pace = WITH_TOKEN if self.token else ANONYMOUS
        return {} if self.stand_in else {"api.openverse.org": pace}

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        """Return a page; see `PhotoSource`. Openverse gives the first photos of a search only, 240 today."""
        page = int(cursor) if cursor.isdecimal() else 1
        answer = await self._asked(client, self._parameters(query, page))
        listed = valid(answer.results, _IMAGE, title=self.title)
        found = [_found(each) for each in listed if not each.mature and each.filetype != "svg"]
        is_more = bool(answer.results) and page < min(answer.page_count, MAX_PAGES)
        return FoundPage(
            tuple(each for each in found if each and (query.licences == "any" or _is_open(each))),
            str(page + 1) if is_more else "",
            answer.result_count,
        )

    def _parameters(self, query: Query, page: int) -> Mapping[str, str]:
        for name, value in query.options.items():
            if not _VALUE.fullmatch(value):
                raise SearchFailed(f"Openverse has no {name} {value[:40]!r}.", "See its documentation.")
        return {
            "q": query.text,
            **({"license": ",".join(OPEN)} if query.licences == "open" else {}),
            **query.options,
            "mature": "false",
            "page": str(page),
            "page_size": str(PAGE_SIZE_WITH_TOKEN if self.token else PAGE_SIZE),
        }

    async def _asked(self, client: Client, parameters: Mapping[str, str]) -> _Answer:
        await self._wait()
        url = f"{self.stand_in or ADDRESS}v1/images/?{urlencode(parameters)}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer, response = await ask(
                client, url, _ANSWER, title=self.title, secret=self.token, headers=headers
            )
        except NotFetched as error:
            refused = self._refused(error.status)
            raise refused or error from None
        self._note_limits(response)
        return answer

    def _refused(self, status: int | None) -> SearchFailed | None:
        if status == 401 and self.token:
            return SearchFailed("Openverse does not accept the access token.", _TOKEN_REMEDY)
        if status in (401, 403):
            return SearchFailed("Openverse allows this search with an access token only.", _TOKEN_REMEDY)
        if status == 400:
            return SearchFailed("Openverse does not take the search.", "Change its text or its options.")
        return self._too_many() if status == 429 else None

    def _too_many(self) -> SearchFailed:
        whose = "with this token" if self.token else "without a token"
        return SearchFailed(
            f"The requests that Openverse allows {whose} are used up for now.",
            f"{_LATER}." if self.token else f"{_LATER}, or with a token. {_TOKEN_REMEDY}",
        )

    async def _wait(self) -> None:
        """Wait until a limit that the last response said is reached has passed.

        Raises:
            SearchFailed: If that takes longer than `MAX_WAIT_S`.
        """
        wait_s = max(self._used_up.values(), default=0.0) - self.now()
        if wait_s > MAX_WAIT_S:
            raise self._too_many()
        if wait_s > 0:
            await _sleep(wait_s)

    def _note_limits(self, response: Response) -> None:
        """Read `X-RateLimit-Limit-NAME: 20/min` with `X-RateLimit-Available-NAME: 0`."""
        for header, value in response.headers.items():
            name = header.removeprefix("x-ratelimit-limit-")
            limit = _LIMIT.fullmatch(value.strip().lower())
            if name == header or limit is None or limit[2] not in _PERIODS:
                continue
            if response.headers.get(f"x-ratelimit-available-{name}", "").strip() == "0":
                self._used_up[name] = self.now() + _PERIODS[limit[2]]


def _found(image: _Image) -> FoundPhoto | None:
    if not image.url.startswith(("https://", "http://")):
        return None
    given = image.license_url or f"{image.license} {image.license_version}"
    is_page = image.foreign_landing_url.startswith(("https://", "http://"))
    credit = Credit(
        image.foreign_landing_url if is_page else None,
        licences.named(given if licences.parse(given).code else image.license) or None,
        line(image.creator) or None,
    )
    # Its thumbnails are made by the interface itself, which counts them: there is none for this use.
    return FoundPhoto(image.url, credit, line(image.title))


def _is_open(photo: FoundPhoto) -> bool:
    return licences.parse(photo.credit.licence).is_in("open")
