"""Tables of paths and labels: CSV or JSON lines, as Peakid, fastai and Hugging Face write them."""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peakid.acquire import ingest, layout, reading
from peakid.acquire.ingest import Arrival
from peakid.errors import BadInput, NothingToImport, UnknownColumns
from peakid.records import NO_CREDIT, Credit, ImportReport, Report, Split, no_report
from peakid.store.workspace import Workspace

PATH_COLUMNS = ("path", "file_name", "name")  # Ours and fastai's; Hugging Face's; fastai's cleaner's.
LABEL_COLUMNS = ("label", "noisy_labels_0")
DELIMITERS = ",;\t|"
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no", "")


@dataclass(frozen=True)
class Row:
    """One line of a table. `line` counts from 1, the header included."""

    line: int
    path: str
    label: str | None
    split: Split | None
    credit: Credit = NO_CREDIT


def import_csv(
    workspace: Workspace, file: Path, *, root: Path, actor: str, report: Report = no_report
) -> ImportReport:
    """Import the images that a table names, with its labels and splits.

    Columns are `path,label[,split]`, `name,label` (fastai's cleaner), `path,noisy_labels_0[,...],is_valid` (fastai's
    noisy labels), or `file_name,label[,split]` as CSV or JSON lines (Hugging Face), each with `page_url`, `licence` and
    `author` where the table has them; others are left alone.

    Args:
        root: The folder that the table's paths are relative to.

    Raises:
        BadInput: If the table or the root is not there, or a split has no known name.
        UnknownColumns: If the table says no path or no label.
        NothingToImport: If it has no rows.
    """
    root = reading.checked_folder(root)
    rows = read_rows(reading.checked_file(file))
    if not rows:
        raise NothingToImport(
            f"The table {file} has a header and no rows.", "Give one with a line for each image."
        )
    arrivals = [_arrival(root, row) for row in rows]
    return ingest.ingest(workspace, arrivals, source="csv", root=root, actor=actor, report=report)


def read_rows(file: Path) -> list[Row]:
    """Read every row of a table.

    Raises:
        UnknownColumns: If it says no path or no label.
        BadInput: If a line cannot be read or names an unknown split.
    """
    text = _text(file)
    is_json = file.suffix.lower() in (".jsonl", ".ndjson") or text.lstrip().startswith("{")
    try:
        lines = list(_json_lines(file, text) if is_json else _csv_lines(text))
        columns = (
            list(dict.fromkeys(name for _, cells in lines for name in cells)) if is_json else _header(text)
        )
    except csv.Error as error:
        raise BadInput(
            f"{file} cannot be read as a table: {error}.", "Give a CSV with a header line, or JSON lines."
        ) from error
    path, label = _first(PATH_COLUMNS, columns), _first(LABEL_COLUMNS, columns)
    if path is None or label is None:
        raise UnknownColumns(
            f"The table {file} has the columns {', '.join(columns) or '(none)'}; it needs one of {', '.join(PATH_COLUMNS)}"
            f" and one of {', '.join(LABEL_COLUMNS)}.",
            "Name its columns path,label or path,label,split.",
        )
    return [
        Row(n, _cell(cells, path), _cell(cells, label) or None, _split(file, n, cells), _credit(cells))
        for n, cells in lines
    ]


def _arrival(root: Path, row: Row) -> Arrival:
    if not row.path:
        return Arrival(
            f"line {row.line}", row.label, row.split, rejection=("missing_file", "the line names no path")
        )
    inside = os.path.normpath(row.path if "/" in row.path else row.path.replace("\\", "/"))
    if Path(inside).is_absolute():
        inside = os.path.relpath(inside, root)
    if inside.split("/")[0] == "..":
        return Arrival(row.path, row.label, row.split, rejection=("unsafe_path", f"lies outside {root}"))
    rejection = reading.objection(root, inside)
    return Arrival(
        inside,
        row.label,
        row.split,
        None if rejection else reading.reader(root / inside),
        rejection,
        row.credit,
    )


def _text(file: Path) -> str:
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # What spreadsheets on Windows write.


def _delimiter(text: str) -> str:
    header = text.split("\n", 1)[0]
    return max(DELIMITERS, key=header.count)


def _header(text: str) -> list[str]:
    return [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=_delimiter(text)), [])]


def _csv_lines(text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    header = _header(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    next(reader, None)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, dict(zip(header, cells, strict=False))


def _json_lines(file: Path, text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for n, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as error:
            raise BadInput(
                f"Line {n} of {file} is not JSON: {error}.", "Write one JSON object a line."
            ) from error
        if not isinstance(cells, dict):
            raise BadInput(
                f"Line {n} of {file} is not a JSON object: {line[:40]}.", "Write one JSON object a line."
            )
        yield n, cells


def _first(wanted: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in columns), None)


def _cell(cells: Mapping[str, Any], column: str) -> str:
    value = cells.get(column)
    return "" if value is None else str(value).strip()


def _credit(cells: Mapping[str, Any]) -> Credit:
    page_url = _cell(cells, "page_url")
    is_link = page_url.startswith(
        ("https://", "http://")
    )  # Anything else would be a link that does something.
    return Credit(
        page_url if is_link else None,
        _cell(cells, "licence") or _cell(cells, "license") or None,
        _cell(cells, "author") or None,
    )


def _split(file: Path, line: int, cells: Mapping[str, Any]) -> Split | None:
    name, is_valid = _cell(cells, "split").lower(), _cell(cells, "is_valid").lower()
    if name:
        split = layout.split_named(name)
        if split is None:
            raise BadInput(f"Line {line} of {file} has the split {name!r}.", "Use train, valid or test.")
        return split
    if "is_valid" not in cells:
        return None
    if is_valid not in _YES + _NO:
        raise BadInput(f"Line {line} of {file} has is_valid {is_valid!r}.", "Use True or False.")
    return "valid" if is_valid in _YES else "train"
