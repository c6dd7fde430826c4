"""Lists of URLs without a header: one URL a line, or a table whose first line is already a row."""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

from peakid.acquire.tables import delimited, reader
from peakid.acquire.tables.encoding import decoded
from peakid.acquire.tables.sheet import Cells, Sheet, unreadable

URL = re.compile(r"(https?://|data:image/)", re.IGNORECASE)
N_LOOKED_AT = 50
_OF_A_URL = re.compile(r"[/=.%]")  # A cell with one of these may be the rest of a URL with a comma.
_LINE = re.compile(r"[^\n]*\n?")


def read(name: str, file: BinaryIO) -> Sheet | None:
    """Read a list without a header or with a title line; its columns are called 1, 2, ...

    None for any other file.

    Lines are cells only where all of the first ones have the same number of them and no cell but that of
    the URL could be a part of one: a comma is allowed in a URL.

    Raises:
        BadInput: If it is larger than the limit of `tables.reader`.
        OSError: If it cannot be read.
    """
    file.seek(0)
    head = decoded(file.read(reader.HEAD_BYTES))
    file.seek(0)
    first = [line for line in head.split("\n")[: 4 * N_LOOKED_AT] if _is_line(line)][:N_LOOKED_AT]
    if not first or first[0].lstrip("\ufeff \t").startswith(("{", "[")):
        return None
    is_titled = _is_title(first)
    delimiter = None if is_titled else _delimiter(first)
    if delimiter is None and not is_titled and not _begins(first[0]):
        return None
    n_columns = len(_cells(first[0], delimiter))
    if file.seek(0, 2) > reader.MAX_TEXT_BYTES:
        limit = f"it has more than {reader.MAX_TEXT_BYTES:,} bytes"
        raise unreadable(name, limit, "Split it into several files.")
    file.seek(0)
    text = decoded(file.read(reader.MAX_TEXT_BYTES))

    def rows(_columns: Collection[str]) -> Iterator[Cells]:
        for number, match in enumerate(_LINE.finditer(text), 1):
            line = match[0].strip().lstrip("\ufeff")
            if _is_line(line) and not (is_titled and line == first[0].strip().lstrip("\ufeff")):
                yield Cells(f"line {number}", tuple(_cells(line, delimiter)))

    return Sheet(tuple(str(n + 1) for n in range(n_columns)), rows)


def _begins(line: str) -> bool:
    return URL.match(line.strip().lstrip("\ufeff").strip('"')) is not None


def _is_title(lines: Sequence[str]) -> bool:
    """Return whether the first line is the name of the only column."""
    has_cells = any(each in lines[0] for each in delimited.DELIMITERS)
    return not has_cells and not _begins(lines[0]) and len(lines) > 1 and _begins(lines[1])


def _is_line(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip("\ufeff \t").startswith("#")


def _delimiter(lines: Sequence[str]) -> str | None:
    """Return what separates the cells of lines of which each has one URL, None if there are no cells."""
    for delimiter in delimited.DELIMITERS[::-1]:  # A comma last: URLs have it.
        cells = [_cells(line, delimiter) for line in lines]
        n_columns = {len(each) for each in cells}
        if len(n_columns) != 1 or n_columns == {1}:
            continue
        at = {n for n, cell in enumerate(cells[0]) if URL.match(cell.strip())}
        others = [cell for each in cells for n, cell in enumerate(each) if n not in at]
        is_url = all(URL.match(each[n].strip()) for each in cells for n in at)
        if len(at) == 1 and is_url and not any(_OF_A_URL.search(cell) for cell in others):
            return delimiter
    return None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return [line]
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return [line]
