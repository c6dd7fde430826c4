"""GBIF's `GET /v1/species/match` and `/v1/occurrence/search` as they are documented: pages of 300, 100,000.

The shapes are those of recorded answers, without what nobody reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from peakid import licences
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.inaturalist import sent
from tests.acquire.sources.played.library import Library, Photo

FIRST_TAXON = 2_433_753


@dataclass
class PlayedGbif:
    """Answers requests under `/gbif/`; the classes of the library are the names of species.

    Attributes:
        asked: Path and parameters of each request.
    """

    library: Library
    max_offset: int = 100_000
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def answer(self, asked: Asked, _n_before: int) -> Answer:
        parts = urlsplit(asked.path)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, given))
        names = list(dict.fromkeys(each.words for each in self.library.photos))
        if parts.path == "/gbif/v1/species/match":
            return sent(_match(given.get("name", ""), names))
        if parts.path != "/gbif/v1/occurrence/search":
            return Answer(status=404)
        limit, offset = min(int(given.get("limit", 20)), 300), int(given.get("offset", 0))
        if limit + offset > self.max_offset:
            return Answer(b"Max offset of 100001 exceeded: 100001 + 300", status=400)
        at = int(given.get("taxonKey", 0)) - FIRST_TAXON
        found = list(self.library.found(names[at])) if 0 <= at < len(names) else []
        if given.get("basisOfRecord") not in (None, "HUMAN_OBSERVATION"):
            found = []
        url = f"http://{asked.headers['host']}"
        return sent(
            {
                "offset": offset,
                "limit": limit,
                "endOfRecords": offset + limit >= len(found),
                "count": len(found),
                "results": [_occurrence(each, url) for each in found[offset : offset + limit]],
                "facets": [],
            }
        )


def _match(name: str, names: list[str]) -> Mapping[str, object]:
    if name not in names:
        return {"confidence": 100, "matchType": "NONE", "synonym": False}
    return {
        "usageKey": FIRST_TAXON + names.index(name),
        "scientificName": f"{name} (Linnaeus, 1758)",
        "canonicalName": name,
        "rank": "SPECIES",
        "status": "ACCEPTED",
        "confidence": 99,
        "matchType": "EXACT",
        "kingdom": "Animalia",
        "synonym": False,
        "class": "Mammalia",
    }


def _occurrence(photo: Photo, url: str) -> Mapping[str, object]:
    key = 4_416_833_000 + photo.number
    licence = licences.parse(photo.licence)
    day = f"2023-09-{photo.number % 28 + 1:02d}"
    media = {
        "type": "StillImage",
        "format": "image/jpeg",
        "references": f"https://www.inaturalist.org/photos/{photo.number}",
        "created": f"{day}T18:30:00.000+00:00",
        "creator": photo.author,
        "publisher": "iNaturalist",
        "license": licence.url or photo.licence,
        "rightsHolder": photo.author,
        "identifier": f"{url}/photos/{photo.number}.jpg",
    }
    if photo.number % 2:  # As some museums publish them.
        media = {"type": "StillImage", "identifier": media["identifier"], "license": media["license"]}
    sound = {"type": "Sound", "format": "audio/mp4", "identifier": f"{url}/sounds/{photo.number}.m4a"}
    place = {"decimalLatitude": 37.2, "decimalLongitude": -122.1} if photo.number % 2 == 0 else {}
    return {
        "key": key,
        "datasetKey": "50c9509d-22c7-4a22-a47d-8c48425ef4a7",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "scientificName": f"{photo.words} (Linnaeus, 1758)",
        "license": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
        "eventDate": f"{day}/2023-09-30",
        "references": "" if photo.number % 2 else f"https://www.inaturalist.org/observations/{photo.number}",
        "media": [media, sound],
        "gbifID": str(key),
        **place,
    }
