"""Read lists of URLs of any shape: one a line, or a table with a column of them."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from peakid import clean_text
from peakid.acquire import reading
from peakid.acquire.sources import headless
from peakid.acquire.sources.headless import URL as _URL
from peakid.acquire.tables import columns as names
from peakid.acquire.tables import reader, rows
from peakid.acquire.tables.sheet import Sheet, unreadable
from peakid.errors import BadInput, UnreadableImage
from peakid.files import open_regular
from peakid.records import NO_CREDIT, Credit

URL_WORDS = (
    *("url", "image_url", "img_url", "photo_url", "media_url", "picture_url", "coco_url", "flickr_url"),
    *("image_link", "link", "src", "href", "uri", "address", "image", "photo", "identifier"),
)
MAX_LIST_BYTES = 50 * 2**30  # Of a Parquet file; text is limited by `tables.reader`.
MAX_DATA_CHARS = 4 * 2**20  # Of a `data:` URL.
_AROUND_NAME = re.compile(r"^urls?[_\- ]+|[_\- ]+urls?$", re.IGNORECASE)
_SHARD = re.compile(r"[0-9]{5,}")


@dataclass(frozen=True)
class UrlColumns:
    """The columns that a person chose; None: by their names, or by the first cells that are URLs.

    Attributes:
        label: '' = none: the class is that of the list.
    """

    url: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class ListColumns:
    """The columns of a list.

    Attributes:
        names: () for text with one URL a line.
        url: The one that is read as URLs; None = it has to be chosen.
        label: The one that is read as classes; None = there is none.
    """

    names: tuple[str, ...] = ()
    url: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class ListedUrl:
    """One line of a list.

    Attributes:
        url: As it is listed, without blanks around it.
        position: The number of its line or row, from 1.
        problem: Why it cannot be fetched; '' if it can.
    """

    url: str
    class_name: str | None
    position: int
    credit: Credit = NO_CREDIT
    problem: str = ""


@dataclass(frozen=True)
class ListSummary:
    """What lists contain, before anything is fetched.

    Attributes:
        n_rows: Lines with a URL, or with something that should be one.
        n_unique: Different URLs.
        n_repeated: Lines whose URL is listed before with the same class.
        n_bad: Lines without a URL that can be fetched.
        conflicts: URLs that are listed with several classes, with these.
        n_by_class: Different URLs of each class.
    """

    n_rows: int = 0
    n_unique: int = 0
    n_repeated: int = 0
    n_bad: int = 0
    conflicts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    n_by_class: dict[str, int] = field(default_factory=dict)


def class_of_name(file: Path) -> str:
    """Return the class that the name of a list means: `urls_river.txt` lists rivers.

    A table of img2dataset has a number for its name; its folder then names the class.
    """
    name = _AROUND_NAME.sub("", file.stem).strip()
    name = "" if _SHARD.fullmatch(name) else name
    return clean_text.clean_class_name(name or file.parent.name)


def columns_of(file: Path) -> ListColumns:
    """Return the columns of a list, and which of them are recognised.

    Raises:
        BadInput, ExtraMissing: As `read`.
    """
    path = reading.checked_file(file)
    try:
        with open_regular(path, MAX_LIST_BYTES) as data:
            sheet = headless.read(str(path), data) or reader.read(str(path), data)
            if len(sheet.columns) == 1:
                return ListColumns()
            url = names.first(URL_WORDS, sheet.columns) or _column_of_urls(sheet)
            label = names.first(names.LABEL_WORDS, sheet.columns, without=[url] if url else [])
            return ListColumns(sheet.columns, url, label)
    except OSError as error:
        raise unreadable(str(path), error.strerror or str(error)) from error


def read(
    file: Path, *, class_name: str | None = None, columns: UrlColumns | None = None
) -> Iterator[ListedUrl]:
    """Yield the lines of a list: text with one URL a line, CSV, JSON lines or Parquet.

    Blank lines, comments (`#`) and a header are no lines. In a table, the class comes from its column for
    labels where it has one, else from `class_name`.

    Args:
        class_name: The class of lines without one of their own; None = by the name of the file.
        columns: The columns of a table, where their names are not recognised.

    Raises:
        BadInput: If there is no such file, it is no list of URLs, or a chosen column does not exist.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    path = reading.checked_file(file)
    default = class_of_name(path) if class_name is None else clean_text.clean_class_name(class_name)
    try:
        with open_regular(path, MAX_LIST_BYTES) as data:
            sheet = headless.read(str(path), data) or reader.read(str(path), data)
            yield from _lines(str(path), sheet, default or None, columns or UrlColumns())
    except OSError as error:
        raise unreadable(str(path), error.strerror or str(error)) from error


