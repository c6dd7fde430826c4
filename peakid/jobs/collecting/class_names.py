"""Names of classes from a table of Wikipedia: which rows are taken, which not and why, and other names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from anyio.from_thread import start_blocking_portal

from peakid import clean_text
from peakid.acquire.fetching.client import Client, ClientOptions
from peakid.acquire.sources import conditions, wikipedia
from peakid.acquire.sources.conditions import Condition
from peakid.acquire.sources.html_tables import Cell, HtmlTable
from peakid.acquire.sources.mediawiki import Wiki
from peakid.curate import classes
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs.collecting import job
from peakid.store.workspace import Workspace

Omission = Literal[
    "no_name",      # The cell is empty, or cannot be the name of a class.
    "repeated",     # A row before has the same name.
    "no_number",    # A condition compares a number that the row does not have.
    "filtered",     # It does not fulfil a condition.
    "beyond_first", # Enough rows were taken before it.
]  # fmt: skip


@dataclass(frozen=True)
class FoundName:
    """A row of a table that can become a class.

    Attributes:
        name: Cleaned, as a class.
        article: The title of the article that its cell links to; '' = none.
        row: Its number, from 1.
        cells: The texts of the row by column.
    """

    name: str
    article: str = ""
    row: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OmittedRow:
    """Attributes:
    detail: In words, such as the row that it repeats.
    """

    row: int
    text: str
    reason: Omission
    detail: str


@dataclass(frozen=True)
class FoundTable:
    """A table of a page.

    Attributes:
        number: Its place among the tables of the page, from 1.
        example: The texts of its first row.
    """

    number: int
    caption: str
    columns: tuple[str, ...]
    n_rows: int
    example: tuple[str, ...]


@dataclass(frozen=True)
class NameList:
    """What a table gives, before anything becomes a class.

    Attributes:
        page, url: The page that was read, after redirects.
        names: In the order of the table.
    """

    page: str
    url: str
    language: str
    table: FoundTable
    column: str
    names: tuple[FoundName, ...]
    omitted: tuple[OmittedRow, ...]


def tables(page: str, *, language: str = "en", settings: JobSettings) -> list[FoundTable]:
    """List the tables of a page of Wikipedia.

    Args:
        page: Its title or its address, which names its language too.

    Raises:
        BadInput: If there is no such page, or it has no table.
        FetchFailed: If Wikipedia does not answer, or with an error.
    """
    found, wiki = _page(page, language, settings)
    return [_described(n, each) for n, each in enumerate(_some(found, wiki), 1)]


def read_table(
    page: str,
    *,
    column: str,
    language: str = "en",
    table: int | None = None,
    first: int | None = None,
    where: Sequence[str] = (),
    settings: JobSettings,
) -> NameList:
    """Read the names in a column of a table of Wikipedia.

    Args:
        page: Its title or its address, which names its language too.
        column: Its heading, a part of it that only one has, or its number from 1.
        table: The number of the table, from 1; None = the only one that has the column.
        first: How many names are taken at most.
        where: Conditions that a row must fulfil, as `conditions.read` takes them.

    Raises:
        BadInput: If there is no such page, table or column, or several fit, or a condition cannot be read.
        FetchFailed: If Wikipedia does not answer, or with an error.
    """
    for each in where:
        conditions.read(each)  # Before anything is asked for.
    found, wiki = _page(page, language, settings)
    wanted = [conditions.read(each, wiki.language) for each in where]
    number, chosen = _chosen(_some(found, wiki), column, table)
    at = _column(chosen, column)
    names, omitted = _taken(chosen, at, wanted, wiki, first)
    url, described = wiki.address(found.title), _described(number, chosen)
    return NameList(found.title, url, wiki.language, described, chosen.columns[at], names, omitted)


def synonyms(
    names: Sequence[FoundName], *, language: str = "en", languages: Sequence[str] = (), settings: JobSettings
) -> dict[str, tuple[str, ...]]:
    """Return further words to search for, by name: other titles of its article, and those in other languages.

    A name without an article of its own has none.

    Raises:
        BadInput: If a language cannot be one.
        FetchFailed: If Wikipedia does not answer, or with an error.
    """
    wiki = Wiki(wikipedia.checked_language(language), _stand_in(settings))
    others = [wikipedia.checked_language(each) for each in languages]
    titles = list(dict.fromkeys(each.article for each in names if each.article))

    async def ask() -> dict[str, tuple[str, ...]]:
        async with Client(_options(wiki, settings)) as client:
            return await wikipedia.terms(client, wiki, titles, others)

    with start_blocking_portal() as portal:
        found = portal.call(ask)
    result: dict[str, tuple[str, ...]] = {}
    for each in names:
        terms = [each.article, *found.get(each.article, ())] if each.article else []
        plain = [wikipedia.without_brackets(term) for term in terms]
        unique = {
            term.casefold(): term for term in reversed(plain) if term.casefold() != each.name.casefold()
        }
        result[each.name] = tuple(reversed(unique.values()))
    return result


def add(workspace: Workspace, names: Sequence[FoundName]) -> tuple[list[str], list[str]]:
    """Add names as classes; return those that are new, and those that are classes already."""
    known = {each.casefold() for each in classes.names(workspace)}
    new = [each.name for each in names if each.name.casefold() not in known]
    for name in new:
        classes.add(workspace, name)
    return new, [each.name for each in names if each.name.casefold() in known]


def _page(page: str, language: str, settings: JobSettings) -> tuple[wikipedia.WikiPage, Wiki]:
    title, named = wikipedia.named(page, language)
    wiki = Wiki(named, _stand_in(settings))

    async def ask() -> wikipedia.WikiPage:
        async with Client(_options(wiki, settings)) as client:
            return await wikipedia.page(client, wiki, title)

    with start_blocking_portal() as portal:
        return portal.call(ask), wiki


def _stand_in(settings: JobSettings) -> str:
    return f"{settings.sources_url.rstrip('/')}/wikipedia/" if settings.sources_url else ""


def _options(wiki: Wiki, settings: JobSettings) -> ClientOptions:
    return replace(job.options(settings), paces=wiki.paces)


def _some(found: wikipedia.WikiPage, wiki: Wiki) -> tuple[HtmlTable, ...]:
    if not found.tables:
        raise BadInput(
            f"The page {found.title!r} of the {wiki.language} Wikipedia has no table.", "Choose another page."
        )
    return found.tables


def _described(number: int, table: HtmlTable) -> FoundTable:
    example = tuple(each.text for each in table.rows[0])
    return FoundTable(number, table.caption, table.columns, len(table.rows), example)


def _chosen(found: Sequence[HtmlTable], column: str, number: int | None) -> tuple[int, HtmlTable]:
    """Return a table with its number."""
    if number is not None:
        if not 1 <= number <= len(found):
            raise BadInput(f"There is no table {number}.", f"The page has {len(found)}.")
        return number, found[number - 1]
    fitting = [(n, each) for n, each in enumerate(found, 1) if _columns(each, column)]
    wanted = _plain(column)
    fitting = [each for each in fitting if wanted in map(_plain, each[1].columns)] or fitting
    if len(fitting) > 1:
        shown = "; ".join(f"{n}: {each.caption or ', '.join(each.columns)}"[:80] for n, each in fitting[:10])
        raise BadInput(f"{len(fitting)} tables have a column {column!r}.", f"Choose a table. {shown}.")
    if not fitting:
        shown = "; ".join(f"{n}: {', '.join(each.columns)}"[:200] for n, each in enumerate(found[:10], 1))
        raise BadInput(f"No table of the page has a column {column!r}.", f"Its tables have: {shown}.")
    return fitting[0]


def _columns(table: HtmlTable, name: str) -> list[int]:
    """Return the columns that a name means: those of this name, else those that contain it."""
    wanted, known = _plain(name), [_plain(each) for each in table.columns]
    same = [n for n, each in enumerate(known) if each == wanted]
    parts = [n for n, each in enumerate(known) if wanted and wanted in each]
    number = clean_text.whole_number(wanted)
    by_number = [number - 1] if number and number <= len(table.columns) else []
    return same or parts or by_number


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _column(table: HtmlTable, name: str) -> int:
    found = _columns(table, name)
    if len(found) == 1:
        return found[0]
    known = ", ".join(table.columns)[:300]
    if found:
        raise BadInput(f"Several columns contain {name!r}.", f"Give the whole name: {known}.")
    raise BadInput(f"The table has no column {name!r}.", f"Its columns are {known}.")


def _taken(
    table: HtmlTable, at: int, wanted: Sequence[Condition], wiki: Wiki, first: int | None
) -> tuple[tuple[FoundName, ...], tuple[OmittedRow, ...]]:
    filters = [(_column(table, each.column), each) for each in wanted]
    names: dict[str, FoundName] = {}
    omitted: list[OmittedRow] = []
    for number, row in enumerate(table.rows, 1):
        name = clean_text.clean_class_name(row[at].text)
        article = wikipedia.article_of(row[at].link, wiki)
        if problem := _problem(table, row, name, filters, wiki.language):
            omitted.append(OmittedRow(number, row[at].text, *problem))
        elif known := names.get(name.casefold()):
            detail = f"has the name of row {known.row}"
            detail += f", but the article {article}" if article and article != known.article else ""
            omitted.append(OmittedRow(number, row[at].text, "repeated", detail))
        elif first is not None and len(names) >= first:
            omitted.append(
                OmittedRow(number, row[at].text, "beyond_first", f"comes after the first {first:,}")
            )
        else:
            cells = {column: each.text for column, each in zip(table.columns, row, strict=True)}
            names[name.casefold()] = FoundName(name, article, number, cells)
    return tuple(names.values()), tuple(omitted)


def _problem(
    table: HtmlTable,
    row: Sequence[Cell],
    name: str,
    filters: Sequence[tuple[int, Condition]],
    language: str,
) -> tuple[Omission, str] | None:
    """Return why a row is left out, with the words for it."""
    if not clean_text.is_class_name(name):
        return "no_name", "has no name that a class can have"
    for at, condition in filters:
        result = conditions.holds(condition, row[at].text, language)
        if result is None:
            return "no_number", f"has no number in {table.columns[at]}"
        if not result:
            return "filtered", f"has {row[at].text[:40]!r} in {table.columns[at]}"
    return None
