"""Import tables of paths and labels (CSV, JSON lines, Parquet) of Peakid, fastai and Hugging Face."""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peakid.acquire import import_reading, ingest, layout, reading
from peakid.acquire.arrival import Arrival
from peakid.errors import BadInput, ExtraMissing, NothingToImport, UnknownColumns
from peakid.import_records import ImportReading
from peakid.records import NO_CREDIT, Credit, ImportReport, Report, Split, no_report
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    import pandas

PATH_COLUMNS = ("path", "file_name", "name")  # Peakid and fastai; Hugging Face; fastai's image cleaner.
LABEL_COLUMNS = ("label", "noisy_labels_0")
SPLIT_COLUMNS = ("split", "is_valid")
CREDIT_COLUMNS = ("page_url", "licence", "license", "author")
KNOWN_COLUMNS = (*PATH_COLUMNS, *LABEL_COLUMNS, *SPLIT_COLUMNS, *CREDIT_COLUMNS)
JSON_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_START = b"PAR1"
DELIMITERS = ",;\t|"
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no", "")


@dataclass(frozen=True)
class Row:
    """One row of a table. `place` is "line 2", or "row 1" in Parquet; `problem` says why it is unusable."""

    place: str
    path: str
    label: str | None
    split: Split | None
    credit: Credit = NO_CREDIT
    problem: str = ""


@dataclass(frozen=True)
class _Table:
    """All cells as text.

    Attributes:
        columns: The names of all columns in the file.
        cells: The columns that were read. None: the row has no such cell, or it is null.
        places: Where each row is in the file.
        problems: Why each row cannot be used, '' if it can.
    """

    columns: list[str]
    cells: "pandas.DataFrame"
    places: list[str]
    problems: list[str]


def import_csv(
    workspace: Workspace, file: Path, *, root: Path, actor: str, report: Report = no_report
) -> ImportReport:
    """Import the images listed in a table, with their labels and splits.

    The columns are `path,label[,split]` (Peakid), `name,label` (fastai's image cleaner),
    `path,noisy_labels_0[,...],is_valid` (fastai's noisy labels) or `file_name,label[,split]` (Hugging Face),
    and optionally `page_url`, `licence` and `author`. Other columns are ignored. All cells are read as text,
    so a class named `NA`, `null` or `007` keeps its name. A row that does not fit the header is rejected.

    Args:
        file: CSV (also with semicolons or tabs), JSON lines, or Parquet.
        root: The folder that the paths are relative to.

    Raises:
        BadInput: If the table or the root does not exist, or a split is unknown.
        UnknownColumns: If the table has no column for paths or for labels.
        NothingToImport: If it has no rows.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    root = reading.checked_folder(root)
    arrivals = _arrivals(file, root)
    return ingest.ingest(workspace, arrivals, source="csv", root=root, actor=actor, report=report)


def preview(file: Path, *, root: Path, known_classes: Sequence[str] = ()) -> ImportReading:
    """Return what `import_csv` would read, without opening a photo. It raises the same errors."""
    return import_reading.of(_arrivals(file, reading.checked_folder(root)), known_classes=known_classes)


def _arrivals(file: Path, root: Path) -> list[Arrival]:
    rows = read_rows(reading.checked_file(file))
    if not rows:
        raise NothingToImport(
            f"The table {file} has a header and no rows.", "Give a table with a row for each image."
        )
    finder = reading.PathFinder(root)
    return [_arrival(finder, row) for row in rows]


def read_rows(file: Path) -> list[Row]:
    """Read every row of a table.

    Raises:
        UnknownColumns: If it has no column for paths or for labels.
        BadInput: If it cannot be read, or a row has an unknown split.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    table = _read(file)
    columns = table.columns
    path, label = _first(PATH_COLUMNS, columns), _first(LABEL_COLUMNS, columns)
    if path is None or label is None:
        raise UnknownColumns(
            f"The table {file} has the columns {', '.join(columns) or '(none)'}; it needs one of"
            f" {', '.join(PATH_COLUMNS)} and one of {', '.join(LABEL_COLUMNS)}.",
            "Name its columns path,label or path,label,split.",
        )
    known = table.cells[[name for name in KNOWN_COLUMNS if name in columns]]
    records = [dict(zip(known.columns, values, strict=True)) for values in known.itertuples(index=False)]
    return [
        _row(file, place, cells, path, label, problem)
        for place, cells, problem in zip(table.places, records, table.problems, strict=True)
    ]


