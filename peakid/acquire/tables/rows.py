"""From the cells of a table to rows with path, class, split and credit, each as text that can be stored."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from peakid import clean_text
from peakid.acquire import layout
from peakid.acquire.tables.columns import BY_NAME, SPLIT_WORDS, ColumnChoice, Columns, key, resolve, suggest
from peakid.acquire.tables.encoding import UNDECODED
from peakid.acquire.tables.sheet import Cells, Sheet
from peakid.records import NO_CREDIT, Credit, Split

MAX_CHARACTERS = 4096  # Longer than any path; no class has such a name.
_YES, _NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no", "")
_UNLABELLED = ("unlabeled", "unlabelled")  # A column of Roboflow's one-hot tables.


@dataclass(frozen=True)
class Row:
    """One row of a table. `place` is "line 2", "row 1" or "entry 1"; `problem` says why it is unusable."""

    place: str
    path: str
    label: str | None
    split: Split | None
    credit: Credit = NO_CREDIT
    problem: str = ""


class _BadCell(Exception):
    """A value that cannot be used; says why."""


def columns_of(table: str, sheet: Sheet, chosen: ColumnChoice = BY_NAME) -> Columns:
    """Return the columns that an import reads; see `suggestion`.

    Raises:
        UnknownColumns: If there is no column for paths or for labels.
        BadInput: If a chosen column does not exist.
    """
    suggested = suggestion(sheet, chosen)
    one_hot = () if suggested.label else _one_hot(sheet, suggested)
    return resolve(table, sheet.columns, suggested, one_hot=one_hot)


def suggestion(sheet: Sheet, chosen: ColumnChoice = BY_NAME) -> ColumnChoice:
    """Return the chosen columns, and for the others those with the best words.

    A column `subset` or `partition` is taken only if its first values are splits.

    Raises:
        BadInput: If a chosen column does not exist.
    """
    suggested = suggest(sheet.columns, chosen)
    split = suggested.split
    if chosen.split is None and split is not None and key(split) not in ("split", "isvalid"):
        values = _column(sheet, split)
        if not values or not all(layout.split_named(value) for value in values):
            return ColumnChoice(suggested.path, suggested.label, None)
    return suggested


def read(sheet: Sheet, columns: Columns) -> Iterator[Row]:
    """Yield every row. One that cannot be used has a problem and no path.

    Raises:
        BadInput: If a Parquet file is damaged further down.
    """
    at = {name: n for n, name in reversed(list(enumerate(sheet.columns)))}  # The first of two equal names.
    for cells in sheet.rows(columns.names()):
        if cells.problem:
            yield Row(cells.place, "", None, None, problem=clean_text.clean_path(cells.problem))
            continue
        try:
            yield _row(cells, columns, at)
        except _BadCell as error:
            yield Row(cells.place, "", None, None, problem=clean_text.clean_path(str(error)))


def text_of(value: object) -> str:
    """Return any value as text to show; '' if there is none."""
    try:
        return _text(value, "")
    except _BadCell as error:
        return f"({error})"


def _row(cells: Cells, columns: Columns, at: dict[str, int]) -> Row:
    def value(name: str, *, is_needed: bool = False) -> object:
        if at[name] < len(cells.values):
            return cells.values[at[name]]
        if is_needed:
            raise _BadCell(f"has no cell for the column {name}")
        return None

    path = value(columns.path, is_needed=True)
    path = path.get("path") if isinstance(path, dict) else path  # An Image of Hugging Face.
    if columns.label:
        label = _label(value(columns.label, is_needed=True), columns.label)
    else:
        label = _marked({name: _text(value(name, is_needed=True), name) for name in columns.one_hot})
    given = [_split(_text(value(name, is_needed=True), name), name) for name in columns.splits]
    split = next((each for each in given if each is not None), None)
    return Row(cells.place, _text(path, columns.path), label or None, split, _credit(columns, value))


def _text(value: object, column: str) -> str:
    """Return a value as text without surrounding blanks."""
    if isinstance(value, str) and value.isascii() and len(value) <= MAX_CHARACTERS:  # Nearly all of them.
        return value.strip()
    where = f" in the column {column[:40]}" if column else ""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise _BadCell(f"has bytes that are not text{where}") from None
    if isinstance(value, list | tuple) and len(value) < 2:
        return _text(value[0] if value else None, column)
    if isinstance(value, dict | list | tuple | set):
        what = "an object" if isinstance(value, dict) else f"a list of {len(value):,} values"
        raise _BadCell(f"has {what}{where}")
    try:
        text = clean_text.clean_path(str(value)).strip()
    except ValueError as error:  # A whole number of more than 4,300 digits.
        raise _BadCell(f"has a value that cannot be written{where}: {error}") from error
    if UNDECODED in text:
        raise _BadCell(f"has a character that could not be decoded{where}")
    if len(text) > MAX_CHARACTERS:
        raise _BadCell(f"has {len(text):,} characters{where}, over the limit of {MAX_CHARACTERS:,}")
    return text


def _label(value: object, column: str) -> str:
    if isinstance(value, str) and value.lstrip().startswith('{"choices"'):  # A CSV file of Label Studio.
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _BadCell(f"has choices that are not JSON in the column {column[:40]}") from None
    if isinstance(value, dict):
        value = value.get("choices", value.get("label", value))
    return _text(value, column)


def _marked(cells: dict[str, str]) -> str | None:
    """Return the class whose column has a 1, None without one."""
    marked = [name for name, cell in cells.items() if cell.lower() in _YES]
    other = [name for name, cell in cells.items() if cell.lower() not in _YES + _NO]
    if other:
        raise _BadCell(f"has {cells[other[0]][:40]!r} in the column {other[0][:40]}; it holds 0 or 1")
    if len(marked) > 1:
        raise _BadCell(f"has {len(marked)} classes: {', '.join(marked)[:80]}")
    return None if not marked or key(marked[0]) in _UNLABELLED else marked[0]


def _one_hot(sheet: Sheet, suggested: ColumnChoice) -> tuple[str, ...]:
    """Return the columns of a table with a column of 0 and 1 for each class; () for any other table."""
    used = (suggested.path, suggested.split, *SPLIT_WORDS, "")
    others = [name for name in dict.fromkeys(sheet.columns) if name not in used]
    if suggested.path is None or len(others) < 2:
        return ()
    head = sheet.head(others)
    at = {name: n for n, name in reversed(list(enumerate(sheet.columns)))}
    values = [text_of(row.values[at[name]]) for row in head for name in others if at[name] < len(row.values)]
    is_one_hot = bool(values) and all(value.lower() in _YES + _NO for value in values) and any(values)
    return tuple(others) if is_one_hot else ()


def _column(sheet: Sheet, name: str) -> list[str]:
    at = sheet.columns.index(name)
    values = [text_of(row.values[at]) for row in sheet.head([name]) if at < len(row.values)]
    return [value for value in values if value]


def _split(text: str, column: str) -> Split | None:
    if not text:
        return None
    if key(column) == "isvalid":
        if text.lower() not in _YES + _NO:
            raise _BadCell(f"has {column} {text[:40]!r}; it holds True or False")
        return "valid" if text.lower() in _YES else "train"
    split = layout.split_named(text)
    if split is None:
        raise _BadCell(f"has the split {text[:40]!r}; use train, valid or test")
    return split


def _credit(columns: Columns, value: Callable[[str], object]) -> Credit:
    if not (columns.page_url or columns.licence or columns.author):
        return NO_CREDIT
    page_url = text_of(value(columns.page_url)) if columns.page_url else ""
    is_link = page_url.startswith(("https://", "http://"))  # Never a link that runs a script.
    licence = next((text for name in columns.licence if (text := text_of(value(name)))), None)
    author = text_of(value(columns.author)) if columns.author else ""
    return Credit(page_url if is_link else None, licence, author or None)
