"""Import the images listed in a table (CSV, JSON lines, Parquet, label files), or show how it is read."""

import functools
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peakid.acquire import import_reading, ingest, layout, path_index, reading
from peakid.acquire.arrival import Arrival
from peakid.acquire.path_index import PathIndex
from peakid.acquire.tables import reader, rows
from peakid.acquire.tables.columns import BY_NAME, ColumnChoice
from peakid.acquire.tables.rows import Row
from peakid.acquire.tables.sheet import Sheet, unreadable
from peakid.errors import BadInput, NothingToImport
from peakid.files import open_regular
from peakid.import_records import ImportReading
from peakid.records import ImportReport, RejectionReason, Report, no_report
from peakid.store.workspace import Workspace

MAX_FILE_BYTES = 50 * 2**30  # A Parquet file may hold the images, too; only columns are read from it.
N_PREVIEWED = 10
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class TablePreview:
    """The beginning of a table, as text, and how an import reads it.

    Attributes:
        rows: The first rows; each has a cell for every column.
        chosen: The columns that an import reads; None where no column is recognised. `label` is also None if
            the table has a column of 0 and 1 for each class, which `one_hot` lists.
        problem: Why an import would refuse the table; '' if it would not.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    chosen: ColumnChoice
    one_hot: tuple[str, ...] = ()
    problem: str = ""


def import_csv(
    workspace: Workspace,
    file: Path,
    *,
    root: Path,
    columns: ColumnChoice = BY_NAME,
    actor: str,
    report: Report = no_report,
) -> ImportReport:
    """Import the images listed in a table, with their labels and splits.

    The columns are recognised by their names (see `tables.columns`): those of Peakid, fastai and Hugging
    Face, and other common words. All cells are read as text, so a class named `NA`, `null` or `007` keeps its
    name. A row that does not fit the header is rejected; the others are imported. A path is also found with
    other separators, in another Unicode form or case, without its suffix, or, if it is absolute, by its end.

    Args:
        file: CSV with any usual delimiter and encoding, JSON lines, Parquet, or a label file of Label Studio,
            FiftyOne, Roboflow or COCO with one class for each image.
        root: The folder that the paths are relative to.
        columns: The columns to read, where their names are not recognised.

    Raises:
        BadInput: If the table or the root does not exist, or no row of it can be used.
        UnknownColumns: If the table has no column for paths or for labels.
        NothingToImport: If it has no rows.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    root = reading.checked_folder(root)
    arrivals = _arrivals(file, root, columns)
    return ingest.ingest(workspace, arrivals, source="csv", root=root, actor=actor, report=report)


def preview(
    file: Path, *, root: Path, columns: ColumnChoice = BY_NAME, known_classes: Sequence[str] = ()
) -> ImportReading:
    """Return what `import_csv` would read, without opening a photo. It raises the same errors."""
    arrivals = _arrivals(file, reading.checked_folder(root), columns)
    return import_reading.of(arrivals, known_classes=known_classes)


def _arrivals(file: Path, root: Path, columns: ColumnChoice) -> list[Arrival]:
    found = read_rows(file, columns)
    if not found:
        raise NothingToImport(
            f"The table {file} has a header and no rows.", "Give a table with a row for each image."
        )
    if all(row.problem for row in found):
        first = found[0]
        raise BadInput(
            f"No row of {file} can be used: {first.place} {first.problem}.",
            "Correct the table, or choose other columns.",
        )
    index = PathIndex(functools.partial(reading.paths_below, root))
    return list(unique_files(_arrival(root, index, row) for row in found))


