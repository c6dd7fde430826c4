"""iNaturalist's `GET /v1/taxa/autocomplete` and `/v1/observations` as documented: 10,000 results a query.

The shapes are those of recorded answers, without what nobody reads.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from peakid import licences
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.library import Library, Photo

FIRST_TAXON = 41_000
FIRST = 57_000_000  # The number of the observation of photo 0.
_PICTURE = re.compile(r"/inaturalist/photos/(\d+)/(square|thumb|small|medium|large|original)\.jpe?g")
_SIZES = {"square": (8, 8), "thumb": (12, 9), "small": (24, 18), "medium": (32, 24), "large": (48, 36)}


@dataclass
class PlayedINaturalist:
    """Answers requests under `/inaturalist/`. Photo N is that of observation FIRST + N; every third has two.

    Attributes:
        picture: Draws the photo of a number.
        asked: The parameters of each search.
    """

    library: Library
    picture: Callable[..., bytes]
    max_results: int = 10_000
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self, asked: Asked, _n_before: int) -> Answer:
        parts = urlsplit(asked.path)
        if found := _PICTURE.fullmatch(parts.path):
            drawn = self.picture(int(found[1]), size=_SIZES.get(found[2], (96, 72)))
            return Answer(drawn, headers={"Content-Type": "image/jpeg"})
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        names = dict(enumerate(dict.fromkeys(each.words for each in self.library.photos), FIRST_TAXON))
        if parts.path == "/inaturalist/v1/taxa/autocomplete":
            return sent(_taxa(given["q"], names))
        if parts.path != "/inaturalist/v1/observations":
            return Answer(status=404)
        self.asked.append(given)
        size, page = min(int(given.get("per_page", 30)), 200), int(given.get("page", 1))
        if size * page > self.max_results:
            text = "Result window is too large, page * per_page must be less than or equal to 10000"
            return sent({"error": text, "status": 403}, status=403)
        text = names.get(int(given.get("taxon_id", 0)), "?")
        wanted = set(given["photo_license"].split(",")) if "photo_license" in given else None
        found_ = [
            each
            for each in self.library.found(text)
            if (wanted is None or {_code(each), _second(each)} & wanted)
            and given.get("quality_grade", "research") == "research"
            and FIRST + each.number < int(given.get("id_below", 2**53))
        ]
        found_.sort(key=lambda each: each.number, reverse=given.get("order", "desc") == "desc")
        url = f"http://{asked.headers['host']}/inaturalist"
        shown = [_observation(each, url) for each in found_[(page - 1) * size : page * size]]
        return sent({"total_results": len(found_), "page": page, "per_page": size, "results": shown})


def sent(document: object, *, status: int = 200) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(json.dumps(document).encode(), status=status, headers=headers)


def _taxa(text: str, names: Mapping[int, str]) -> Mapping[str, object]:
    """Return the taxa of which a name begins with a text, with a genus that has one name with a species."""
    found = [
        {
            "id": number,
            "rank": "species",
            "name": f"{words.capitalize()} minor",
            "matched_term": words,
            "preferred_common_name": words.capitalize(),
            "observations_count": 1000,
            "is_active": True,
        }
        for number, words in names.items()
        if words.casefold().startswith(text.casefold())
    ]
    rare = [{**each, "id": 9, "rank": "genus", "observations_count": 3} for each in found[:1]]
    return {"total_results": len(rare + found), "page": 1, "per_page": 30, "results": rare + found}


def _code(photo: Photo) -> str | None:
    code = licences.parse(photo.licence).code
    return f"cc-{code}" if code.startswith("by") else code or None


def _second(photo: Photo) -> str | None:
    """Return the licence of the second photo of an observation: all rights are reserved."""
    return None if photo.number % 3 == 0 else _code(photo)


def _observation(photo: Photo, url: str) -> Mapping[str, object]:
    number = FIRST + photo.number
    day = f"2020-08-{photo.number % 28 + 1:02d}"
    has_place = photo.number % 2 == 0
    pictures = [_photo(photo.number, _code(photo), photo.author, url)]
    if photo.number % 3 == 0:
        pictures.append(_photo(photo.number + 10_000, None, photo.author, url))
    return {
        "quality_grade": "research",
        "time_observed_at": f"{day}T22:46:10+00:00" if has_place else None,
        "taxon_geoprivacy": "open",
        "uuid": f"588c9ad4-c747-497c-a52f-{number:012d}",
        "id": number,
        "species_guess": photo.words,
        "license_code": None,
        "observed_on": day,
        "captive": False,
        "taxon": {
            "rank": "species",
            "id": 48662,
            "name": photo.words.capitalize(),
            "preferred_common_name": photo.title,
        },
        "uri": f"https://www.inaturalist.org/observations/{number}",
        "geojson": {"coordinates": [-104.5628221383, 50.433418274], "type": "Point"} if has_place else None,
        "location": "50.433418274,-104.5628221383" if has_place else None,
        "obscured": photo.number % 4 == 0,
        "user": {"id": 792847, "login": "adams", "name": photo.author},
        "photos": pictures,
    }


def _photo(number: int, code: str | None, author: str, url: str) -> Mapping[str, object]:
    rights = {None: "all rights reserved", "cc0": "no rights reserved"}.get(code, "some rights reserved")
    short = f" ({code.upper().replace('CC-', 'CC ')})" if code and code != "cc0" else ""
    who = author if code == "cc0" else f"(c) {author}"
    return {
        "id": number,
        "license_code": code,
        "original_dimensions": {"width": 2048, "height": 1361},
        "url": f"{url}/photos/{number}/square.jpg",
        "attribution": f"{who}, {rights}{short}",
        "flags": [],
    }
