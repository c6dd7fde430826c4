"""Openverse's `GET /v1/images/` as it is documented: 20 photos a page, 240 in all, limits in headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from peakid import licences
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.library import Library, Photo

TOKEN = "DLBYIcfnKfolaXKcmMC8RIDCavc2hW"
MAX_RESULTS, MAX_PAGES = 240, 20


@dataclass
class PlayedOpenverse:
    """Answers requests under `/openverse/`. `asked` has the parameters of each search.

    Attributes:
        n_left: Anonymous requests that are allowed still, of this minute.
    """

    library: Library
    n_left: int = 20
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self, asked: Asked, _n_before: int) -> Answer:
        parts = urlsplit(asked.path)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/openverse/v1/images/":
            return Answer(status=404)
        self.asked.append(given)
        is_anonymous = "authorization" not in asked.headers
        if not is_anonymous and asked.headers["authorization"] != f"Bearer {TOKEN}":
            return sent({"detail": "Authentication credentials were not provided."}, status=401)
        size, page = int(given.get("page_size", 20)), int(given.get("page", 1))
        if is_anonymous and size > 20:
            return sent({"detail": "page_size may not exceed 20 for anonymous requests"}, status=401)
        if size * page > MAX_RESULTS + size - 1 or page > MAX_PAGES:
            return sent({"detail": "Anonymous requests may not exceed a result depth of 240."}, status=401)
        if is_anonymous and self.n_left < 1:
            body = {"detail": "Request was throttled. Expected available in 1 second."}
            return sent(body, status=429, headers={"Retry-After": "1"})
        self.n_left -= is_anonymous
        return sent(
            self._page(given, page, size, f"http://{asked.headers['host']}"),
            headers=self._limits() if is_anonymous else {},
        )

    def _limits(self) -> Mapping[str, str]:
        return {
            "X-RateLimit-Limit-anon_burst": "20/min",
            "X-RateLimit-Available-anon_burst": str(self.n_left),
            "X-RateLimit-Limit-anon_sustained": "200/day",
            "X-RateLimit-Available-anon_sustained": "150",
        }

    def _page(self, given: Mapping[str, str], page: int, size: int, url: str) -> Mapping[str, object]:
        wanted = set(given["license"].split(",")) if "license" in given else None
        found = [
            each
            for each in self.library.found(given.get("q", ""))
            if (wanted is None or _code(each) in wanted)
            and (not each.is_mature or given.get("mature") == "true")
        ]
        n = min(len(found), MAX_RESULTS)
        return {
            "result_count": n,
            "page_count": min(MAX_PAGES, -(-n // size)),
            "page_size": size,
            "page": page,
            "results": [_photo(each, url) for each in found[:n][(page - 1) * size : page * size]],
        }


def sent(document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    more = {"Content-Type": "application/json", **(headers or {})}
    return Answer(json.dumps(document).encode(), status=status, headers=more)


def _code(photo: Photo) -> str:
    code = licences.parse(photo.licence).code
    return {"pd": "pdm", "": "sampling+"}.get(code, code)


def _photo(photo: Photo, url: str) -> Mapping[str, object]:
    licence = licences.parse(photo.licence)
    return {
        "id": f"6d9a2cb0-5c64-4f5f-8a6f-{photo.number:012d}",
        "title": photo.title,
        "indexed_on": "2020-05-01T03:02:01.000000Z",
        "foreign_landing_url": f"https://www.flickr.com/photos/12345678@N00/{50_000_000_000 + photo.number}",
        "url": f"{url}/photos/{photo.number}.jpg",
        "creator": photo.author if photo.number % 4 else None,
        "creator_url": "https://www.flickr.com/photos/12345678@N00",
        "license": _code(photo),
        "license_version": licence.version or "1.0",
        "license_url": licence.url or None,
        "provider": "flickr",
        "source": "flickr",
        "category": None,
        "filesize": None,
        "filetype": None,
        "tags": [{"name": photo.words, "accuracy": None, "unstable__provider": "flickr"}],
        "attribution": f'"{photo.title}" by {photo.author} is licensed under {photo.licence}.',
        "fields_matched": [],
        "mature": photo.is_mature,
        "height": 683,
        "width": 1024,
        "thumbnail": f"{url}/openverse/v1/images/{photo.number}/thumb/",
    }