def summary(listed: Iterable[ListedUrl]) -> ListSummary:
    """Count the lines of lists. It holds each different URL in memory, about 150 bytes of it."""
    n_rows = n_repeated = n_bad = 0
    classes: dict[str, tuple[str, ...]] = {}
    n_by_class: Counter[str] = Counter()
    for each in listed:
        n_rows += 1
        n_bad += bool(each.problem)
        if each.problem:
            continue
        known, name = classes.get(each.url, ()), each.class_name or ""
        if name in known:
            n_repeated += 1
            continue
        classes[each.url] = (*known, name)
        n_by_class[name] += 1
    conflicts = {url: found for url, found in classes.items() if len(found) > 1}
    return ListSummary(n_rows, len(classes), n_repeated, n_bad, conflicts, dict(n_by_class))


def is_inline(url: str) -> bool:
    """Return whether a URL holds its image itself."""
    return url[:5].lower() == "data:"


def inline_bytes(url: str) -> bytes:
    """Return the image in a `data:` URL.

    Raises:
        UnreadableImage: If it is not one.
    """
    head, comma, content = url[5:].partition(",")
    try:
        if comma and head.lower().endswith(";base64"):
            return base64.b64decode(unquote_to_bytes(content), validate=True)
        return unquote_to_bytes(content) if comma else b""
    except (binascii.Error, ValueError) as error:
        raise UnreadableImage("not_an_image", f"its data: URL is damaged: {error}") from error


def _lines(name: str, sheet: Sheet, default: str | None, chosen: UrlColumns) -> Iterator[ListedUrl]:
    url, label = _columns(name, sheet, chosen)
    credit = _credit_columns(sheet)
    wanted = [each for each in (url, label, *credit) if each is not None]
    at = {each: n for n, each in reversed(list(enumerate(sheet.columns)))}
    for number, cells in enumerate(sheet.rows(wanted), 1):
        position = int(digits[0]) if (digits := re.findall(r"\d+", cells.place)) else number
        if cells.problem and len(sheet.columns) > 1:
            yield ListedUrl("", default, position, problem=cells.problem)
            continue
        found = _listed(cells.values, at[url], None if label is None else at[label], default, position)
        texts = [rows.text_of(cells.values[at[each]]) if each in at else "" for each in credit if each]
        given = dict(zip([n for n, each in enumerate(credit) if each], texts, strict=True))
        if any(given.values()):
            parts = [given.get(n) or None for n in range(3)]
            found = ListedUrl(found.url, found.class_name, position, Credit(*parts), found.problem)
        if found.url.startswith("#") or not (found.url or len(sheet.columns) > 1):
            continue
        yield found


def _listed(
    values: Sequence[object], url_at: int, label_at: int | None, default: str | None, position: int
) -> ListedUrl:
    url = _text(values[url_at]) if url_at < len(values) else ""
    label = _text(values[label_at]) if label_at is not None and label_at < len(values) else ""
    label = clean_text.clean_class_name(label)
    return ListedUrl(url, label or default, position, problem=_problem(url))


def _text(value: object) -> str:
    text = value.strip().strip('"').strip() if isinstance(value, str) else rows.text_of(value)
    return text if text.isascii() else clean_text.clean_path(text)


def _problem(url: str) -> str:
    if not url:
        return "has no URL"
    if is_inline(url):
        return (
            ""
            if len(url) <= MAX_DATA_CHARS
            else f"has a data: URL of more than {MAX_DATA_CHARS:,} characters"
        )
    return "" if _URL.match(url) else f"has {url[:60]!r}, which is no http or https URL"


def _columns(name: str, sheet: Sheet, chosen: UrlColumns) -> tuple[str, str | None]:
    """Return the column of URLs and that of labels; None = there is none."""
    for each in (chosen.url, chosen.label):
        if each and each not in sheet.columns:
            raise BadInput(
                f"The list {name} has no column {each!r}.",
                f"Its columns are {', '.join(sheet.columns)[:300]}.",
            )
    url = chosen.url or names.first(URL_WORDS, sheet.columns) or _column_of_urls(sheet)
    if url is None:
        raise BadInput(
            f"The list {name} has no line that begins with http:// or https://.",
            "Give one URL a line, or a table with a column of URLs.",
        )
    label = chosen.label
    if label is None:
        label = names.first(names.LABEL_WORDS, sheet.columns, without=[url])
    return url, label or None


def _column_of_urls(sheet: Sheet) -> str | None:
    """Return the first column with a URL in its first cells."""
    head = sheet.head(sheet.columns)
    for n, column in enumerate(sheet.columns):
        if any(_URL.match(rows.text_of(each.values[n])) for each in head if n < len(each.values)):
            return column
    return None


def _credit_columns(sheet: Sheet) -> tuple[str | None, str | None, str | None]:
    """Return the columns of page, licence and author."""
    return (
        names.first(names.PAGE_WORDS, sheet.columns),
        names.first(names.LICENCE_WORDS, sheet.columns),
        names.first(names.AUTHOR_WORDS, sheet.columns),
    )
