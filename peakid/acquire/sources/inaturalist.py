"""Photos of iNaturalist: those of observations of a species or a group of species.

Documented limits: 60 requests a minute, 10,000 a day, 10,000 observations a query, 5 GB of photos an hour
and 24 GB a day. A query is split by the number of the observation (`id_below`), so no page is ever deep.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, Field

from peakid.acquire.fetching.client import Client
from peakid.acquire.fetching.pace import ByteQuota, Pace, Quota
from peakid.acquire.sources import answers
from peakid.acquire.sources.answers import Degrees, Text
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.records import Credit

HOST = "api.inaturalist.org"
PAGE_SIZE = 200
_OPEN = "cc0,cc-by,cc-by-nc,cc-by-sa,cc-by-nd,cc-by-nc-sa,cc-by-nc-nd,pd"
_GRADES = ("research", "needs_id", "casual", "any")
_SIZES = ("large", "original")  # 1,024 and 2,048 px.
_AUTHOR = re.compile(r"\(c\)\s+(.+?),\s")
_SQUARE = re.compile(r"/square\.(\w+)")
_MEDIA = Pace(
    per_s=4,
    n_at_once=2,
    byte_quotas=(ByteQuota(5 * 10**9, 3600), ByteQuota(24 * 10**9, 86_400)),
    shared_as="the photos of iNaturalist",
)
MEDIA_PACES: Mapping[str, Pace] = dict.fromkeys(
    (
        "static.inaturalist.org",
        "inaturalist-open-data.s3.amazonaws.com",
        "inaturalist-open-data.s3.us-east-1.amazonaws.com",
    ),
    _MEDIA,
)


class _Photo(BaseModel):
    id: int
    license_code: Text = ""
    attribution: Text = ""
    url: Text = ""


class _Taxon(BaseModel):
    id: int = 0
    name: Text = ""
    preferred_common_name: Text = ""
    matched_term: Text = ""
    observations_count: int = 0

    @property
    def title(self) -> str:
        common = self.preferred_common_name
        return f"{self.name} ({common})".strip() if common and common != self.name else self.name


class _User(BaseModel):
    login: Text = ""
    name: Text = ""


class _Place(BaseModel):
    coordinates: tuple[Degrees, Degrees] = (None, None)


class _Observation(BaseModel):
    id: int = Field(gt=0)
    uri: Text = ""
    observed_on: Text = ""
    time_observed_at: Text = ""
    obscured: bool = False
    geojson: _Place | None = None
    taxon: _Taxon | None = None
    user: _User | None = None
    photos: list[_Photo] = []


class _Answer(BaseModel):
    total_results: int = Field(ge=0)
    results: list[_Observation]


class _Taxa(BaseModel):
    results: list[_Taxon]


class _Cursor(BaseModel):
    taxon: int = Field(0, ge=0)
    below: int = 0


class INaturalist:
    """Search observations by the scientific or common name of a taxon, or by its number.

    Options: `quality` is the grade of the identification: research (the default), needs_id, casual or any;
    `size` is large (1,024 px, the default) or original (2,048 px).
    """

    name: Literal["inaturalist"] = "inaturalist"
    title = "iNaturalist"
    terms_url = "https://www.inaturalist.org/pages/api+recommended+practices"
    options = ("quality", "size")
    paces: Mapping[str, Pace] = {
        HOST: Pace(per_s=1, n_at_once=1, quotas=(Quota(60, 60), Quota(10_000, 86_400))),
        **MEDIA_PACES,
    }

    def __init__(self, stand_in: str = "") -> None:
        self._url = f"{stand_in or f'https://{HOST}/'}v1/"

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        """Return the photos of up to 200 observations, newest first; see `PhotoSource.page`."""
        at = answers.state_of(self.title, cursor, _Cursor)
        size = answers.chosen(self.title, query, "size", _SIZES)
        grade = answers.chosen(self.title, query, "quality", _GRADES)
        taxon = at.taxon or await self._taxon(client, query.text)
        asked = {
            "taxon_id": str(taxon),
            "photos": "true",
            "order_by": "id",
            "order": "desc",
            "per_page": str(PAGE_SIZE),
            **({"photo_license": _OPEN} if query.licences == "open" else {}),
            **({"quality_grade": grade} if grade != "any" else {}),
            **({"id_below": str(at.below)} if at.below else {}),
        }
        found, _ = await answers.fetched(client, self.title, f"{self._url}observations", asked, _Answer)
        photos = tuple(photo for each in found.results for photo in _photos(each, query, size))
        below = min((each.id for each in found.results), default=0)
        is_last = len(found.results) < PAGE_SIZE or (at.below and below >= at.below)
        further = "" if is_last else answers.cursor_of(_Cursor(taxon=taxon, below=below))
        return FoundPage(photos, further, None if cursor else found.total_results)

    async def _taxon(self, client: Client, text: str) -> int:
        """Return the number of a taxon; of several with one name, that with the most observations.

        Raises:
            SearchFailed: If none has this name, scientific or common.
        """
        if text.isascii() and text.isdigit():
            return int(text[:18])
        asked = {"q": text, "per_page": "30", "is_active": "true"}
        found, _ = await answers.fetched(client, self.title, f"{self._url}taxa/autocomplete", asked, _Taxa)
        wanted = text.casefold()
        named = [
            each
            for each in found.results
            if wanted in (n.casefold() for n in (each.name, each.preferred_common_name, each.matched_term))
        ]
        if not named:
            similar = ", ".join(list(dict.fromkeys(each.title for each in found.results if each.title))[:5])
            raise SearchFailed(
                f"iNaturalist knows no species or group with the name {text!r}.",
                f"It knows: {similar}." if similar else "Give the scientific name, such as Lutra lutra.",
            )
        return max(named, key=lambda each: each.observations_count).id


def _photos(observation: _Observation, query: Query, size: str) -> Iterator[FoundPhoto]:
    taxon, user = observation.taxon or _Taxon(), observation.user or _User()
    longitude, latitude = observation.geojson.coordinates if observation.geojson else (None, None)
    if observation.obscured:  # The place of a threatened species is shown up to 20 km away.
        longitude = latitude = None
    latitude, longitude = answers.place_of(latitude, longitude)
    page_url = (
        answers.web_url(observation.uri) or f"https://www.inaturalist.org/observations/{observation.id}"
    )
    for each in observation.photos:
        licence = _licence(each.license_code)
        url = answers.web_url(each.url)
        if not url or not answers.is_wanted(query, licence):
            continue
        named = _AUTHOR.match(each.attribution)
        author = named[1] if named else user.name or user.login
        yield FoundPhoto(
            _SQUARE.sub(rf"/{size}.\1", url),
            Credit(page_url, licence or None, author[: answers.MAX_CHARS] or None),
            taxon.title[: answers.MAX_CHARS],
            answers.date_of(observation.time_observed_at, observation.observed_on),
            latitude,
            longitude,
            _SQUARE.sub(r"/small.\1", url) if _SQUARE.search(url) else "",
        )


def _licence(code: str) -> str:
    """Return the name of a licence; those of iNaturalist have version 4.0."""
    return answers.licence_of(f"{code}-4.0" if code.startswith("cc-by") else code)
