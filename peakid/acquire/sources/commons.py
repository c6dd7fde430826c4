"""Photos of Wikimedia Commons: found by words, or those of a category and its sub-categories.

Documented etiquette: one request at a time, `maxlag`, a contact in the user agent; of the photos two at a
time and 25 megabits a second, in one of the widths that thumbnails have.
"""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

from peakid.acquire.fetching.client import Client
from peakid.acquire.fetching.pace import ByteQuota, Pace
from peakid.acquire.sources import answers, commons_answers
from peakid.acquire.sources.commons_answers import Answer, Continuation, Counts, Info, plain
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.records import Credit

HOST = "commons.wikimedia.org"
WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)  # All others are answered with 400.
PAGE_SIZE = 50
MAX_DEPTH, MAX_CATEGORIES = 5, 500
MAX_RESULTS = 10_000  # Of one search by words: the search engine of the wikis gives no more.
_MAX_EMPTY = 10  # Categories without photos that one call passes, so that the cursor is stored in between.
_SMALL = 330
_READ = frozenset(f"image/{each}" for each in ("jpeg", "png", "webp", "gif", "bmp", "x-bmp", "tiff"))
_FIELDS = "LicenseShortName|LicenseUrl|License|Artist|DateTimeOriginal|ObjectName|GPSLatitude|GPSLongitude"
_CATEGORY = re.compile(r"category\s*:\s*", re.IGNORECASE)


class _Cursor(BaseModel):
    """The walk: the categories found so far with their depth, which of them is read, and where in it."""

    categories: list[tuple[str, int]] = []
    at: int = Field(0, ge=0)
    further: Continuation = {}


class Commons:
    """Search files for words, or list those of a category: the text is then `Category:NAME`.

    Options: `depth` is how many levels of sub-categories are read, 0 (the default) to 5, each category once
    and at most 500 of them; `width` is that of the photos, 1280 (the default) or 1920 px.
    """

    name: Literal["commons"] = "commons"
    title = "Wikimedia Commons"
    terms_url = "https://www.mediawiki.org/wiki/API:Etiquette"
    options = ("depth", "width")
    paces: Mapping[str, Pace] = {
        HOST: Pace(per_s=1, n_at_once=1),
        "upload.wikimedia.org": Pace(per_s=4, n_at_once=2, byte_quotas=(ByteQuota(31_250_000, 10),)),
    }

    def __init__(self, stand_in: str = "") -> None:
        self._url = f"{stand_in or f'https://{HOST}/'}w/api.php"
        self._needs_contact = not stand_in

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        """Return up to 50 photos; see `PhotoSource.page`."""
        if self._needs_contact and not client.contact:
            raise SearchFailed(
                "Wikimedia Commons wants to know how to reach those who collect from it.",
                "Set PEAKID_CONTACT to a page or an address.",
            )
        width = int(answers.chosen(self.title, query, "width", ("1280", "1920")))
        depth = int(answers.chosen(self.title, query, "depth", tuple(map(str, range(MAX_DEPTH + 1)))))
        at = answers.state_of(self.title, cursor, _Cursor)
        if _CATEGORY.match(query.text):
            return await self._of_category(client, query, at, width=width, depth=depth)
        n_available = None
        search = {"srsearch": f"{query.text} filetype:bitmap", "srnamespace": "6"}
        if not cursor:
            asked = {"list": "search", **search, "srlimit": "1", "srinfo": "totalhits", "srprop": ""}
            hits = (await self._ask(client, asked)).query.searchinfo
            n_available = hits.totalhits if hits else None
        asked = {"generator": "search", "gsrlimit": str(PAGE_SIZE), **{f"g{k}": v for k, v in search.items()}}
        found = await self._files(client, asked, at.further, width)
        is_last = not found.further or _offset(found.further) + PAGE_SIZE > MAX_RESULTS
        further = "" if is_last else answers.cursor_of(_Cursor(further=found.further))
        return FoundPage(_photos(found, query, width), further, n_available)

    async def _of_category(
        self, client: Client, query: Query, at: _Cursor, *, width: int, depth: int
    ) -> FoundPage:
        """Return the photos of the next category that has some."""
        n_available = None
        if not at.categories:
            name = f"Category:{_CATEGORY.sub('', query.text, count=1)}"
            counts = await self._counts(client, name)
            n_available = counts.files if not depth or not counts.subcats else None
            at = _Cursor(categories=[(name, 0)])
        photos: tuple[FoundPhoto, ...] = ()
        for _ in range(_MAX_EMPTY):
            category, level = at.categories[at.at]
            if not at.further and level < depth:
                at.categories.extend(await self._within(client, category, level + 1, at.categories))
            asked = {"generator": "categorymembers", "gcmtype": "file", "gcmlimit": str(PAGE_SIZE)}
            found = await self._files(client, asked | {"gcmtitle": category}, at.further, width)
            photos = _photos(found, query, width)
            at.further, at.at = found.further, at.at + (not found.further)
            if photos or at.at >= len(at.categories):
                break
        is_last = at.at >= len(at.categories)
        # A file can be in several categories, so that a page of known ones says nothing of the next one.
        further = "" if is_last else answers.cursor_of(at)
        return FoundPage(photos, further, n_available, repeats=len(at.categories) > 1)

    async def _counts(self, client: Client, category: str) -> Counts:
        found = await self._ask(client, {"titles": category, "prop": "categoryinfo"})
        counts = found.query.pages[0].categoryinfo if found.query.pages else None
        if counts is None or not counts.files + counts.subcats:
            raise SearchFailed(
                f"Wikimedia Commons has no files in {category[:200]!r}.", "Check the name of the category."
            )
        return counts

    async def _within(
        self, client: Client, category: str, level: int, known: list[tuple[str, int]]
    ) -> list[tuple[str, int]]:
        """Return the sub-categories of a category that are not known yet, within the largest number."""
        seen, found = {name for name, _ in known}, list[tuple[str, int]]()
        further: Continuation = {}
        while len(seen) < MAX_CATEGORIES:
            asked = {"list": "categorymembers", "cmtitle": category, "cmtype": "subcat", "cmlimit": "500"}
            answer = await self._ask(client, asked, further)
            for each in answer.query.categorymembers:
                if each.title not in seen and len(seen) < MAX_CATEGORIES:
                    seen.add(each.title)
                    found.append((each.title, level))
            further = answer.further
            if not further:
                break
        return found

    async def _files(
        self, client: Client, asked: Mapping[str, str], further: Continuation, width: int
    ) -> Answer:
        more = {"prop": "imageinfo", "iiprop": "url|size|mime|extmetadata", "iiextmetadatafilter": _FIELDS}
        return await self._ask(client, {**asked, **more, "iiurlwidth": str(width)}, further)

    async def _ask(
        self, client: Client, asked: Mapping[str, str], further: Continuation | None = None
    ) -> Answer:
        return await commons_answers.ask(client, self.title, self._url, asked, further)


