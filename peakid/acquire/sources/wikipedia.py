"""Read tables, redirects and language links of Wikipedia."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from peakid.acquire.fetching.client import Client
from peakid.acquire.sources import html_tables, mediawiki
from peakid.acquire.sources.html_tables import HtmlTable
from peakid.acquire.sources.mediawiki import Wiki, as_dict, as_list
from peakid.errors import BadInput

MAX_TITLES = 50  # In one request, for clients without a login.
MAX_TERMS = 20  # Of one article.
MAX_REQUESTS = 40  # For one set of titles; a list that goes on longer is cut.
MAX_TITLE_CHARS = 1000  # Of the titles in one request, as they are sent: URLs end at 2,000.
_LANGUAGE = re.compile(r"[a-z]{2,12}(-[a-z]{2,12}){0,2}\Z")
_BRACKETS = re.compile(r"\s*\([^()]*\)\s*\Z")


@dataclass(frozen=True)
class WikiPage:
    """Attributes:
    title: After redirects.
    """

    title: str
    tables: tuple[HtmlTable, ...]


def checked_language(language: str) -> str:
    """Return the language of a Wikipedia.

    Raises:
        BadInput: If it cannot be one.
    """
    if not _LANGUAGE.match(found := language.strip().lower()):
        raise BadInput(
            f"{language[:40]!r} is no language of Wikipedia.", "Give a short name, such as en or de."
        )
    return found


def named(page: str, language: str = "en") -> tuple[str, str]:
    """Return title and language of a page that is named by its title or its address.

    Raises:
        BadInput: If it is neither.
    """
    text = page.strip()
    if re.match(r"https?://", text):
        parts = urlsplit(text)
        host = re.match(r"([a-z-]+)\.(m\.)?wikipedia\.org\Z", parts.hostname or "")
        if not host or not parts.path.startswith("/wiki/"):
            raise BadInput(f"{text[:100]!r} is no article of Wikipedia.", "Give its title or its address.")
        text, language = unquote(parts.path.removeprefix("/wiki/")), host[1]
    title = " ".join(text.replace("_", " ").split())
    if not 0 < len(title.encode()) <= 255 or re.search(r"[|#<>\[\]{}\x00-\x1f]", title):
        raise BadInput(f"{title[:100]!r} cannot be the title of an article.", "Give a title of Wikipedia.")
    return title, checked_language(language)


async def page(client: Client, wiki: Wiki, title: str) -> WikiPage:
    """Fetch the tables of a page.

    Raises:
        BadInput: If there is no such page, or it only lists pages with similar titles.
        SearchFailed: If Wikipedia answers with another error.
        NotFetched: If it did not answer, after several attempts.
    """
    wanted = {"page": title, "prop": "text|properties|links", "redirects": "1", "disableeditsection": "1"}
    answer = await mediawiki.ask(client, wiki, {"action": "parse", **wanted})
    error = as_dict(answer.get("error"))
    if error.get("code") in ("missingtitle", "invalidtitle", "pagecannotexist"):
        similar = await _similar(client, wiki, title)
        raise BadInput(
            f"The {wiki.language} Wikipedia has no page {title!r}.",
            f"Similar titles: {'; '.join(similar)}." if similar else "Check the title and the language.",
        )
    mediawiki.check(answer, wiki)
    found = as_dict(answer.get("parse"))
    if "disambiguation" in as_dict(found.get("properties")):
        links = [str(as_dict(each).get("title", "")) for each in as_list(found.get("links"))]
        raise BadInput(f"The page {title!r} only lists other pages.", f"Choose one: {'; '.join(links[:10])}.")
    tables = html_tables.read(str(found.get("text", "")))
    return WikiPage(str(found.get("title", title)), tuple(tables))


def article_of(link: str, wiki: Wiki) -> str:
    """Return the title of the article that a link of a page leads to; '' = it leads elsewhere."""
    parts = urlsplit(link)
    if parts.hostname not in (None, f"{wiki.language}.wikipedia.org", f"{wiki.language}.m.wikipedia.org"):
        return ""
    for start in ("/wiki/", "./"):
        if parts.path.startswith(start):
            return unquote(parts.path.removeprefix(start)).replace("_", " ")
    return ""


async def terms(
    client: Client, wiki: Wiki, titles: Sequence[str], languages: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return other names of articles: titles that lead to them, then their titles in other languages.

    Raises:
        SearchFailed, NotFetched: As `page`.
    """
    found: dict[str, list[str]] = {each: [] for each in titles}
    redirects = {"prop": "redirects", "rdlimit": "max", "rdprop": "title|fragment", "rdnamespace": "0"}
    for batch in _batches(list(found)):
        for wanted in ({"prop": "langlinks", "lllang": each, "lllimit": "max"} for each in languages):
            await _add_terms(client, wiki, batch, wanted, found)
        await _add_terms(client, wiki, batch, redirects, found)
    return {title: _unique(title, names) for title, names in found.items()}


def _batches(titles: Sequence[str]) -> Iterator[list[str]]:
    """Yield titles in groups that fit in one request."""
    batch: list[str] = []
    n_chars = 0
    for title in titles:
        size = len(quote(title)) + 3
        if batch and (len(batch) == MAX_TITLES or n_chars + size > MAX_TITLE_CHARS):
            yield batch
            batch, n_chars = [], 0
        batch.append(title)
        n_chars += size
    if batch:
        yield batch


async def _add_terms(
    client: Client, wiki: Wiki, batch: Sequence[str], wanted: Mapping[str, str], found: dict[str, list[str]]
) -> None:
    more: dict[str, str] = {}
    for _ in range(MAX_REQUESTS):
        asked = {"action": "query", "titles": "|".join(batch), "redirects": "1", **wanted, **more}
        answer = await mediawiki.ask(client, wiki, asked)
        mediawiki.check(answer, wiki)
        query = as_dict(answer.get("query"))
        became = {each: each for each in batch}
        for change in [*as_list(query.get("normalized")), *as_list(query.get("redirects"))]:
            start, end = str(as_dict(change).get("from")), str(as_dict(change).get("to"))
            became = {title: end if now == start else now for title, now in became.items()}
        by_title = {str(as_dict(each).get("title")): as_dict(each) for each in as_list(query.get("pages"))}
        for title, now in became.items():
            links = as_list(by_title.get(now, {}).get(wanted["prop"]))
            names = [
                str(as_dict(each).get("title", "")) for each in links if not as_dict(each).get("fragment")
            ]
            found[title] += [now, *names] if now != title else names
        if not (further := as_dict(answer.get("continue"))):
            return
        more = {name: str(value) for name, value in further.items()}


def without_brackets(title: str) -> str:
    """Return a title without what tells it from others: `Eiger (mountain)` is the Eiger."""
    return _BRACKETS.sub("", title)


def _unique(title: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return names without what is in brackets, each once, without the title itself."""
    plain = {(short := without_brackets(each)).casefold(): short for each in reversed([title, *names])}
    own = without_brackets(title).casefold()
    ordered = [each for key, each in reversed(plain.items()) if key and key != own]
    return tuple(ordered[:MAX_TERMS])


async def _similar(client: Client, wiki: Wiki, title: str) -> list[str]:
    wanted = {"action": "query", "list": "search", "srsearch": title, "srlimit": "5", "srprop": ""}
    answer = await mediawiki.ask(client, wiki, wanted)
    return [str(as_dict(each).get("title")) for each in as_list(as_dict(answer.get("query")).get("search"))]
