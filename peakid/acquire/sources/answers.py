"""Read what a service without a key answers, and texts, dates, places and licences as services write them."""

import datetime
import math
import re
from collections.abc import Mapping
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from peakid import clean_text, licences
from peakid.acquire.fetching.client import Client, NotFetched, Response
from peakid.acquire.sources import asking
from peakid.acquire.sources.photo_source import Query, SearchFailed

MAX_CHARS = 300  # Of a title or name.
_DATE = re.compile(r"(\d{4})[-:](\d\d)[-:](\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?")


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean_text.clean_text(str(value))


def degrees(value: object) -> float | None:
    """Return a number of degrees, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= 180 else None


Text = Annotated[str, BeforeValidator(_text)]
"""Text on one line; '' for what is none, because no photo is lost for an odd title."""

Degrees = Annotated[float | None, BeforeValidator(degrees)]
"""A latitude or longitude; None for what is none."""

Shape = TypeVar("Shape", bound=BaseModel)


async def fetched(
    client: Client, title: str, url: str, parameters: Mapping[str, str], shape: type[Shape]
) -> tuple[Shape, Response]:
    """Ask a service, and return what it answers in a shape that was checked.

    Args:
        title: Of the service, for messages.

    Raises:
        SearchFailed: If it refuses, or answers with something else.
        NotFetched: If it does not answer.
        QuotaUsedUp: If its quota is used up.
    """
    try:
        return await asking.ask(client, f"{url}?{urlencode(parameters)}", TypeAdapter(shape), title=title)
    except NotFetched as error:
        if error.is_passing or error.reason == "unreachable":
            raise
        raise SearchFailed(
            f"{title} refuses the search. {error.message}", "Check its text and options."
        ) from error


def state_of(title: str, cursor: str, shape: type[Shape]) -> Shape:
    """Return where a search goes on; '' is the beginning.

    Raises:
        SearchFailed: If the cursor is of another version.
    """
    try:
        return shape.model_validate_json(cursor or "{}")
    except ValidationError as error:
        raise SearchFailed(
            f"The search of {title} cannot continue from {cursor[:60]!r}.", "Let it begin again."
        ) from error


def cursor_of(state: BaseModel) -> str:
    """Return a state as compact JSON without its defaults."""
    return state.model_dump_json(exclude_defaults=True)


def chosen(title: str, query: Query, name: str, known: tuple[str, ...]) -> str:
    """Return the value of an option that has a list of them; the first one is the default.

    Raises:
        SearchFailed: If it is another one.
    """
    value = query.options.get(name, known[0])
    if value not in known:
        raise SearchFailed(
            f"{title} has no {name} {value[:40]!r}.", f"Give one of these: {', '.join(known)}."
        )
    return value


def licence_of(*texts: str) -> str:
    """Return the name of the licence of the first text that means a known one, else the first text."""
    known = (each for each in map(licences.parse, texts) if each.code)
    return next((each.name for each in known), next(filter(None, texts), ""))


def is_wanted(query: Query, licence: str) -> bool:
    """Return whether photos with a licence are asked for."""
    return query.licences == "any" or licences.parse(licence).is_in("open")


def date_of(*texts: str) -> str:
    """Return the first date in texts, with its time if it has one, in ISO 8601; '' = none.

    Read are `2012-09-25 16:23:02`, `2012:09:25`, an interval, and a date inside of HTML.
    """
    for text in texts:
        for found in _DATE.finditer(text):
            iso = f"{found[1]}-{found[2]}-{found[3]}" + (f"T{found[4]}" if found[4] else "")
            try:
                datetime.datetime.fromisoformat(iso)
            except ValueError:
                continue
            return iso
    return ""


def place_of(latitude: float | None, longitude: float | None) -> tuple[float | None, float | None]:
    """Return a place, without its parts if one is missing, out of range, or both are 0."""
    if latitude is None or longitude is None or abs(latitude) > 90 or latitude == longitude == 0:
        return None, None
    return latitude, longitude


def web_url(text: str) -> str:
    """Return an address that begins with http:// or https://, '' for all other text."""
    text = f"https:{text}" if text.startswith("//") else text
    return text if re.match(r"https?://[^\s/]", text, re.IGNORECASE) else ""
