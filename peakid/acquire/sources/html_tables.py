"""Read the tables of an HTML page as text with links: spanned cells are repeated, footnote marks left out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

MAX_CELLS = 200_000  # Of a table, with spanned cells repeated; the rows beyond are left out.
MAX_COLUMNS = MAX_SPAN = 1000
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_LEFT_OUT = frozenset(("reference", "sortkey", "noprint", "mw-editsection", "error", "mw-empty-elt"))
_NOT_DATA = re.compile(r"navbox|infobox|metadata|ambox|mbox|sidebar|toc\b|mw-collapsible-toggle")
_HIDDEN = re.compile(r"display\s*:\s*none")
_MARK = re.compile(r"\s*\[[^\[\]]{1,12}\]|[\s*†‡§¶]+$|^[*†‡§¶]+\s*|[\u200b-\u200f\u2060\ufeff\u00ad]")


@dataclass(frozen=True)
class Cell:
    """Attributes:
    text: On one line, without footnote marks.
    link: The address of its first link that has a text; '' = none.
    is_header: Whether it is a `th`.
    """

    text: str = ""
    link: str = ""
    is_header: bool = False


@dataclass(frozen=True)
class HtmlTable:
    """Attributes:
    columns: Their headings; of several lines joined by a blank. Without a heading, their numbers from 1.
    rows: As many cells each as there are columns. A line that one cell fills is no row.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def read(html: str) -> list[HtmlTable]:
    """Return the tables of a page that have data, in order; boxes of navigation and facts are none."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [table for raw in reader.done if (table := _table(raw)) is not None]


def plain(text: str) -> str:
    """Return a text on one line, without footnote marks."""
    return _MARK.sub("", " ".join(text.split())).strip()


@dataclass
class _RawCell:
    is_header: bool
    columns: int
    rows: int
    texts: list[str] = field(default_factory=list)
    link: str = ""

    @cached_property
    def cell(self) -> Cell:
        return Cell(plain("".join(self.texts)), self.link, self.is_header)


@dataclass
class _RawTable:
    is_data: bool
    caption: list[str] = field(default_factory=list)
    rows: list[list[_RawCell]] = field(default_factory=list)
    cell: _RawCell | None = None
    is_caption: bool = False


class _Reader(HTMLParser):
    """Collects cells. Of a table inside another one, the text belongs to the inner one."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[_RawTable] = []
        self._tables: list[_RawTable] = []
        self._left_out: list[str] = []  # The open elements of what is left out, outermost first.
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._left_out or _is_left_out(tag, given):
            if tag not in _VOID:
                self._left_out.append(tag)
            return
        if tag == "table":
            table = _RawTable(not _NOT_DATA.search(given.get("class", "")))
            self._tables.append(table)
            self.done.append(table)
            return
        if not self._tables:
            return
        table = self._tables[-1]
        if tag == "tr":
            table.rows.append([])
            table.cell = None
        elif tag in ("td", "th"):
            if not table.rows:
                table.rows.append([])
            table.cell = _RawCell(tag == "th", _span(given, "colspan"), _span(given, "rowspan"))
            table.rows[-1].append(table.cell)
        elif tag == "caption":
            table.is_caption = True
        elif tag == "a":
            self._link = given.get("href", "")
        elif tag in ("br", "p", "li", "div") and table.cell:
            table.cell.texts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            while tag in self._left_out and self._left_out.pop() != tag:
                pass
            return
        if tag == "a":
            self._link = ""
        elif self._tables and tag == "table":
            self._tables.pop()
        elif self._tables and tag in ("td", "th", "tr"):
            self._tables[-1].cell = None
        elif self._tables and tag == "caption":
            self._tables[-1].is_caption = False

    def handle_data(self, data: str) -> None:
        if self._left_out or not self._tables:
            return
        table = self._tables[-1]
        if table.is_caption:
            table.caption.append(data)
        elif table.cell:
            table.cell.texts.append(data)
            if self._link and not table.cell.link and data.strip():
                table.cell.link = self._link


def _is_left_out(tag: str, given: dict[str, str]) -> bool:
    is_hidden = bool(_HIDDEN.search(given.get("style", "")))
    return tag in ("style", "script") or is_hidden or bool(_LEFT_OUT & set(given.get("class", "").split()))


def _span(given: dict[str, str], name: str) -> int:
    text = given.get(name, "").strip()
    return min(int(text[:6]), MAX_SPAN) if text.isascii() and text.isdecimal() else 1


def _table(raw: _RawTable) -> HtmlTable | None:
    """Return a table with a heading and rows; None where it has no data."""
    grid = _grid(raw.rows) if raw.is_data else []
    width = max((len(row) for row in grid), default=0)
    if width == 0:
        return None
    n_heading = next((n for n, row in enumerate(grid) if not _is_heading(row)), len(grid))
    lines = [[*row, *[_RawCell(False, 1, 1)] * (width - len(row))] for row in grid]
    heading = [row for row in lines[:n_heading] if width == 1 or not _is_filled_by_one(row)]
    rows = [
        tuple(each.cell for each in row)
        for row, given in zip(lines[n_heading:], grid[n_heading:], strict=True)
        if not _is_heading(given) and (width == 1 or not _is_filled_by_one(row))
    ]
    rows = [row for row in rows if any(each.text for each in row)]
    if not rows:
        return None
    return HtmlTable(plain("".join(raw.caption)), _columns(heading, width), tuple(rows))


def _is_heading(row: Sequence[_RawCell]) -> bool:
    return all(each.is_header for each in row)


def _is_filled_by_one(row: Sequence[_RawCell]) -> bool:
    return all(each is row[0] for each in row)


def _columns(heading: Sequence[Sequence[_RawCell]], width: int) -> tuple[str, ...]:
    """Return a name for each column, each once."""
    names: list[str] = []
    for n in range(width):
        parts = dict.fromkeys(text for row in heading if (text := row[n].cell.text))
        name = " ".join(parts) or str(n + 1)
        names.append(name if name not in names else f"{name} ({n + 1})")
    return tuple(names)


def _grid(rows: Sequence[Sequence[_RawCell]]) -> list[list[_RawCell]]:
    """Return the rows with each cell wherever it reaches. A row span of 0 reaches to the end."""
    grid: list[list[_RawCell]] = []
    open_: dict[int, tuple[int, _RawCell]] = {}  # By column: how many more rows a cell reaches into.
    width = 0
    for number, row in enumerate(rows):
        line: list[_RawCell] = []
        waiting, further = list(row), dict(open_)
        open_ = {}
        while waiting or any(column >= len(line) for column in further):
            column = len(line)
            if column >= MAX_COLUMNS:
                break
            if column in further:
                left, cell = further.pop(column)
                line.append(cell)
                if left > 1:
                    open_[column] = left - 1, cell
            elif waiting:
                cell = waiting.pop(0)
                n_rows = cell.rows or len(rows) - number
                for at in range(column, min(column + max(cell.columns, 1), MAX_COLUMNS)):
                    further.pop(at, None)
                    line.append(cell)
                    if n_rows > 1:
                        open_[at] = n_rows - 1, cell
            else:
                line.append(_RawCell(False, 1, 1))
        width = max(width, len(line))
        if width * (number + 1) > MAX_CELLS:
            break
        if line:
            grid.append(line)
    return grid
