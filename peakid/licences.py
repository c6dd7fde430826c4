"""Licences of photos: one name for what services and people write in many ways."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from peakid.errors import BadInput

LicenceGroup = Literal[
    "open",        # Creative Commons, public domain, no known copyright: any of those known here.
    "commercial",  # Open, and commercial use is allowed.
    "changes",     # Open, and changed copies may be passed on.
    "unknown",     # None is given, or one that is not known here.
]  # fmt: skip

GROUPS: tuple[LicenceGroup, ...] = ("open", "commercial", "changes", "unknown")
CODES = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pd")
_URL = re.compile(r"creativecommons\.org/licenses/(by[a-z-]*)/(\d\.\d)")
_NAME = re.compile(
    r"(?:creative-commons-|cc-)?(by(?:-(?:nc|nd|sa))*)(?:-v?(\d(?:[.-]\d)?))?"
    r"(?:$|,|-(?:licen[sc]e|international|generic|unported|deed|not-specified))"
)
_ZERO = re.compile(r"(?:^|-)cc-?0(?:$|-)|publicdomain/zero|^zero$|creative-commons-zero")
_PUBLIC = re.compile(
    r"publicdomain/(?:mark|certification)|(?:^|-)pdm?(?:$|-)|public-?domain|no-known-copyright|"
    r"united-states-government-work|us-gov"
)
_RESERVED = re.compile(r"all-rights-reserved|\(c\)|©|copyrighted")
_WORDS = {
    "attribution": "by",
    "noncommercial": "nc",
    "non-commercial": "nc",
    "sharealike": "sa",
    "share-alike": "sa",
    "noderivatives": "nd",
    "noderivs": "nd",
    "no-derivatives": "nd",
}


@dataclass(frozen=True)
class Licence:
    """A licence.

    Attributes:
        code: One of CODES; '' = unknown, or all rights are reserved.
        version: Such as `4.0`; '' = none is named.
        text: What was written, if the licence is unknown.
    """

    code: str = ""
    version: str = ""
    text: str = ""

    @property
    def name(self) -> str:
        """The name as people write it: `CC BY-SA 4.0`, `CC0 1.0`, `Public domain`."""
        if not self.code:
            return self.text
        if self.code == "pd":
            return "Public domain"
        title = "CC0" if self.code == "cc0" else f"CC {self.code.upper()}"
        return f"{title} {self.version}".strip()

    @property
    def url(self) -> str:
        """The page of the licence; '' if it is unknown or its version is."""
        if self.code == "pd":
            return "https://creativecommons.org/publicdomain/mark/1.0/"
        if self.code == "cc0":
            return "https://creativecommons.org/publicdomain/zero/1.0/"
        if not self.code or not self.version:
            return ""
        return f"https://creativecommons.org/licenses/{self.code}/{self.version}/"

    def is_in(self, group: str) -> bool:
        """Return whether it is of a group, or has this code."""
        if group == "unknown":
            return not self.code
        if group == "open":
            return bool(self.code)
        if group == "commercial":
            return bool(self.code) and "nc" not in self.code.split("-")
        if group == "changes":
            return bool(self.code) and "nd" not in self.code.split("-")
        return self.code == group


def parse(text: str | None) -> Licence:
    """Return the licence that a text, code or URL means.

    Known are the names, codes and URLs of Creative Commons licences, CC0, the public domain mark, "no known
    copyright restrictions" and works of the United States government. All else is unknown and keeps its text.
    """
    given = (text or "").strip()
    low = re.sub(r"[\s_-]+", "-", given.casefold())
    if not low or _RESERVED.search(low):
        return Licence(text=given)
    if _ZERO.search(low):
        return Licence("cc0", "1.0")
    if _PUBLIC.search(low):
        return Licence("pd")
    for word, short in _WORDS.items():
        low = low.replace(word, short)
    if found := _URL.search(low) or _NAME.match(low):
        parts = found[1].split("-")
        code = "-".join(["by", *(each for each in ("nc", "sa", "nd") if each in parts)])
        if code in CODES:
            return Licence(code, (found[2] or "").replace("-", "."))
    return Licence(text=given)


def named(text: str | None) -> str:
    """Return the name of the licence that a text means, or the text if it is unknown."""
    return parse(text).name


def chosen(names: Iterable[str]) -> frozenset[str]:
    """Check a choice of groups and codes.

    Raises:
        BadInput: If one is not known.
    """
    wanted = frozenset(each.strip().casefold().removeprefix("cc-") for each in names if each.strip())
    for each in sorted(wanted):
        if each not in (*GROUPS, *CODES):
            raise BadInput(
                f"{each!r} is no licence that can be chosen.",
                f"Choose from {', '.join(GROUPS)}, and {', '.join(CODES)}.",
            )
    return wanted


def is_chosen(licence: Licence, wanted: Iterable[str]) -> bool:
    """Return whether a licence is one of the chosen groups and codes."""
    return any(licence.is_in(each) for each in wanted)
