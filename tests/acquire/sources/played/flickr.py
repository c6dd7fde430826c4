"""Flickr's `flickr.photos.search` as it is documented: paging, 4,000 results, dates, licences, failures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.library import Library, Photo

KEY = "0123456789abcdef0123456789abcdef"
IDS = {
    "All rights reserved": "0",
    **{"CC BY-NC-SA 2.0": "1", "CC BY-NC 2.0": "2", "CC BY-NC-ND 2.0": "3", "CC BY 2.0": "4"},
    **{"CC BY-SA 2.0": "5", "CC BY-ND 2.0": "6", "No known copyright restrictions": "7"},
    **{"United States Government Work": "8", "CC0 1.0": "9", "Public domain": "10"},
    **{"CC BY 4.0": "11", "CC BY-SA 4.0": "12", "CC BY-ND 4.0": "13", "CC BY-NC 4.0": "14"},
    **{"CC BY-NC-SA 4.0": "15", "CC BY-NC-ND 4.0": "16"},
}
MAX_RESULTS = 4000


@dataclass
class PlayedFlickr:
    """Answers requests under `/flickr/`. `asked` has the parameters of each search."""

    library: Library
    key: str = KEY
    max_results: int = MAX_RESULTS
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self, asked: Asked, _n_before: int) -> Answer:
        parts = urlsplit(asked.path)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/flickr/services/rest/":
            return Answer(status=404)
        self.asked.append(given)
        if given.get("api_key") != self.key:
            return failed(100, f"Invalid API Key ({given.get('api_key', '')} has invalid format)")
        if given.get("method") != "flickr.photos.search":
            return failed(112, f'Method "{given.get("method")}" not found')
        if not given.get("text"):
            return failed(3, "Parameterless searches have been disabled. Please use flickr.photos.getRecent.")
        return sent({"photos": self._page(given, f"http://{asked.headers['host']}"), "stat": "ok"})

    def _page(self, given: Mapping[str, str], url: str) -> Mapping[str, object]:
        wanted = set(given["license"].split(",")) if "license" in given else None
        least, most = int(given.get("min_upload_date", 0)), int(given.get("max_upload_date", 2**40))
        found = [
            each
            for each in self.library.found(given["text"])
            if (wanted is None or IDS[each.licence] in wanted) and least <= each.uploaded_at <= most
        ]
        if given.get("sort", "date-posted-desc") == "date-posted-desc":
            found.sort(key=lambda each: -each.uploaded_at)
        size = min(int(given.get("per_page", 100)), 500)
        n_pages = -(-len(found) // size)
        n_reached = -(-min(len(found), self.max_results) // size)
        page = max(1, min(int(given.get("page", 1)), n_reached))  # A later page repeats the last one.
        shown = found[: self.max_results][(page - 1) * size : page * size]
        photos = [_photo(each, url, given.get("extras", "").split(",")) for each in shown]
        return {"page": page, "pages": n_pages, "perpage": size, "total": len(found), "photo": photos}


def failed(code: int, message: str) -> Answer:
    """Return the answer to a request that fails; its status is 200."""
    return sent({"stat": "fail", "code": code, "message": message})


def sent(document: object) -> Answer:
    return Answer(json.dumps(document).encode(), headers={"Content-Type": "application/json; charset=utf-8"})


def _photo(photo: Photo, url: str, extras: list[str]) -> Mapping[str, object]:
    picture = f"{url}/photos/{photo.number}"
    has_place = photo.number % 2 == 0
    more: Mapping[str, Mapping[str, object]] = {
        "license": {"license": IDS[photo.licence]},
        "owner_name": {"ownername": photo.author},
        "date_taken": {
            "datetaken": f"2019-07-{photo.number % 28 + 1:02d} 11:02:03",
            "datetakengranularity": "0",
            "datetakenunknown": "1" if photo.number % 5 == 4 else 0,
        },
        "geo": {"latitude": "46.5765", "longitude": "7.9904", "accuracy": "16"}
        if has_place
        else {"latitude": 0, "longitude": 0, "accuracy": 0},
        "path_alias": {"pathalias": "adams" if has_place else None},
        "url_l": {"url_l": f"{picture}.jpg", "height_l": 683, "width_l": "1024"} if photo.number % 3 else {},
        "url_z": {"url_z": f"{picture}.jpg", "height_z": "427", "width_z": 640},
        "url_n": {"url_n": f"{picture}_small.jpg", "height_n": 213, "width_n": "320"},
    }
    found = [more.get(name.strip(), {}) for name in extras]
    return {
        "id": str(50_000_000_000 + photo.number),
        "owner": "12345678@N00",
        "secret": "a1b2c3d4e5",
        "server": "65535",
        "farm": 66,
        "title": photo.title,
        "ispublic": 1,
        "isfriend": 0,
        "isfamily": 0,
        **{name: value for each in found for name, value in each.items()},
    }
