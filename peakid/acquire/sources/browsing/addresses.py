"""The addresses of a page of pictures: where it starts, and the largest picture of an element."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from peakid import public_fetch
from peakid.errors import BadInput, UrlRefused

CLASS = "{class}"
_CANDIDATE = re.compile(r"[\s,]*(\S*[^\s,])(,*)")
_DESCRIPTOR = re.compile(r"(\d+(?:\.\d+)?)([wx])\b")


def start_url(template: str, class_name: str) -> str:
    """Return the address of the page of a class.

    Raises:
        BadInput: If there is no template, or the class would decide which host is asked.
        UrlRefused: If it is not an http or https URL.
    """
    if not template.strip():
        raise BadInput(
            "No page was given.", "Give its address, with {class} where the name of the class goes."
        )
    before_path = re.match(r"[^/?#]*//[^/?#]*|[^/?#]*", template.strip())
    if before_path and CLASS in before_path[0]:
        raise BadInput(
            f"{template[:100]!r} has {CLASS} in the name of the host.",
            f"Put {CLASS} behind the host, such as https://example.org/search?q={CLASS}.",
        )
    url = template.strip().replace(CLASS, quote(class_name, safe=""))
    public_fetch.check_url(url)
    return url


def best(values: Mapping[str, str], attributes: Sequence[str], base: str) -> str | None:
    """Return the URL of an element's picture; None where no attribute has one that can be fetched.

    Args:
        values: Of the element, by attribute.
        attributes: The best first.
        base: What relative URLs are relative to.
    """
    for name in attributes:
        text = values.get(name, "").strip()
        found = largest(text) if name.endswith("srcset") else text
        if found and (url := _absolute(found, base)):
            return url
    return None


def largest(srcset: str) -> str | None:
    """Return the URL of the largest picture of a srcset; None if it has none."""
    found = list(_candidates(srcset))
    return max(found, key=lambda each: each[1])[0] if found else None


def _candidates(srcset: str) -> Iterator[tuple[str, float]]:
    """Yield URLs with widths or densities, as the HTML standard splits them: a URL may contain commas."""
    at = 0
    while match := _CANDIDATE.match(srcset, at):
        url, commas = match.groups()
        at = match.end()
        size = 1.0
        if not commas:
            end = srcset.find(",", at)
            end = len(srcset) if end < 0 else end
            if descriptor := _DESCRIPTOR.search(srcset, at, end):
                size = float(descriptor[1])
            at = end
        yield url, size


def _absolute(text: str, base: str) -> str | None:
    try:
        url = urldefrag(urljoin(base, text)).url.replace(" ", "%20")
        is_page = urlsplit(url)._replace(fragment="") == urlsplit(base)._replace(fragment="")
        public_fetch.check_url(url)
    except (ValueError, UrlRefused):
        return None
    return None if is_page else url