def rejected(row: Row) -> Arrival:
    """Return the rejection of a row that does not fit its table."""
    return Arrival(row.place, rejection=("bad_row", row.problem))


_Cells = dict[str, str | None]


def _row(file: Path, place: str, cells: _Cells, path: str, label: str, problem: str) -> Row:
    if problem:
        return Row(place, "", None, None, problem=problem)
    split = _split(file, place, cells)
    return Row(place, _cell(cells, path), _cell(cells, label) or None, split, _credit(cells))


def _arrival(finder: reading.PathFinder, row: Row) -> Arrival:
    root = finder.root
    if row.problem:
        return rejected(row)
    if not row.path:
        return Arrival(row.place, row.label, row.split, rejection=("missing_file", "the row has no path"))
    inside = os.path.normpath(row.path if "/" in row.path else row.path.replace("\\", "/"))
    if Path(inside).is_absolute():
        inside = os.path.relpath(inside, root)
    if inside.split("/")[0] == "..":
        return Arrival(row.path, row.label, row.split, rejection=("unsafe_path", f"is outside {root}"))
    if layout.hidden_part(inside) is not None:
        hidden = "hidden", "a hidden or system file, or in a hidden folder"
        return Arrival(inside, row.label, row.split, rejection=hidden)
    inside = finder.actual(inside)
    rejection = reading.rejection(root, inside)
    read = None if rejection else reading.reader(root / inside)
    return Arrival(inside, row.label, row.split, read, rejection, row.credit, is_from_table=True)


def _read(file: Path) -> _Table:
    if _starts_with(file, PARQUET_START):
        return _read_parquet(file)
    text = _text(file)
    is_json = file.suffix.lower() in JSON_SUFFIXES or text.lstrip().startswith("{")
    return _read_json_lines(file, text) if is_json else _read_csv(file, text)


def _starts_with(file: Path, start: bytes) -> bool:
    with file.open("rb") as data:
        return data.read(len(start)) == start


def _text(file: Path) -> str:
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")  # Written by spreadsheets on Windows.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_csv(file: Path, text: str) -> _Table:
    import pandas  # Takes 0.4 s; an import of a folder does not need it.

    text = text.rstrip("\n")
    delimiter = max(DELIMITERS, key=text.split("\n", 1)[0].count)
    header = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=delimiter), [])]
    if not header:
        return _Table([], pandas.DataFrame(), [], [])
    n = len(header)
    try:
        # One column more than the header has, for what does not fit. A cell that a short row lacks is NaN.
        frame = pandas.read_csv(  # ty: ignore[no-matching-overload] - its stubs lack on_bad_lines functions.
            io.StringIO(text, newline=""),
            sep=delimiter,
            header=None,
            names=range(n + 1),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            engine="python",
            on_bad_lines=lambda cells: [*cells[:n], "".join(cells[n:])],
        )
    except (csv.Error, ValueError) as error:  # ValueError: pandas' ParserError.
        raise _unreadable(file, str(error)) from error
    frame = frame.astype(object).where(frame.notna(), None)
    lines = _last_lines(file, text, frame)
    is_blank = frame.map(lambda cell: not (cell or "").strip()).all(axis=1)
    is_row = ~is_blank & (frame.index > 0)  # The first one is the header.
    problems = [_problem(header, values) for values in frame[is_row].itertuples(index=False)]
    cells = frame.loc[is_row, [header.index(name) for name in dict.fromkeys(header)]]
    cells.columns = list(dict.fromkeys(header))
    places = [f"line {line}" for line, is_kept in zip(lines, is_row, strict=True) if is_kept]
    return _Table(list(cells.columns), cells, places, problems)


