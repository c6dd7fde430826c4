"""Wikimedia Commons' `w/api.php` as it is documented: search, categories, file information, continuation.

The shapes are those of recorded answers with `formatversion=2`, without what nobody reads.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from peakid import licences
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.inaturalist import sent
from tests.acquire.sources.played.library import Library, Photo

WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
_THUMBNAIL = re.compile(r"/commons/thumb/(\d+)\.jpg/(\d+)px-\d+\.jpg")
KINDS = ("jpeg", "jpeg", "jpeg", "svg+xml", "png")


@dataclass
class PlayedCommons:
    """Answers requests under `/commons/`. Every class of the library is found by search.

    Attributes:
        picture: Draws the photo of a number.
        categories: By name, such as `Category:Otters`: the class whose photos it has ('' = none), and its
            sub-categories.
        lag: How many requests are answered with `maxlag` first.
        asked: The parameters of each request.
    """

    library: Library
    picture: Callable[..., bytes]
    categories: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    lag: int = 0
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self, asked: Asked, _n_before: int) -> Answer:
        parts = urlsplit(asked.path)
        given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if found := _THUMBNAIL.fullmatch(parts.path):
            return self._thumbnail(int(found[1]), int(found[2]))
        if parts.path != "/commons/w/api.php":
            return Answer(status=404)
        self.asked.append(given)
        if self.lag and given.get("maxlag"):
            self.lag -= 1
            text = "Waiting for 10.64.32.58: 6.2 seconds lagged."
            behind = sent(failed("maxlag", text))
            behind.headers = {**behind.headers, "Retry-After": "0"}
            return behind
        url = f"http://{asked.headers['host']}"
        if given.get("prop") == "categoryinfo":
            return sent({"batchcomplete": True, "query": {"pages": [self._counts(given["titles"])]}})
        if given.get("list") == "search":
            n = len(list(self.library.found(given["srsearch"].removesuffix("filetype:bitmap"))))
            return sent({"batchcomplete": True, "query": {"searchinfo": {"totalhits": n}, "search": []}})
        if given.get("list") == "categorymembers":
            names = self.categories.get(given["cmtitle"], ("", ()))[1]
            shown, more = _page(names, int(given.get("cmcontinue", 0)), min(int(given["cmlimit"]), 3))
            members = [{"pageid": 700 + n, "ns": 14, "title": each} for n, each in enumerate(shown)]
            return sent(_document({"categorymembers": members}, {"cmcontinue": str(more)} if more else None))
        if given.get("generator") == "search":
            found_ = self.library.found(given["gsrsearch"].removesuffix("filetype:bitmap"))
            return self._files(list(found_), given, "gsr", url)
        if given.get("generator") == "categorymembers":
            words = self.categories.get(given["gcmtitle"], ("", ()))[0]
            return self._files(list(self.library.found(words)) if words else [], given, "gcm", url)
        return sent(failed("badvalue", "Unrecognized value for parameter"))

    def _thumbnail(self, number: int, width: int) -> Answer:
        if width not in WIDTHS:
            return Answer(b"Use thumbnail sizes listed on https://w.wiki/GHai", status=400)
        drawn = self.picture(number, size=(24, 18) if width < 500 else (48, 36))
        return Answer(drawn, headers={"Content-Type": "image/jpeg"})

    def _counts(self, name: str) -> Mapping[str, object]:
        if name not in self.categories:
            return {"ns": 14, "title": name, "missing": True}
        words, within = self.categories[name]
        files = len(list(self.library.found(words))) if words else 0
        counts = {"size": files + len(within), "pages": 0, "files": files, "subcats": len(within)}
        return {"pageid": 696, "ns": 14, "title": name, "categoryinfo": {**counts, "hidden": False}}

    def _files(self, found: list[Photo], given: Mapping[str, str], prefix: str, url: str) -> Answer:
        name = "gsroffset" if prefix == "gsr" else "gcmcontinue"
        at, size = int(given.get(name, "0").rpartition("|")[2]), int(given[f"{prefix}limit"])
        shown, more = _page(found, at, size)
        if not shown:
            return sent({"batchcomplete": True})
        width = int(given["iiurlwidth"])
        pages = [_file(each, at + n + 1, width, url) for n, each in enumerate(shown)]
        value = more if prefix == "gsr" else f"file|4C|{more}"
        further = {name: value, "continue": f"{name}||"} if more else None
        return sent(_document({"pages": sorted(pages, key=lambda each: str(each["title"]))}, further))


def failed(code: str, text: str) -> dict[str, object]:
    """Return the document of a request that fails; its status is 200."""
    docs = "See https://commons.wikimedia.org/w/api.php for API usage."
    return {"error": {"code": code, "info": text, "docref": docs}, "servedby": "mw-api-ext.eqiad.main"}


def _document(query: Mapping[str, object], further: Mapping[str, object] | None) -> Mapping[str, object]:
    return {"continue": further, "query": query} if further else {"batchcomplete": True, "query": query}


def _page(found: list[Photo] | tuple[str, ...], at: int, size: int) -> tuple[list, int]:
    return list(found[at : at + size]), at + size if at + size < len(found) else 0


def _file(photo: Photo, index: int, width: int, url: str) -> Mapping[str, object]:
    kind = KINDS[photo.number % len(KINDS)]
    own = (5514, 3102) if photo.number % 2 == 0 else (800, 600)  # The second kind is never enlarged.
    shown = min(width, own[0])
    original = f"{url}/photos/{photo.number}.jpg"
    licence = licences.parse(photo.licence)
    user = f'<a href="//commons.wikimedia.org/wiki/User:A" title="User:A">{photo.author}</a>'
    hidden = '<span style="display: none;">creator QS:P170,Q1</span>'
    texts = {
        "Artist": f"<bdi>{user}</bdi>{hidden}<script>alert(1)</script>",
        "DateTimeOriginal": f"2012-09-{photo.number % 28 + 1:02d} 16:23:02",
        "License": licence.name.lower().replace(" ", "-"),
        "LicenseShortName": photo.licence,
        "LicenseUrl": licence.url,
        "ObjectName": photo.title,
    }
    if photo.number % 2 == 0:
        texts |= {"GPSLatitude": "46.5765", "GPSLongitude": "7.9904"}
    name = f"{photo.title} ({photo.number}).{kind.partition('+')[0]}"
    return {
        "pageid": 81_754_000 + photo.number,
        "ns": 6,
        "title": f"File:{name}",
        "index": index,
        "imagerepository": "local",
        "imageinfo": [
            {
                "size": 11_863_148,
                "width": own[0],
                "height": own[1],
                "thumburl": original
                if shown == own[0]
                else f"{url}/commons/thumb/{photo.number}.jpg/{shown}px-{photo.number}.jpg",
                "thumbwidth": shown,
                "thumbheight": own[1] * shown // own[0],
                "url": original,
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{name.replace(' ', '_')}",
                "mime": f"image/{kind}",
                "extmetadata": {
                    each: {"value": text, "source": "commons-desc-page", "hidden": ""}
                    for each, text in texts.items()
                    if text
                },
            }
        ],
    }
