"""A folder of photos on this machine: walked without following links out of it, each file judged by decoding it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from peakid.acquire import ingest, layout, reading, table
from peakid.acquire.ingest import Arrival
from peakid.errors import BadInput, NothingToImport
from peakid.records import ImportReport, Report, Source, no_report
from peakid.store.workspace import DATABASE_NAME, Workspace

METADATA_NAMES = ("metadata.csv", "metadata.jsonl")  # Hugging Face's imagefolder.


def import_folder(
    workspace: Workspace,
    path: Path,
    *,
    in_place: bool = False,
    actor: str,
    report: Report = no_report,
    source: Source = "folder",
) -> ImportReport:
    """Import every image below a folder; its folders say class and split (see `layout.places`).

    A `metadata.csv` or `metadata.jsonl` at the top goes before the folder names. Nothing in the folder is changed.

    Args:
        in_place: Leave the bytes where they are and remember the folder, instead of copying them.

    Raises:
        BadInput: If there is no such folder.
        NothingToImport: If no file lies in it.
    """
    root = reading.checked_folder(path)
    arrivals = _arrivals(root)
    if not arrivals:
        raise NothingToImport(
            f"No file lies in the folder {root}.",
            "Give the folder that holds the photos or the class folders.",
        )
    return ingest.ingest(
        workspace, arrivals, source=source, root=root, is_in_place=in_place, actor=actor, report=report
    )


def _arrivals(root: Path) -> list[Arrival]:
    found = list(_walk(root))
    arrivals = _placed(
        [
            arrival
            for arrival in found
            if arrival.path not in METADATA_NAMES or _rows(root / arrival.path) is None
        ]
    )
    said = {
        row.path: row
        for name in METADATA_NAMES
        if (root / name).is_file()
        for row in _rows(root / name) or []
    }
    return [
        replace(one, label=row.label, split=row.split or one.split, credit=row.credit)
        if (row := said.get(one.path)) is not None
        else one
        for one in arrivals
    ]


def _rows(file: Path) -> list[table.Row] | None:
    """Read metadata that says labels; None for a file of that name which says something else."""
    try:
        return table.read_rows(file)
    except (BadInput, OSError):
        return None


def _placed(found: list[Arrival]) -> list[Arrival]:
    """Give every arrival the label and split of its folders; a rejected one keeps its class, too."""
    places = layout.places(
        [arrival.path for arrival in found if arrival.rejection is None or arrival.rejection[0] != "hidden"]
    )
    told = ((arrival, places.get(arrival.path, layout.OUTSIDE)) for arrival in found)
    return [replace(arrival, label=place.label, split=place.split) for arrival, place in told]


def _walk(root: Path) -> Iterator[Arrival]:
    denied: list[Arrival] = []
    for folder, names, files in os.walk(root, onerror=_denial(root, denied)):
        below = Path(folder)
        inside = {name: _printable((below / name).relative_to(root)) for name in names}
        closed = {
            name: refusal for name in names if (refusal := _closed(below / name, inside[name])) is not None
        }
        yield from closed.values()
        names[:] = sorted(name for name in names if name not in closed)
        yield from (_arrival(root, (below / name).relative_to(root)) for name in files)
    yield from denied


def _denial(root: Path, denied: list[Arrival]) -> Callable[[OSError], None]:
    def note(error: OSError) -> None:
        path = Path(error.filename).relative_to(root)
        denied.append(
            Arrival(
                _printable(path), rejection=("no_permission", f"folder cannot be opened: {error.strerror}")
            )
        )

    return note


def _closed(folder: Path, path: str) -> Arrival | None:
    """Answer one rejection for a whole folder that is not gone into."""
    if layout.hidden_part(path) is not None:
        return Arrival(path, rejection=("hidden", "a hidden folder"))
    if folder.is_symlink():
        return Arrival(path, rejection=("unsafe_path", "a link to a folder; links are not followed"))
    if (folder / DATABASE_NAME).exists():
        return Arrival(path, rejection=("hidden", "a Peakid workspace"))
    return None


def _arrival(root: Path, path: Path) -> Arrival:
    if layout.hidden_part(path.name) is not None:
        return Arrival(_printable(path), rejection=("hidden", "a hidden file or one of the operating system"))
    rejection = reading.objection(root, path.as_posix())
    return Arrival(
        _printable(path), read=None if rejection else reading.reader(root / path), rejection=rejection
    )


def _printable(path: Path) -> str:
    """Write a path as UTF-8, bytes that are none as \\xNN: the database takes no other."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
