"""Import a zip archive. Its files are read from it directly and never unpacked to a path in the archive."""

import functools
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from peakid import settings
from peakid.acquire import import_reading, ingest, layout, reading, zip_names
from peakid.acquire.arrival import Arrival
from peakid.errors import BadArchive, NothingToImport, UnreadableImage
from peakid.import_records import ImportNote, ImportReading
from peakid.records import ImportReport, RejectionReason, Report, no_report
from peakid.store.workspace import Workspace

MAX_RATIO = 200  # No photo compresses to half a percent; a zip bomb does.
RATIO_FREE_BYTES = 10 * 2**20  # Smaller files are harmless; a blank image may compress that well.
ENCRYPTED = 0x1  # First general purpose bit, zip specification 4.4.4.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


def import_zip(workspace: Workspace, file: Path, *, actor: str, report: Report = no_report) -> ImportReport:
    """Import every image of a zip archive; its folders give class and split (see `layout.places`).

    Files with an absolute path or `..`, links, and files with an extreme compression ratio are rejected. All
    others are imported.

    Raises:
        BadInput: If there is no such file.
        BadArchive: If it is not a zip archive, or a damaged one.
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


def _read(path: Path) -> tuple[list[Arrival], list[ImportNote]]:
    with _opened(path) as archive:
        names = zip_names.read(archive.infolist())
        arrivals, notes = _placed(list(_arrivals(path, archive, names.names)))
    if not arrivals:
        raise NothingToImport(
            f"The archive {path} has no files.", "Choose one with the photos or the class folders."
        )
    return arrivals, [*notes, *names.notes]


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*_DAMAGE, ValueError) as error:
        raise BadArchive(
            f"{path} cannot be read as a zip: {error}.",
            "Download or create it again. Unpack archives of other types first.",
        ) from error


def _arrivals(file: Path, archive: zipfile.ZipFile, names: Sequence[str]) -> Iterator[Arrival]:
    hidden: set[str] = set()
    status = file.stat()
    for index, (member, name) in enumerate(zip(archive.infolist(), names, strict=True)):
        if member.is_dir():
            continue
        path = name.replace("\\", "/")
        part = layout.hidden_part(path)
        if part is not None:
            if part not in hidden:
                yield Arrival(part, rejection=("hidden", "a hidden or system file or folder"))
            hidden.add(part)
            continue
        rejection = _rejection(member, path)
        read = None if rejection else _Member(file, (status.st_mtime_ns, status.st_size), index)
        yield Arrival(path, read=read, rejection=rejection)


def _placed(found: list[Arrival]) -> tuple[list[Arrival], Sequence[ImportNote]]:
    without_place = ("hidden", "unsafe_path")
    usable = [one for one in found if one.rejection is None or one.rejection[0] not in without_place]
    read = layout.read([one.path for one in usable])
    pairs = [(one, read.places.get(one.path, layout.OUTSIDE)) for one in found]
    return [replace(one, label=place.label, split=place.split) for one, place in pairs], read.notes


def _rejection(member: zipfile.ZipInfo, path: str) -> tuple[RejectionReason, str] | None:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")):
        return "unsafe_path", "points outside the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "unsafe_path", "a link"
    if member.flag_bits & ENCRYPTED:
        return "unreadable", "is encrypted; unpack it with its password first"
    limit = settings.current().max_image_bytes
    if member.file_size > limit:
        return "too_large", f"{member.file_size:,} bytes, over the limit of {limit:,}"
    if member.file_size > max(RATIO_FREE_BYTES, MAX_RATIO * member.compress_size):
        return "too_large", f"unpacks to {member.file_size:,} bytes from {member.compress_size:,}"
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
