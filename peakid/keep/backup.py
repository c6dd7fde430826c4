"""Back up a workspace to one file, and restore a workspace from it.

A backup is a zip archive with a copy of the database, made while it may be in use, the stored images, runs,
exports and logs. Thumbnails and caches are left out; they are made again when needed. Images that stay in
their own folders are not copied; their rows are kept.
"""

import contextlib
import hashlib
import json
import shutil
import sqlite3
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import peakid
from peakid import files
from peakid.errors import BackupNotWritten, BadBackup, WorkspaceNotEmpty
from peakid.keep import forget
from peakid.records import Report, no_report
from peakid.remedies import action
from peakid.store import images, tombstones
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace, now

MANIFEST = "peakid-backup.json"
FORMAT = 1
FOLDERS = ("images", "runs", "exports", "logs")
_CHUNK_BYTES = 4 * 2**20
_IGNORED = {".lock", tombstones.FILE_NAME}  # Files that a folder may have and still counts as empty.


@dataclass(frozen=True)
class BackupReport:
    path: str
    n_images: int
    n_files: int
    n_bytes: int
    seconds: float


@dataclass(frozen=True)
class RestoreReport:
    """Result of a restore.

    `n_missing` counts images without bytes, in the backup and in their own folder. `n_forgotten` counts
    images that were not restored because they were removed for good. `replaced` is the new path of the
    replaced workspace.
    """

    workspace: str
    n_images: int
    n_missing: int
    n_forgotten: int
    replaced: str | None
    seconds: float


def backup(workspace: Workspace, file: Path, *, report: Report = no_report) -> BackupReport:
    """Write a backup to one file. The workspace may be in use meanwhile.

    Args:
        file: The file to write, which must not exist, or a folder for a file named after workspace and day.

    Raises:
        BackupNotWritten: If the file exists already or cannot be written.
    """
    started = time.monotonic()
    target = _target(workspace, file)
    try:
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".peakid-") as folder,
            files.replacing(target) as part,
        ):
            database = Path(folder) / DATABASE_NAME
            _copy_database(workspace, database)
            n_files = _pack(workspace, database, part, report)
    except OSError as error:
        raise BackupNotWritten(
            f"The backup {target} cannot be written: {error.strerror or error}.",
            "Choose a file on a disk with enough space.",
        ) from error
    n_images = workspace.query("SELECT COUNT(*) AS n FROM image_state")[0]["n"]
    return BackupReport(str(target), n_images, n_files, target.stat().st_size, time.monotonic() - started)


def restore(file: Path, folder: Path, *, replace: bool = False, report: Report = no_report) -> RestoreReport:
    """Create a workspace from a backup, checking every image against its digest.

    Everything is unpacked to a temporary folder first, so a damaged backup changes nothing. Images that were
    removed for good after the backup, according to the workspace or the list in `folder`, are not restored.

    Args:
        folder: The folder of the new workspace. It must not exist or be empty; with `replace` it may be a
            workspace, which is renamed and kept.

    Raises:
        WorkspaceNotEmpty: If the folder is not empty and `replace` is False.
        BadBackup: If the file is not a backup, or is damaged.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    started, folder = time.monotonic(), Path(folder).expanduser().absolute()
    is_empty = not folder.exists() or all(path.name in _IGNORED for path in folder.iterdir())
    if not is_empty and not replace:
        raise WorkspaceNotEmpty(
            f"{folder} is not empty.",
            "Choose another folder, or replace this workspace; it is renamed and kept.",
            action("restore_backup"),
        )
    forgotten = tombstones.of_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-restoring-") as beside:
        fresh = Path(beside) / "workspace"
        _unpack(file, fresh, forgotten, report)
        n_images, n_missing = _settle(fresh, forgotten)
        replaced = None if is_empty else _renamed(folder)
        if folder.exists():
            shutil.rmtree(folder)  # It has only a lock file and the list that was just applied.
        fresh.rename(folder)
    n_forgotten = len(tombstones.of_folder(folder))
    return RestoreReport(str(folder), n_images, n_missing, n_forgotten, replaced, time.monotonic() - started)


def _target(workspace: Workspace, file: Path) -> Path:
    target = Path(file).expanduser().absolute()
    if target.is_dir():
        target = target / f"peakid-{workspace.path.name}-{now()[:10]}.zip"
    if target.exists():
        raise BackupNotWritten(
            f"{target} exists already.", "Choose another file; backups are not overwritten."
        )
    return target


def _copy_database(workspace: Workspace, target: Path) -> None:
    """Copy the database as it is at one moment, without blocking other writers."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        workspace.connection().backup(copy)


