"""Ask a service: its JSON in the documented shape, or a failure in words. No failure has the person's key."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar
from urllib.parse import quote, quote_plus

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, WrapValidator

from peakid import clean_text, documents, public_fetch
from peakid.acquire.fetching.client import Client, NotFetched, Response
from peakid.acquire.fetching.pace import QuotaUsedUp
from peakid.acquire.sources.photo_source import SearchFailed
from peakid.errors import PeakidError

MAX_BYTES = 32 * 2**20  # 500 photos of Flickr have less than 1 MB, 300 occurrences of GBIF about 2 MB.
_HIDDEN = "(hidden)"
Document = TypeVar("Document")


def _text(value: object) -> object:
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _none_if_wrong(value: object, handler: Callable[[object], object]) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


Text = Annotated[str, BeforeValidator(_text)]
"""Text, or a number as text; null is ''."""
Number = Annotated[float | None, Field(allow_inf_nan=False), WrapValidator(_none_if_wrong)]
"""A number, or text that is one; all else is None."""


async def ask(
    client: Client,
    url: str,
    shape: TypeAdapter[Document],
    *,
    title: str,
    secret: str = "",
    headers: Mapping[str, str] | None = None,
) -> tuple[Document, Response]:
    """Fetch a page of a service.

    Args:
        shape: Of its JSON.
        title: Of the service, for messages.
        secret: A key that no failure may have: not in its text, and not in the errors it comes from.

    Raises:
        SearchFailed: If the answer is something else, or the address cannot be asked.
        NotFetched: If the service does not answer, after several attempts, or with an error.
        QuotaUsedUp: If its quota is used up.
    """
    if len(url) > public_fetch.MAX_URL_CHARS:
        raise SearchFailed("The text to search for is too long.", "Search for fewer words.")
    failure: PeakidError
    try:
        response = await client.get(url, max_bytes=MAX_BYTES, headers=headers, is_page=True)
        return shape.validate_json(response.body), response
    except QuotaUsedUp:
        raise  # It says until when, and has no address.
    except NotFetched as error:
        failure = NotFetched(
            error.reason,
            without(_said(title, error), secret),
            is_passing=error.is_passing,
            wait_s=error.wait_s,
            status=error.status,
        )
    except PeakidError as error:
        failure = SearchFailed(without(_said(title, error), secret), "Try again later.")
    except ValidationError as error:
        failure = SearchFailed(
            without(f"{title} sent an answer that cannot be used: {_why(error, response)}.", secret),
            "Try again later. If it stays, the service has changed: a newer Peakid may know it.",
        )
    raise failure  # Here, so that it has no context: the errors above have the address with the key.


def valid(entries: list[object], shape: TypeAdapter[Document], *, title: str) -> list[Document]:
    """Return the entries of a page that have a shape; one that is damaged does not lose the others.

    Raises:
        SearchFailed: If there are some, and none has it.
    """
    found, problem = list[Document](), ""
    for each in entries:
        try:
            found.append(shape.validate_python(each))
        except ValidationError as error:
            problem = problem or str(documents.first_problem(error))
    if entries and not found:
        raise SearchFailed(
            f"{title} lists photos that cannot be read: {problem}.",
            "Try again later. If it stays, the service has changed: a newer Peakid may know it.",
        )
    return found


def without(text: str, secret: str) -> str:
    """Return a text without a key, as it is and as it is in an address."""
    for form in filter(None, (secret, quote(secret), quote_plus(secret))):
        text = text.replace(form, _HIDDEN)
    return text


def line(text: str, *, most: int = 300) -> str:
    """Return text of others on one line, cut where it is long."""
    return clean_text.clean_text(text)[:most]


def _said(title: str, error: PeakidError) -> str:
    return f"{title}: {error.message.rstrip('.')}."


def _why(error: ValidationError, response: Response) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        kind = response.media_type or "no type"
        return f"it is not JSON ({kind}, {len(response.body):,} bytes)"
    return str(documents.first_problem(error))
