"""Photos of occurrences in the Global Biodiversity Information Facility (GBIF).

Documented limits: 300 occurrences a page, the first 100,000 of a search. GBIF's own cache of images is not
for downloads of many: photos are fetched from their publishers.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, Field

from peakid.acquire.fetching.client import Client
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources import answers, inaturalist
from peakid.acquire.sources.answers import Degrees, Text
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.records import Credit

HOST = "api.gbif.org"
PAGE_SIZE = 300
MAX_OFFSET = 100_000
_BASES = ("HUMAN_OBSERVATION", "MACHINE_OBSERVATION", "PRESERVED_SPECIMEN", "LIVING_SPECIMEN", "any")
_ORIGINAL = re.compile(r"/original\.(\w+)")


class _Media(BaseModel):
    type: Text = ""
    format: Text = ""
    identifier: Text = ""
    references: Text = ""
    title: Text = ""
    created: Text = ""
    creator: Text = ""
    rightsHolder: Text = ""
    license: Text = ""


class _Occurrence(BaseModel):
    key: int
    scientificName: Text = ""
    decimalLatitude: Degrees = None
    decimalLongitude: Degrees = None
    eventDate: Text = ""
    references: Text = ""
    media: list[_Media] = []


class _Answer(BaseModel):
    offset: int = Field(ge=0)
    count: int = Field(ge=0)
    endOfRecords: bool
    results: list[_Occurrence]


class _Match(BaseModel):
    matchType: str
    usageKey: int | None = None
    acceptedUsageKey: int | None = None  # Of a synonym.


class _Cursor(BaseModel):
    taxon: int = 0
    offset: int = Field(0, ge=0)


class Gbif:
    """Search occurrences by a scientific name or the number of a taxon.

    Option: `basis` is what an occurrence is based on: HUMAN_OBSERVATION (the default), MACHINE_OBSERVATION
    (camera traps), PRESERVED_SPECIMEN, LIVING_SPECIMEN or any.
    """

    name: Literal["gbif"] = "gbif"
    title = "GBIF"
    terms_url = "https://techdocs.gbif.org/en/openapi/v1/occurrence"
    options = ("basis",)
    # No number of requests is documented; one after the other is what it advises for scripts.
    paces: Mapping[str, Pace] = {HOST: Pace(per_s=1, n_at_once=1), **inaturalist.MEDIA_PACES}

    def __init__(self, stand_in: str = "") -> None:
        self._url = f"{stand_in or f'https://{HOST}/'}v1/"

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        """Return the photos of up to 300 occurrences; see `PhotoSource.page`."""
        basis = answers.chosen(self.title, query, "basis", _BASES)
        at = answers.state_of(self.title, cursor, _Cursor)
        taxon = at.taxon or await self._taxon(client, query.text)
        size = min(PAGE_SIZE, MAX_OFFSET - at.offset)
        asked = {
            "taxonKey": str(taxon),
            "mediaType": "StillImage",
            "limit": str(size),
            "offset": str(at.offset),
            **({"basisOfRecord": basis} if basis != "any" else {}),
        }
        url = f"{self._url}occurrence/search"
        found, _ = await answers.fetched(client, self.title, url, asked, _Answer)
        photos = tuple(photo for each in found.results for photo in _photos(each, query))
        offset = at.offset + len(found.results)
        is_last = found.endOfRecords or not found.results or offset >= MAX_OFFSET
        further = "" if is_last else answers.cursor_of(_Cursor(taxon=taxon, offset=offset))
        return FoundPage(photos, further, found.count)

    async def _taxon(self, client: Client, text: str) -> int:
        """Return the number of a taxon.

        Raises:
            SearchFailed: If there is none of this name, or only a larger group.
        """
        if text.isascii() and text.isdigit():
            return int(text[:18])
        url = f"{self._url}species/match"
        found, _ = await answers.fetched(client, self.title, url, {"name": text, "strict": "true"}, _Match)
        if found.usageKey is None or found.matchType not in ("EXACT", "FUZZY", "VARIANT"):
            raise SearchFailed(
                f"GBIF knows no species or group with the name {text!r}.",
                "Give the scientific name, such as Lutra lutra, or the number of the taxon.",
            )
        return found.acceptedUsageKey or found.usageKey


def _photos(occurrence: _Occurrence, query: Query) -> Iterator[FoundPhoto]:
    latitude, longitude = answers.place_of(occurrence.decimalLatitude, occurrence.decimalLongitude)
    page_url = f"https://www.gbif.org/occurrence/{occurrence.key}"
    for each in occurrence.media:
        url = answers.web_url(each.identifier)
        is_picture = each.type == "StillImage" and not each.format.startswith("text/")  # A page with one.
        licence = answers.licence_of(each.license)
        if not url or not is_picture or not answers.is_wanted(query, licence):
            continue
        is_of_inaturalist = any(f"//{host}/" in url for host in inaturalist.MEDIA_PACES)
        author = each.creator or each.rightsHolder
        yield FoundPhoto(
            # The address that iNaturalist lists too, so that a photo of both is found once.
            _ORIGINAL.sub(r"/large.\1", url) if is_of_inaturalist else url,
            Credit(
                answers.web_url(each.references) or answers.web_url(occurrence.references) or page_url,
                licence or None,
                author[: answers.MAX_CHARS] or None,
            ),
            (each.title or occurrence.scientificName)[: answers.MAX_CHARS],
            answers.date_of(each.created, occurrence.eventDate),
            latitude,
            longitude,
            _ORIGINAL.sub(r"/small.\1", url) if is_of_inaturalist and _ORIGINAL.search(url) else "",
        )
