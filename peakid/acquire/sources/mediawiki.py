"""Ask the interface of MediaWiki, with which Wikipedia answers programs.

https://www.mediawiki.org/wiki/API:Main_page
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from peakid.acquire.fetching.client import Client, NotFetched
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources.photo_source import SearchFailed

FORBIDDEN = 403
MAX_BYTES = 30 * 2**20
PACE = Pace(per_s=4.0, n_at_once=1)  # The etiquette of the interface: one request after the other.

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Wiki:
    """Attributes:
    language: Of the Wikipedia, such as `en`.
    stand_in: A server that is asked in place of it, such as `http://127.0.0.1:9000/wikipedia/`; '' = none.
    """

    language: str = "en"
    stand_in: str = ""

    @property
    def interface(self) -> str:
        base = (
            f"{self.stand_in}{self.language}" if self.stand_in else f"https://{self.language}.wikipedia.org"
        )
        return f"{base}/w/api.php"

    @property
    def paces(self) -> Mapping[str, Pace]:
        """Return how often it may be asked; nothing is said of a server in its place."""
        return {} if self.stand_in else {urlsplit(self.interface).hostname or "": PACE}

    def address(self, title: str) -> str:
        """Return the address of an article, for people."""
        return f"https://{self.language}.wikipedia.org/wiki/{quote(title.replace(' ', '_'), safe='/:,')}"


async def ask(client: Client, wiki: Wiki, wanted: Mapping[str, str]) -> dict[str, Json]:
    """Return the answer to a question, with `error` where it was not taken.

    Raises:
        SearchFailed: If it is no answer of MediaWiki.
        NotFetched: If the server did not answer, after several attempts.
    """
    query = urlencode({**wanted, "format": "json", "formatversion": "2"})
    try:
        answer = await client.get(f"{wiki.interface}?{query}", max_bytes=MAX_BYTES, is_page=True)
    except NotFetched as error:
        why = f"The {wiki.language} Wikipedia did not answer: {error.message.rstrip('.')}."
        failed = NotFetched(error.reason, why, is_passing=error.is_passing, status=error.status)
        if error.status == FORBIDDEN:
            failed.remedy = "Wikimedia asks programs for a contact: set PEAKID_CONTACT to an address or page."
        raise failed from error
    try:
        return as_dict(json.loads(answer.body))
    except (ValueError, RecursionError) as error:
        why = f"The {wiki.language} Wikipedia answered with something else than JSON."
        raise SearchFailed(why, "Try again later.") from error


def check(answer: dict[str, Json], wiki: Wiki) -> None:
    """Raise the error that an answer contains.

    Raises:
        SearchFailed: If there is one.
    """
    if error := as_dict(answer.get("error")):
        why = str(error.get("info") or error.get("code"))[:200]
        raise SearchFailed(f"The {wiki.language} Wikipedia answered: {why}", "Try again later.")


def as_dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
