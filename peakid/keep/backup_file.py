"""The format of a backup file, and how one is read: nothing in it is believed before it is checked."""

import contextlib
import json
import shutil
import stat
import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from peakid import paths, printable
from peakid.errors import BadBackup
from peakid.store import tombstones
from peakid.store.workspace import BACKUP_MANIFEST, DATABASE_NAME

MANIFEST = BACKUP_MANIFEST
FORMAT = 1
FOLDERS = ("images", "runs", "exports", "logs")
CHUNK_BYTES = 4 * 2**20
MAX_MANIFEST_BYTES = 2**16
MAX_PARTS = 32  # Folders above a file. An export that a person named has the deepest path, of five or six.
MAX_RATIO = 200  # Unpacked to packed. A database packs to a fifth; a bomb, to a thousandth.
FREE_BYTES = 256 * 2**20  # A small backup may have any ratio.
UNREADABLE = (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError)
"""What `zipfile` raises for damaged, encrypted or unsupported members."""


@dataclass(frozen=True)
class Manifest:
    database_sha256: str


@dataclass(frozen=True)
class Backup:
    """An open backup file.

    Attributes:
        members: The files that belong to a workspace. Their names are safe, and each occurs once.
        skipped: Names of files below `images` that are not named after a digest.
        forgotten: Digests of images that had been removed for good; None if the list is damaged. The database
            has them too.
    """

    archive: zipfile.ZipFile
    manifest: Manifest
    members: list[zipfile.ZipInfo]
    skipped: list[str]
    forgotten: set[str] | None

    def chunks(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the bytes of a member. What goes wrong is one of `UNREADABLE`."""
        with self.archive.open(member) as data:
            while chunk := data.read(CHUNK_BYTES):
                yield chunk


class _Damaged(BadBackup):
    """A small member that cannot be read."""


@contextlib.contextmanager
def opened(file: Path) -> Generator[Backup]:
    """Open a backup and check everything that can be checked without unpacking it.

    Raises:
        BadBackup: If it is not a backup, damaged, or not safe to unpack.
    """
    if file.exists() and not file.is_file():
        raise BadBackup(f"{file} is not a file.", "Choose a file that Peakid wrote as a backup.")
    try:
        archive = zipfile.ZipFile(file)
    except (*UNREADABLE, OverflowError) as error:
        raise BadBackup(f"{file} is not a zip archive, or is incomplete.", "Use another copy.") from error
    except OSError as error:
        raise BadBackup(
            f"{file} cannot be read: {error.strerror or error}.", "Check the path and its permissions."
        ) from error
    with archive:
        infos = archive.infolist()
        _check_names(infos)
        manifest = _manifest(archive, file)
        members = [info for info in infos if not info.is_dir() and _is_ours(info)]
        _check_sizes(file, infos)
        images = [info for info in members if info.filename.startswith("images/")]
        skipped = {info.filename for info in images if not _is_image_name(info.filename)}
        kept = [info for info in members if info.filename not in skipped]
        yield Backup(archive, manifest, kept, sorted(skipped), _forgotten(archive, file))


def check_room(backup: Backup, folder: Path) -> None:
    """Raise if the disk of a folder cannot take what a backup holds.

    Raises:
        BadBackup: If it cannot.
    """
    needed, free = sum(member.file_size for member in backup.members), shutil.disk_usage(folder).free
    if needed > free:
        raise BadBackup(
            f"The backup needs {needed / 2**20:,.0f} MB, and {free / 2**20:,.0f} MB are free.",
            "Free some space, or choose another disk.",
        )


def digest_in(member: zipfile.ZipInfo) -> str | None:
    """Return the digest that a stored image is named after, None for another file."""
    return PurePosixPath(member.filename).name if member.filename.startswith("images/") else None


def _check_names(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse names outside the workspace, links, devices, and names that occur twice."""
    seen: set[str] = set()
    for info in infos:
        name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
        parts = PurePosixPath(name).parts
        if not paths.is_inside(name) or "\\" in name or ":" in parts[0] or "\0" in info.orig_filename:
            raise _unsafe(f"a path outside the workspace: {name[:80]!r}")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _unsafe(f"a link or a device: {name[:80]!r}")
        if len(parts) > MAX_PARTS:
            raise _unsafe(f"a path of {len(parts):,} folders: {name[:80]!r}")
        if name in seen:
            raise _unsafe(f"{name[:80]!r} twice")
        seen.add(name)


def _check_sizes(file: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that unpacks to far more than it holds, or whose entries share their bytes."""
    size = file.stat().st_size
    packed, unpacked = sum(info.compress_size for info in infos), sum(info.file_size for info in infos)
    if packed > size:
        raise _unsafe("entries that share their bytes")
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * size:
        raise _unsafe(f"{unpacked / 2**20:,.0f} MB packed into {size / 2**20:,.1f} MB")


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    data = _read_small(archive, file, MANIFEST, MAX_MANIFEST_BYTES)
    if data is None:
        raise BadBackup(
            f"{file} is not a backup of Peakid: it has no {MANIFEST}.",
            "Choose a file that Peakid wrote as a backup.",
        )
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise BadBackup(f"{MANIFEST} in {file} is damaged.", "Use another copy.")
    if manifest.get("format") != FORMAT:
        raise BadBackup(
            f"{file} is a backup of format {str(manifest.get('format'))[:40]!r}.", "Update Peakid to read it."
        )
    if not paths.is_digest(sha256 := manifest.get("database_sha256")):
        raise BadBackup(f"{MANIFEST} in {file} has no checksum of the database.", "Use another copy.")
    return Manifest(sha256)


def _forgotten(archive: zipfile.ZipFile, file: Path) -> set[str] | None:
    try:
        data = _read_small(archive, file, tombstones.FILE_NAME, tombstones.MAX_BYTES)
    except _Damaged:
        return None
    return tombstones.parse(data or b"")


def _read_small(archive: zipfile.ZipFile, file: Path, name: str, limit: int) -> bytes | None:
    """Read a member at once, None if there is none."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    if info.file_size > limit:
        raise _unsafe(f"a file {name} of {info.file_size / 2**20:,.0f} MB")
    try:
        with archive.open(info) as data:
            return data.read(limit)
    except (*UNREADABLE, OSError) as error:
        raise _Damaged(
            f"{name} in {file} is damaged: {printable.short(error)}.", "Use another copy."
        ) from error


def _is_ours(info: zipfile.ZipInfo) -> bool:
    return PurePosixPath(info.filename).parts[0] in FOLDERS or info.filename == DATABASE_NAME


def _is_image_name(name: str) -> bool:
    digest = PurePosixPath(name).name
    return paths.is_digest(digest) and name == f"images/{digest[:2]}/{digest}"


def _unsafe(what: str) -> BadBackup:
    return BadBackup(f"The backup has {what}.", "It was not made by Peakid; do not use it.")