def _offset(further: Continuation) -> int:
    given = str(further.get("gsroffset", ""))
    return int(given) if re.fullmatch(r"[0-9]{1,9}", given) else 0


def _photos(answer: Answer, query: Query, width: int) -> tuple[FoundPhoto, ...]:
    pages = sorted(answer.query.pages, key=lambda each: each.index)
    found = (_photo(each.title, each.imageinfo[0], query, width) for each in pages if each.imageinfo)
    return tuple(each for each in found if each)


def _photo(title: str, info: Info, query: Query, width: int) -> FoundPhoto | None:
    given = {name: each.value for name, each in info.extmetadata.items()}
    licence = answers.licence_of(
        *(given.get(each, "") for each in ("LicenseShortName", "LicenseUrl", "License"))
    )
    original, thumbnail = answers.web_url(info.url), answers.web_url(info.thumburl)
    if info.mime not in _READ or not original or not answers.is_wanted(query, licence):
        return None
    is_smaller = thumbnail and info.thumbwidth == width < info.width
    step = f"/{info.thumbwidth}px-"
    small = thumbnail.replace(step, f"/{_SMALL}px-") if is_smaller and thumbnail.count(step) == 1 else ""
    author = plain(given.get("Artist", ""))[: answers.MAX_CHARS]
    name = given.get("ObjectName") or title.removeprefix("File:").rpartition(".")[0]
    return FoundPhoto(
        thumbnail if is_smaller else original,
        Credit(answers.web_url(info.descriptionurl) or None, plain(licence) or None, author or None),
        plain(name)[: answers.MAX_CHARS],
        answers.date_of(given.get("DateTimeOriginal", "")),
        *answers.place_of(*(answers.degrees(given.get(each)) for each in ("GPSLatitude", "GPSLongitude"))),
        thumbnail_url=small,
    )