def _pack(workspace: Workspace, database: Path, target: Path, report: Report) -> int:
    paths = [path for name in FOLDERS for path in _files(workspace.path / name)]
    manifest = {
        "format": FORMAT,
        "peakid": peakid.__version__,
        "written_at": now(),
        "workspace": workspace.path.name,
    }
    manifest["database_sha256"] = _sha256(database)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        out.writestr(MANIFEST, json.dumps(manifest, indent=1))
        out.write(database, DATABASE_NAME, zipfile.ZIP_DEFLATED, 1)
        out.writestr(tombstones.FILE_NAME, "".join(f"{digest}\n" for digest in tombstones.digests(workspace)))
        for step, path in enumerate(paths, 1):
            # It may have been removed, or was a temporary file, since it was listed.
            with contextlib.suppress(FileNotFoundError):
                out.write(path, path.relative_to(workspace.path).as_posix())
            report("Backing up", step, len(paths), "")
    return len(paths) + 1


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )


def _unpack(file: Path, fresh: Path, forgotten: set[str], report: Report) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, file)
            forgotten |= tombstones.parse(archive.read(tombstones.FILE_NAME))
            members = [member for member in archive.infolist() if not member.is_dir() and _is_ours(member)]
            _check_room(members, fresh.parent)
            for step, member in enumerate(members, 1):
                _extract(archive, member, fresh, forgotten)
                report("Restoring", step, len(members), "")
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise BadBackup(
            f"{file} is damaged or not a backup of Peakid: {error}.", "Use another copy."
        ) from error
    except OSError as error:
        raise BadBackup(
            f"{file} cannot be restored: {error.strerror or error}.",
            "Check the file and the free space on the disk.",
        ) from error
    if _sha256(fresh / DATABASE_NAME) != manifest["database_sha256"]:
        raise BadBackup(f"The database in {file} is damaged.", "Use another copy.")


def _manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, str]:
    try:
        manifest = json.loads(archive.read(MANIFEST))
    except (KeyError, ValueError) as error:
        raise BadBackup(
            f"{file} is not a backup of Peakid: it has no {MANIFEST}.",
            "Choose a file that Peakid wrote as a backup.",
        ) from error
    if manifest.get("format") != FORMAT:
        raise BadBackup(
            f"{file} is a backup of format {manifest.get('format')!r}.", "Update Peakid to read it."
        )
    return manifest


def _is_ours(member: zipfile.ZipInfo) -> bool:
    """Return whether a file belongs to a backup; raise an error for a path outside the workspace."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        raise BadBackup(
            f"The backup has a path outside the workspace: {member.filename[:80]!r}.",
            "It was not made by Peakid; do not use it.",
        )
    return path.parts[0] in FOLDERS or member.filename == DATABASE_NAME


def _check_room(members: list[zipfile.ZipInfo], folder: Path) -> None:
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if needed > free:
        raise BadBackup(
            f"The backup needs {needed / 2**20:,.0f} MB, and {free / 2**20:,.0f} MB are free.",
            "Free some space, or choose another disk.",
        )


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, fresh: Path, forgotten: set[str]) -> None:
    path = PurePosixPath(member.filename)
    is_image = path.parts[0] == "images"
    if is_image and path.name in forgotten:
        return
    target = fresh / path
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with archive.open(member) as data, target.open("wb") as out:
        for chunk in _chunks(data):
            sha256.update(chunk)
            out.write(chunk)
    if is_image and sha256.hexdigest() != path.name:
        raise BadBackup(
            f"Image {path.name[:12]} in the backup does not match its digest.", "Use another copy."
        )


def _chunks(data: IO[bytes]) -> Iterator[bytes]:
    while chunk := data.read(_CHUNK_BYTES):
        yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _settle(fresh: Path, forgotten: set[str]) -> tuple[int, int]:
    """Migrate an unpacked workspace and remove forgotten images; count its images and the missing ones."""
    workspace = workspaces.create(fresh)
    try:
        with workspace.transaction() as connection:
            for digest in sorted(forgotten - set(tombstones.digests(workspace))):
                forget.redact(connection, digest, reason="forgotten before a restore", actor="human:restore")
        tombstones.write_file(workspace)
        forget.discard_files(workspace, tombstones.digests(workspace))
        digests = [
            row["digest"]
            for row in workspace.query("SELECT digest FROM image JOIN image_state ON image_id = id")
        ]
        return len(digests), sum(not images.has_bytes(workspace, digest) for digest in digests)
    finally:
        workspace.close()


def _renamed(folder: Path) -> str:
    aside = folder.with_name(f"{folder.name}.replaced-{now()[:19].replace(':', '')}")
    folder.rename(aside)
    return str(aside)
