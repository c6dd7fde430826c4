"""Whether a response, a page or a host says that its content must not be used to train models."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

_WORDS = frozenset({"noai", "noimageai"})
_ROBOTS = frozenset({"robots", "peakid"})
MAX_RULES = 1000
MAX_PATTERN_CHARS = 2000


def reason(headers: Mapping[str, str]) -> str:
    """Return what opts out, '' if nothing does.

    Known are `X-Robots-Tag: noai` and `noimageai` (for all robots or with a name before them), and
    `TDM-Reservation: 1` of the TDM Reservation Protocol (W3C community group report, 2022).

    Args:
        headers: With lower-case names; several values of one name are joined by commas.
    """
    rules = headers.get("x-robots-tag", "").lower().replace(":", ",").split(",")
    if found := _WORDS & {rule.strip() for rule in rules}:
        return f"X-Robots-Tag: {min(found)}"
    if headers.get("tdm-reservation", "").split(",")[0].strip() == "1":
        return "TDM-Reservation: 1"
    return ""


def of_page(html: str) -> str:
    """Return what in a page opts out, '' if nothing does.

    Known are `<meta name="robots" content="noai">` and `noimageai`, and `<meta name="tdm-reservation"
    content="1">`.
    """
    found = _Metas()
    found.feed(html)
    return found.reason


@dataclass(frozen=True)
class Reservation:
    """A rule of `/.well-known/tdmrep.json`: for which paths text and data mining is reserved, or is not.

    Attributes:
        location: A path as in robots.txt: `*` stands for any text, a final `$` for the end.
    """

    location: str
    is_reserved: bool

    def fits(self, path: str) -> bool:
        """Return whether the rule is about a path with its query."""
        is_whole = self.location.endswith("$")
        parts = unquote(self.location.removesuffix("$")).split("*")
        return _fits(parts, unquote(path), is_whole=is_whole)


def reservations(content: bytes) -> tuple[Reservation, ...]:
    """Return the rules of a tdmrep.json; none where it is damaged or something else."""
    try:
        rules = json.loads(content)
    except (ValueError, RecursionError):
        return ()
    found = [
        each for each in (rules if isinstance(rules, list) else [])[:MAX_RULES] if isinstance(each, dict)
    ]
    return tuple(
        Reservation(location, str(each.get("tdm-reservation", "")).strip() == "1")
        for each in found
        if isinstance(location := each.get("location"), str) and 0 < len(location) <= MAX_PATTERN_CHARS
    )


def is_reserved(rules: tuple[Reservation, ...], url: str) -> bool:
    """Return whether the rules of a host reserve a URL. The longest fitting one decides, as in robots.txt."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fitting = [(len(each.location), each.is_reserved) for each in rules if each.fits(path)]
    return bool(fitting) and max(fitting)[1]


class _Metas(HTMLParser):
    """Reads the meta elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta" or self.reason:
            return
        given = {name: value or "" for name, value in attrs}
        name, content = given.get("name", "").strip().lower(), given.get("content", "").lower()
        if name in _ROBOTS and (found := _WORDS & set(re.split(r"[\s,;]+", content))):
            self.reason = f"meta {name}: {min(found)}"
        elif name == "tdm-reservation" and content.strip() == "1":
            self.reason = "meta tdm-reservation: 1"


def _fits(parts: list[str], path: str, *, is_whole: bool) -> bool:
    """Return whether a path begins with the parts of a pattern, with any text between them.

    A regular expression with many stars can take hours; this looks at each character once a part.
    """
    if not path.startswith(parts[0]):
        return False
    at = len(parts[0])
    for each in parts[1:-1] if is_whole else parts[1:]:
        if (found := path.find(each, at)) < 0:
            return False
        at = found + len(each)
    if not is_whole:
        return True
    return (
        at == len(path) if len(parts) == 1 else path.endswith(parts[-1]) and len(path) - len(parts[-1]) >= at
    )
