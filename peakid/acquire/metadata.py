"""Label files inside an imported folder or archive: `metadata.csv` and its like, at any depth."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from peakid.acquire import decode_task, path_index
from peakid.acquire.arrival import Arrival
from peakid.acquire.path_index import PathIndex
from peakid.acquire.table import rejected, unique_files
from peakid.acquire.tables import reader, rows
from peakid.acquire.tables.rows import Row
from peakid.errors import BadInput, ExtraMissing, UnreadableImage

NAMES = frozenset(
    {
        *("metadata.csv", "metadata.jsonl", "metadata.parquet"),  # imagefolder of Hugging Face
        "labels.csv",  # a snapshot that Peakid wrote
        "labels.json",  # ImageClassificationDataset of FiftyOne
        "samples.json",  # FiftyOneDataset of FiftyOne
        "result.json",  # COCO export of Label Studio
        "_classes.csv",  # multi-class export of Roboflow
        "_annotations.coco.json",  # COCO export of Roboflow
    }
)


def is_label_file(path: str) -> bool:
    """Return whether a path has the name of a label file, in any case."""
    return PurePosixPath(path).name.lower() in NAMES


def divided(found: Sequence[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    """Return the label files among the files that can be read, and all other files."""
    tables = [one for one in found if one.read is not None and is_label_file(one.path)]
    paths = {one.path for one in tables}
    return tables, [one for one in found if one.path not in paths]


def applied(found: Sequence[Arrival], tables: Sequence[Arrival]) -> list[Arrival]:
    """Return the files with the labels, splits and credits of the label files, which override folder names.

    A path in a label file is relative to its folder. The label file that is nearest to an image decides. A
    label file that cannot be used becomes a rejection, and so does a row whose file does not exist; all other
    files keep what their folders say.
    """
    by_path = {one.path: one for one in found}
    listed: list[Arrival] = []
    for table in sorted(tables, key=lambda one: (one.path.count("/"), one.path)):
        try:
            given = _rows(table)
        except (BadInput, ExtraMissing, UnreadableImage) as error:
            detail = f"its labels were not read: {error.message}"
            listed.append(replace(table, read=None, rejection=("bad_table", detail)))
            continue
        listed += _labelled(by_path, table.path, given)
    return [*by_path.values(), *listed]


def _rows(table: Arrival) -> list[Row]:
    assert table.read is not None
    name = PurePosixPath(table.path).name
    sheet = reader.read_bytes(name, decode_task.read(table.read))
    found = list(rows.read(sheet, rows.columns_of(name, sheet)))
    if found and all(row.problem for row in found):
        raise BadInput(f"{found[0].place} {found[0].problem}.")
    return found


def _labelled(by_path: dict[str, Arrival], table: str, given: Sequence[Row]) -> list[Arrival]:
    """Give files the labels of one label file; return the other rows: rejections, and second labels."""
    folder = table.rpartition("/")[0]
    below = {path.removeprefix(f"{folder}/"): path for path in by_path if path.startswith(f"{folder}/")}
    inside = below if folder else {path: path for path in by_path}
    index = PathIndex(lambda: [path for path, full in inside.items() if by_path[full].read is not None])
    arrivals, problems = [], []
    labels: dict[str, str | None] = {}
    for row in given:
        if row.problem:
            problems.append(rejected(row, table))
        else:
            arrivals.append(_arrival(by_path, inside, index, table, row))
    for arrival in unique_files(arrivals):
        full = inside.get(arrival.path)
        if arrival.rejection is not None or full is None:
            problems.append(replace(arrival, path=f"{folder}/{arrival.path}" if folder else arrival.path))
        elif full not in labels or labels[full] == arrival.label:
            by_path[full] = replace(arrival, path=full)
            labels[full] = arrival.label
        else:
            problems.append(replace(arrival, path=full))  # A second origin: the image is flagged.
    return problems


def _arrival(
    by_path: dict[str, Arrival], inside: dict[str, str], index: PathIndex, table: str, row: Row
) -> tuple[Arrival, str]:
    """Return the arrival that a row labels, with its path relative to the label file, and the path given."""
    if row.path in inside:
        found = [row.path]
    else:
        found = [] if path_index.is_address(row.path) else index.find(row.path)
    if len(found) == 1:
        one = by_path[inside[found[0]]]
        split = row.split or one.split
        labelled = replace(one, label=row.label, split=split, credit=row.credit, is_from_table=True)
        return replace(labelled, path=found[0]), row.path
    why = path_index.ambiguous(found) if found else "does not exist"
    detail = f"named by {row.place} of {table}, but {why}"
    return Arrival(row.path or row.place, row.label, row.split, rejection=("missing_file", detail)), row.path
