"""Import a zip archive. Its files are read from it directly and never unpacked to a path in the archive."""

import contextlib
import functools
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from peakid import settings
from peakid.acquire import import_reading, ingest, layout, metadata, not_photos, reading, zip_names
from peakid.acquire.arrival import Arrival
from peakid.errors import BadArchive, NothingToImport, UnreadableImage
from peakid.import_records import ImportNote, ImportReading
from peakid.records import ImportReport, RejectionReason, Report, no_report
from peakid.store.workspace import Workspace

# ValueError: a name that is not UTF-8, a place before the beginning. struct.error: a field that is cut off.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, OverflowError, NotImplementedError, RuntimeError),
)


def import_zip(workspace: Workspace, file: Path, *, actor: str, report: Report = no_report) -> ImportReport:
    """Import every image of a zip archive; its folders give class and split (see `layout.places`).

    Files with an absolute path or `..`, links, files with an extreme compression ratio, and files that share
    their bytes are rejected (see `reading`). All others are imported. A label file takes precedence over the
    names of folders, as in a folder (see `metadata`).

    Raises:
        BadInput: If there is no such file.
        BadArchive: If it is not a zip archive, or a damaged one.
        NotPhotos: If it is a backup, a workspace or an export of Peakid.
        NothingToImport: If it has no files.
    """
    path = reading.checked_file(file)
    arrivals, notes = _read(path)
    return ingest.ingest(
        workspace, arrivals, source="zip", root=path, notes=notes, actor=actor, report=report
    )


def preview(file: Path, *, known_classes: Sequence[str] = ()) -> ImportReading:
    """Return what `import_zip` would read, without opening a photo. It raises the same errors."""
    arrivals, notes = _read(reading.checked_file(file))
    return import_reading.of(arrivals, notes=notes, known_classes=known_classes)


def refuse_other(file: Path) -> None:
    """Raise if an archive is no archive of photos, before its import is queued. A damaged one is let pass.

    Raises:
        NotPhotos: If it is a backup, a workspace or an export of Peakid.
    """
    with contextlib.suppress(BadArchive), _opened(file) as archive:
        not_photos.refuse_archive(file, archive.infolist())


def _read(path: Path) -> tuple[list[Arrival], list[ImportNote]]:
    with _opened(path) as archive:
        not_photos.refuse_archive(path, archive.infolist())
        names = zip_names.read(archive.infolist())
        tables, found = metadata.divided(list(_arrivals(path, archive, names.names)))
    placed, notes = _placed(found)
    arrivals = metadata.applied(placed, tables)
    if not arrivals:
        raise NothingToImport(
            f"The archive {path} has no files.", "Choose one with the photos or the class folders."
        )
    return arrivals, [*notes, *names.notes]


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise BadArchive(
            f"{path} cannot be read as a zip: {error}.",
            "Download or create it again. Unpack archives of other types first.",
        ) from error


def _arrivals(file: Path, archive: zipfile.ZipFile, names: Sequence[str]) -> Iterator[Arrival]:
    hidden: set[str] = set()
    status = file.stat()
    members = archive.infolist()
    refused = reading.member_rejections(members, status.st_size)
    workspaces = not_photos.workspaces_in(names)
    for index, (member, name) in enumerate(zip(members, names, strict=True)):
        if member.is_dir():
            continue
        path = name.replace("\\", "/")
        inside = not_photos.workspace_around(path, workspaces)
        part = inside or layout.hidden_part(path)
        if part is not None:
            if part not in hidden:
                why = "a Peakid workspace" if inside else "a hidden or system file or folder"
                yield Arrival(part, rejection=("hidden", why))
            hidden.add(part)
            continue
        rejection = _rejection(path) or refused[index] or _rejection_of_table(path, member)
        read = None if rejection else _Member(file, (status.st_mtime_ns, status.st_size), index)
        yield Arrival(path, read=read, rejection=rejection)


def _placed(found: list[Arrival]) -> tuple[list[Arrival], Sequence[ImportNote]]:
    without_place = ("hidden", "unsafe_path")
    usable = [one for one in found if one.rejection is None or one.rejection[0] not in without_place]
    read = layout.read([one.path for one in usable])
    pairs = [(one, read.places.get(one.path, layout.OUTSIDE)) for one in found]
    return [replace(one, label=place.label, split=place.split) for one, place in pairs], read.notes


def _rejection(path: str) -> tuple[RejectionReason, str] | None:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")):
        return "unsafe_path", "points outside the archive"
    return ("unsafe_path", reading.TOO_DEEP) if reading.is_too_deep(path) else None


def _rejection_of_table(path: str, member: zipfile.ZipInfo) -> tuple[RejectionReason, str] | None:
    """Reject a label file that could unpack to any size: it is not read in the guarded process."""
    if metadata.is_label_file(path) and member.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        return "bad_table", "its labels were not read: label files are unpacked only if deflated"
    return None


@dataclass(frozen=True)
class _Member:
    """Reads one file of an archive, in any process. `version` detects that the archive was replaced."""

    file: Path
    version: tuple[int, int]
    index: int

    def __call__(self) -> bytes:
        try:
            archive = _kept_open(self.file, self.version)
            # Several threads may do this: the archive locks its file.
            with archive.open(archive.infolist()[self.index]) as stream:
                return stream.read(settings.current().max_image_bytes + 1)
        except (*_DAMAGE, ValueError) as error:  # ValueError: the name in its own header is not UTF-8.
            raise UnreadableImage("unreadable", f"damaged in the archive: {error}") from error


@functools.lru_cache(maxsize=1)
def _kept_open(file: Path, version: tuple[int, int]) -> zipfile.ZipFile:
    """Open an archive once for all of its files; reading its directory may take a second."""
    return zipfile.ZipFile(file)