def _last_lines(file: Path, text: str, frame: "pandas.DataFrame") -> list[int]:
    """Return the last line of each row, from 1; a quoted cell may have several lines.

    Raises:
        BadInput: If rows are missing: pandas drops everything after a quotation mark that is not closed.
    """
    n_breaks = frame.map(lambda cell: (cell or "").count("\n")).sum(axis=1)
    lines = (n_breaks + 1).cumsum().astype(int).tolist()
    if lines[-1] != text.count("\n") + 1:
        raise _unreadable(file, f"a quotation mark opened after line {lines[-1]} is not closed")
    return lines


def _problem(header: Sequence[str], cells: Sequence[str | None]) -> str:
    """Return why a row of a CSV file does not fit the header, '' if it fits or lacks only unneeded cells."""
    n = len(header)
    if (cells[n] or "").strip():
        return f"has more cells than the header, which has {n}"
    needed = (*PATH_COLUMNS, *LABEL_COLUMNS, *SPLIT_COLUMNS)
    missing = [name for name, cell in zip(header, cells, strict=False) if cell is None and name in needed]
    return f"has no cell for the column {missing[0]}" if missing else ""


def _read_json_lines(file: Path, text: str) -> _Table:
    import pandas

    # Parsed here: pandas.read_json would turn a class named 7 into 7.0 if another row has no label.
    records = dict(_json_objects(file, text))
    names = list(dict.fromkeys(name for cells in records.values() for name in cells))
    rows = [[_as_text(cells.get(name)) for name in names] for cells in records.values()]
    frame = pandas.DataFrame(rows, columns=names, dtype=object)
    return _Table(names, frame, [f"line {line}" for line in records], [""] * len(records))


def _json_objects(file: Path, text: str) -> Iterator[tuple[int, dict[str, object]]]:
    for n, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as error:
            message = f"Line {n} of {file} is not JSON: {error}."
            raise BadInput(message, "Write one JSON object per line.") from error
        if not isinstance(cells, dict):
            message = f"Line {n} of {file} is not a JSON object: {line[:40]}."
            raise BadInput(message, "Write one JSON object per line.")
        yield n, cells


def _read_parquet(file: Path) -> _Table:
    import pandas

    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ExtraMissing(
            f"{file} is a Parquet file; reading it needs the package pyarrow.",
            "Install it with: pip install pyarrow",
        ) from error
    try:
        # Other columns may hold the images themselves.
        columns = parquet.read_schema(file).names
        names = [name for name in columns if name in KNOWN_COLUMNS]
        frame = pandas.read_parquet(file, columns=names, dtype_backend="pyarrow", engine="pyarrow")
    except (ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, str(error)) from error
    rows = [[_as_text(value) for value in values] for values in frame.itertuples(index=False)]
    cells = pandas.DataFrame(rows, columns=names, dtype=object)
    return _Table(columns, cells, [f"row {n}" for n in range(1, len(rows) + 1)], [""] * len(rows))


def _as_text(value: object) -> str | None:
    import pandas

    return None if value is None or value is pandas.NA else str(value)


def _unreadable(file: Path, why: str) -> BadInput:
    return BadInput(
        f"{file} cannot be read as a table: {why}.",
        "Give a CSV file with a header line, JSON lines, or a Parquet file.",
    )


def _first(wanted: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in columns), None)


def _cell(cells: _Cells, column: str) -> str:
    return (cells.get(column) or "").strip()


def _credit(cells: _Cells) -> Credit:
    page_url = _cell(cells, "page_url")
    is_link = page_url.startswith(("https://", "http://"))  # Never a link that runs a script.
    return Credit(
        page_url if is_link else None,
        _cell(cells, "licence") or _cell(cells, "license") or None,
        _cell(cells, "author") or None,
    )


def _split(file: Path, place: str, cells: _Cells) -> Split | None:
    name, is_valid = _cell(cells, "split").lower(), _cell(cells, "is_valid").lower()
    if name:
        split = layout.split_named(name)
        if split is None:
            message = f"{place.capitalize()} of {file} has the split {name!r}."
            raise BadInput(message, "Use train, valid or test.")
        return split
    if "is_valid" not in cells:
        return None
    if is_valid not in _YES + _NO:
        raise BadInput(f"{place.capitalize()} of {file} has is_valid {is_valid!r}.", "Use True or False.")
    return "valid" if is_valid in _YES else "train"
