"""What Flickr lists of a photo: its sizes, licence, author, date and place."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import TypeAdapter

from peakid import licences
from peakid.acquire.sources.asking import Number, Text, line
from peakid.acquire.sources.photo_source import FoundPhoto
from peakid.records import Credit

# flickr.photos.licenses.getInfo; 11 to 16 since June 2025.
LICENCES: Mapping[str, str] = {
    "0": "All rights reserved",
    **{"1": "CC BY-NC-SA 2.0", "2": "CC BY-NC 2.0", "3": "CC BY-NC-ND 2.0"},
    **{"4": "CC BY 2.0", "5": "CC BY-SA 2.0", "6": "CC BY-ND 2.0"},
    **{"7": "No known copyright restrictions", "8": "United States Government Work"},
    **{"9": "CC0 1.0", "10": "Public Domain Mark 1.0"},
    **{"11": "CC BY 4.0", "12": "CC BY-SA 4.0", "13": "CC BY-ND 4.0"},
    **{"14": "CC BY-NC 4.0", "15": "CC BY-NC-SA 4.0", "16": "CC BY-NC-ND 4.0"},
}
OPEN = tuple(number for number, name in LICENCES.items() if licences.parse(name).is_in("open"))
_SIZES = (
    "url_l",
    "url_h",
    "url_k",
    "url_o",
    "url_c",
    "url_z",
    "url_m",
    "url_n",
)  # 1,024 px first; o: as uploaded.
_THUMBNAILS = ("url_n", "url_s", "url_m", "url_q")  # 320, 240 and 500 px, and a square of 150 px.
EXTRAS = ("license", "owner_name", "date_taken", "geo", "path_alias", *sorted({*_SIZES, *_THUMBNAILS}))
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)")
_DATE_CHARS = {"0": 19, "4": 7, "6": 4, "8": 4}  # By granularity: exact, a month, a year, about a year.


@dataclass(frozen=True)
class Listed:
    """An entry of a page, with the names that Flickr documents."""

    id: Text
    owner: Text
    secret: Text = ""
    server: Text = ""
    title: Text = ""
    license: Text = ""
    ownername: Text = ""
    pathalias: Text = ""
    datetaken: Text = ""
    datetakengranularity: Text = "0"
    datetakenunknown: Text = "0"
    latitude: Number = None
    longitude: Number = None
    accuracy: Number = None
    url_l: Text = ""
    url_h: Text = ""
    url_k: Text = ""
    url_o: Text = ""
    url_c: Text = ""
    url_z: Text = ""
    url_m: Text = ""
    url_n: Text = ""
    url_s: Text = ""
    url_q: Text = ""

    def url(self, names: tuple[str, ...]) -> str:
        """Return the first of the sizes that there is; '' = none."""
        urls: list[str] = [getattr(self, name) for name in names]
        return next((url for url in urls if url.startswith(("https://", "http://"))), "")


LISTED = TypeAdapter(Listed)


def found(listed: Iterable[Listed]) -> Iterator[FoundPhoto]:
    """Yield the photos that have an address."""
    return (each for each in map(_found, listed) if each is not None)


def _found(photo: Listed) -> FoundPhoto | None:
    url = photo.url(_SIZES)
    if not url and photo.server and photo.secret:
        parts = map(quote, (photo.server, photo.id, photo.secret))
        url = "https://live.staticflickr.com/{}/{}_{}.jpg".format(*parts)  # 500 px.
    if not url:
        return None
    owner = quote(photo.pathalias or photo.owner, safe="@")
    page_url = f"https://www.flickr.com/photos/{owner}/{quote(photo.id)}"
    licence = licences.named(LICENCES.get(photo.license, "")) or None
    has_place = photo.accuracy and photo.latitude is not None and photo.longitude is not None
    return FoundPhoto(
        url,
        Credit(page_url, licence, line(photo.ownername) or None),
        line(photo.title),
        _taken_at(photo),
        photo.latitude if has_place else None,
        photo.longitude if has_place else None,
        photo.url(_THUMBNAILS),
    )


def _taken_at(photo: Listed) -> str:
    if photo.datetakenunknown == "1" or not _DATE.fullmatch(photo.datetaken):
        return ""
    return photo.datetaken.replace(" ", "T")[: _DATE_CHARS.get(photo.datetakengranularity, 4)]
