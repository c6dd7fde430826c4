"""Import a folder on this machine. Links that leave the folder are not followed."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from peakid.acquire import ingest, layout, metadata, reading
from peakid.acquire.ingest import Arrival
from peakid.errors import NothingToImport
from peakid.records import ImportReport, Report, Source, no_report
from peakid.store.workspace import DATABASE_NAME, Workspace


def import_folder(
    workspace: Workspace,
    path: Path,
    *,
    in_place: bool = False,
    actor: str,
    report: Report = no_report,
    source: Source = "folder",
) -> ImportReport:
    """Import every image in a folder and its subfolders, which give class and split (see `layout.places`).

    A label file in the folder or below it, such as `metadata.csv`, takes precedence over the names of
    subfolders (see `metadata`). The folder is not changed.

    Args:
        in_place: Do not copy the images; read them from the folder whenever they are needed.

    Raises:
        BadInput: If there is no such folder.
        NothingToImport: If the folder has no files.
    """
    root = reading.checked_folder(path)
    arrivals = _arrivals(root)
    if not arrivals:
        raise NothingToImport(
            f"The folder {root} has no files.",
            "Choose the folder with the photos or the class folders.",
        )
    return ingest.ingest(
        workspace, arrivals, source=source, root=root, is_in_place=in_place, actor=actor, report=report
    )


def _arrivals(root: Path) -> list[Arrival]:
    tables, found = metadata.divided(list(_walk(root)))
    return metadata.applied(_placed(found), tables)


def _placed(found: list[Arrival]) -> list[Arrival]:
    """Give every arrival the label and split of its folders; a rejected one has a label, too."""
    visible = [one for one in found if one.rejection is None or one.rejection[0] != "hidden"]
    visible = [one for one in visible if not reading.is_too_deep(one.path)]
    places = layout.places([one.path for one in visible])
    pairs = [(one, places.get(one.path, layout.OUTSIDE)) for one in found]
    return [replace(one, label=place.label, split=place.split) for one, place in pairs]


def _walk(root: Path) -> Iterator[Arrival]:
    denied: list[Arrival] = []
    for folder, names, files in os.walk(root, onerror=_noting(root, denied)):
        below = Path(folder)
        inside = {name: _printable((below / name).relative_to(root)) for name in names}
        skipped = {name: arrival for name in names if (arrival := _skipped(below / name, inside[name]))}
        yield from skipped.values()
        names[:] = sorted(name for name in names if name not in skipped)
        yield from (_arrival(root, (below / name).relative_to(root)) for name in files)
    yield from denied


def _noting(root: Path, denied: list[Arrival]) -> Callable[[OSError], None]:
    def note(error: OSError) -> None:
        path = _printable(Path(error.filename).relative_to(root))
        detail = f"folder cannot be opened: {error.strerror}"
        denied.append(Arrival(path, rejection=("no_permission", detail)))

    return note


def _skipped(folder: Path, path: str) -> Arrival | None:
    """Return one rejection for a folder that is not searched, None for any other folder."""
    if layout.hidden_part(path) is not None:
        return Arrival(path, rejection=("hidden", "a hidden folder"))
    if reading.is_too_deep(f"{path}/"):
        return Arrival(path, rejection=("unsafe_path", f"a folder {reading.TOO_DEEP}"))
    if folder.is_symlink():
        return Arrival(path, rejection=("unsafe_path", "a link to a folder; links are not followed"))
    if (folder / DATABASE_NAME).exists():
        return Arrival(path, rejection=("hidden", "a Peakid workspace"))
    return None


def _arrival(root: Path, path: Path) -> Arrival:
    if layout.hidden_part(path.name) is not None:
        return Arrival(_printable(path), rejection=("hidden", "a hidden file or a system file"))
    rejection = reading.rejection(root, path.as_posix())
    read = None if rejection else reading.reader(root / path)
    return Arrival(_printable(path), read=read, rejection=rejection)


def _printable(path: Path) -> str:
    """Return a path as valid UTF-8, as the database needs it; other bytes become backslash escapes."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
