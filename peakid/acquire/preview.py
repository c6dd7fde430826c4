"""What an import would read, for every source, before anything is taken in."""

from collections.abc import Sequence
from pathlib import Path

from peakid.acquire import archive, folder, table
from peakid.acquire.objects import importing
from peakid.acquire.tables.columns import BY_NAME, ColumnChoice
from peakid.import_records import ImportReading
from peakid.records import Source
from peakid.store_urls import StoreUrl


def preview(
    source: Source,
    path: Path | StoreUrl,
    *,
    root: Path | None = None,
    links: folder.Links = folder.NO_LINKS,
    columns: ColumnChoice = BY_NAME,
    known_classes: Sequence[str] = (),
) -> ImportReading:
    """Return the classes, splits and skipped files of an import. Photos are not opened, nothing is stored.

    Args:
        path: A folder, a zip archive or a table, depending on `source`; for a folder also a place in an
            image store.
        root: The folder that a table's paths are relative to; None = the table's own.
        columns: The columns of a table to read, where their names are not recognised.
        known_classes: Classes of the workspace, to find names that differ from them only in case.

    Raises:
        BadInput: If there is no such file or folder, or it cannot be read.
        NothingToImport: If it has no files.
    """
    if isinstance(path, StoreUrl):
        return importing.preview(path, known_classes=known_classes)
    if source == "zip":
        return archive.preview(path, known_classes=known_classes)
    if source == "csv":
        base = root or path.absolute().parent
        return table.preview(path, root=base, columns=columns, known_classes=known_classes)
    return folder.preview(path, links=links, known_classes=known_classes)
