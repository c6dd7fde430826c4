"""Read CSV files with any of the usual delimiters; a row that does not fit the header has a problem."""

import csv
import re
from collections.abc import Collection, Iterator, Sequence

from peakid.acquire.tables import columns as names
from peakid.acquire.tables.sheet import Cells, Sheet, unreadable

DELIMITERS = ",;\t|"
MAX_LINES = 5_000_000
MAX_LINE_CHARACTERS = 4 * 2**20
MAX_COLUMNS = 10_000
_N_HEADER_LINES = 10  # A header may come after a title or comments.
_SEP_LINE = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)  # Written and read by Excel.
_BLANK_AFTER_QUOTE = re.compile(r'"[ \t]+(?=[,;\t|]|$)')

# The csv module instead of pandas.read_csv, which reports neither the line of a row nor short rows, and
# drops everything after a quotation mark that is not closed.


def read(name: str, text: str) -> Sheet:
    """Read a CSV file.

    Before its header, it may have blank lines, comments, a title, and Excel's line `sep=;`. Cells may have a
    blank before a quotation mark. A row has a problem if it has more cells than the header, or quotation
    marks that do not enclose a cell; reading continues at its next line.

    Raises:
        BadInput: If it has too many lines or columns, or a line that is too long.
    """
    if text.count("\n") > MAX_LINES:
        raise unreadable(name, f"it has more than {MAX_LINES:,} lines", "Split it into several files.")
    lines = text.split("\n")
    if max(map(len, lines)) > MAX_LINE_CHARACTERS:
        why = f"it has a line of more than {MAX_LINE_CHARACTERS:,} characters"
        raise unreadable(name, why, "Check its line ends, and that it is text.")
    at, delimiter = _header_at(lines)
    header_end, header = next(((end, cells) for _, end, cells, _ in _records(lines, at, delimiter)), (0, []))
    columns = tuple(cell.strip().lstrip("\ufeff") for cell in header)
    if columns:
        columns = (columns[0].lstrip("# "), *columns[1:])
    if len(columns) > MAX_COLUMNS:
        raise unreadable(name, f"it has {len(columns):,} columns", "Check its delimiter and its line ends.")

    def rows(_columns: Collection[str]) -> Iterator[Cells]:
        for first, _, cells, problem in _records(lines, header_end, delimiter):
            if problem or any(cell.strip() for cell in cells):
                place = f"line {first + 1}"
                yield Cells(place, tuple(cells[: len(columns)]), problem or _problem(columns, cells))

    return Sheet(columns, rows)


def _header_at(lines: Sequence[str]) -> tuple[int, str]:
    """Return the index of the header line, and the delimiter."""
    given, candidates = "", []
    for at, line in enumerate(lines):
        if len(candidates) == _N_HEADER_LINES:
            break
        if match := _SEP_LINE.match(line.strip()):
            given = given or match[1]
        elif line.strip(DELIMITERS + " \ufeff"):
            candidates.append(at)
    for at in candidates:
        delimiter = _delimiter(lines[at], given)
        if names.n_known(_cells(lines[at], delimiter)) == 2:
            return at, delimiter
    without_comments = [at for at in candidates if not lines[at].lstrip().startswith("#")]
    at = next(iter(without_comments or candidates), 0)
    return at, _delimiter(lines[at], given)


def _delimiter(line: str, given: str) -> str:
    """Return the delimiter that finds the needed columns, or else the most cells."""

    def score(delimiter: str) -> tuple[int, int]:
        cells = _cells(line, delimiter)
        return names.n_known(cells), len(cells)

    return max(given or DELIMITERS, key=score)


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a header line; one that begins with `#` may be a comment or a header."""
    try:
        return next(csv.reader([line.lstrip().lstrip("# ")], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _records(lines: Sequence[str], at: int, delimiter: str) -> Iterator[tuple[int, int, list[str], str]]:
    """Yield every record: the index of its first line, the index after its last one, cells and problem."""
    while at < len(lines):
        begun = at
        numbered = (f"{lines[n]}\n" for n in range(begun, len(lines)))
        reader = csv.reader(numbered, delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
        try:
            for cells in reader:
                first, at = at, begun + reader.line_num
                yield first, at, cells, ""
        except csv.Error as error:
            first, at = at, at + 1
            yield first, at, *_mended(lines[first], delimiter, error)


def _mended(line: str, delimiter: str, error: csv.Error) -> tuple[list[str], str]:
    """Read a line again without blanks after quotation marks; return its cells, or the problem."""
    mended = _BLANK_AFTER_QUOTE.sub('"', line)
    if mended != line:
        try:
            reader = csv.reader([mended], delimiter=delimiter, skipinitialspace=True, strict=True)
            return next(reader, []), ""
        except csv.Error:
            pass
    said = str(error)
    if "field larger" in said:
        return [], f"has a cell of more than {csv.field_size_limit():,} characters"
    if "unexpected end" in said:
        return [], "has a quotation mark that is not closed"
    return [], "has a quotation mark inside a quoted cell, or one that is not closed"


def _problem(columns: Sequence[str], cells: Sequence[str]) -> str:
    n = len(columns)
    if any(cell.strip() for cell in cells[n:]):
        return f"has more cells than the header, which has {n}"
    if any(cell.lstrip().startswith('"') and not cell.startswith('"') for cell in cells):
        return "has a blank before a quotation mark"
    return ""