def read_rows(file: Path, columns: ColumnChoice = BY_NAME) -> list[Row]:
    """Read every row of a table.

    Raises:
        UnknownColumns: If it has no column for paths or for labels.
        BadInput: If it cannot be read.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    with _opened(file) as sheet:
        return list(rows.read(sheet, rows.columns_of(str(file), sheet, columns)))


def read_header(file: Path, columns: ColumnChoice = BY_NAME) -> TablePreview:
    """Return the columns of a table, its first rows, and the columns that an import would read.

    Args:
        columns: The columns that a person has chosen so far.

    Raises:
        BadInput: If it cannot be read, or a chosen column does not exist.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    with _opened(file, is_head_enough=True) as sheet:
        chosen = rows.suggestion(sheet, columns)
        one_hot, problem = (), ""
        try:
            one_hot = rows.columns_of(str(file), sheet, columns).one_hot
        except BadInput as error:
            problem = error.message
        n = len(sheet.columns)
        shown = tuple(
            (*(rows.text_of(value)[:_SHOWN_CHARACTERS] for value in cells.values), *[""] * n)[:n]
            for cells in sheet.head(sheet.columns)[:N_PREVIEWED]
        )
    return TablePreview(sheet.columns, shown, chosen, one_hot, problem)


def check(file: Path, columns: ColumnChoice = BY_NAME) -> None:
    """Check that an import can read a table, by its header and its first rows.

    Raises:
        UnknownColumns: If it has no column for paths or for labels.
        BadInput: If it cannot be read.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    with _opened(file, is_head_enough=True) as sheet:
        rows.columns_of(str(file), sheet, columns)


def unique_files(arrivals: Iterable[tuple[Arrival, str]]) -> Iterator[Arrival]:
    """Reject a row whose file was found by a search if another path already means this file.

    Args:
        arrivals: Each with the path in the table.
    """
    given_by_path: dict[str, str] = {}
    for arrival, given in arrivals:
        if arrival.read is None or arrival.path == given:
            yield arrival
            continue
        first = given_by_path.setdefault(arrival.path, given)
        if first == given:
            yield arrival
        else:
            detail = f"only {arrival.path} has this name, and the row of {first} means it"
            yield Arrival(given, arrival.label, arrival.split, rejection=("missing_file", detail))


def rejected(row: Row, table: str = "") -> Arrival:
    """Return the rejection of a row that cannot be used."""
    return Arrival(f"{table}, {row.place}" if table else row.place, rejection=("bad_row", row.problem))


@contextmanager
def _opened(file: Path, *, is_head_enough: bool = False) -> Generator[Sheet]:
    path = reading.checked_file(file)
    try:
        with open_regular(path, MAX_FILE_BYTES) as data:
            yield reader.read(str(path), data, is_head_enough=is_head_enough)
    except OSError as error:
        raise unreadable(str(path), error.strerror or str(error)) from error


def _arrival(root: Path, index: PathIndex, row: Row) -> tuple[Arrival, str]:
    """Return the arrival of a row, and the path that the table gives."""
    if row.problem:
        return rejected(row), ""
    if not row.path:
        missing = Arrival(row.place, row.label, row.split, rejection=("missing_file", "the row has no path"))
        return missing, ""
    path, rejection, is_searched = _found(root, index, row.path)
    if rejection is None and layout.hidden_part(path) is not None:
        rejection = "hidden", "a hidden or system file, or in a hidden folder"
    rejection = rejection or reading.rejection(root, path)
    read = None if rejection else reading.reader(root / path)
    arrival = Arrival(path, row.label, row.split, read, rejection, row.credit, is_from_table=True)
    return arrival, row.path if is_searched else path


def _found(root: Path, index: PathIndex, given: str) -> tuple[str, tuple[RejectionReason, str] | None, bool]:
    """Return the path of a file relative to the root, why it is rejected, and whether it was searched."""
    if path_index.is_address(given):
        return given, ("missing_file", "an address; images are not downloaded"), False
    inside = given
    for path in dict.fromkeys((given, path_index.local(given))):
        inside = os.path.normpath(path)
        if Path(inside).is_absolute():
            inside = os.path.relpath(inside, root)
        if inside.split("/")[0] != ".." and reading.exists(root / inside):
            return inside, None, False
    found = [] if "\0" in given else index.find(given)
    if len(found) == 1:
        return found[0], None, True
    if found:
        return given, ("missing_file", path_index.ambiguous(found)), True
    if inside.split("/")[0] != "..":
        return inside, None, False
    if path_index.is_absolute(given) and not reading.exists(Path(given)):
        return given, ("missing_file", f"does not exist, and {root} has no file with this name"), False
    return given, ("unsafe_path", f"is outside {root}"), False
