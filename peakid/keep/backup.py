"""One file that holds everything of a workspace, and a workspace made from it again.

A zip, so that it can be looked into anywhere: the database as SQLite copied it while in use, the stored images, runs, exports and
logs. Left out is what is drawn again by itself: thumbnails and caches. Images left in their own folders stay there; their rows are kept.
"""

import contextlib
import hashlib
import json
import os
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
from peakid.errors import BackupNotWritten, BadBackup, WorkspaceNotEmpty
from peakid.keep import forget
from peakid.records import Report, no_report
from peakid.store import images, tombstones
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace, now

MANIFEST = "peakid-backup.json"
FORMAT = 1
FOLDERS = ("images", "runs", "exports", "logs")
_CHUNK_BYTES = 4 * 2**20
_HARMLESS = {".lock", tombstones.FILE_NAME}  # What may lie in a folder that counts as empty.


@dataclass(frozen=True)
class BackupReport:
    path: str
    n_images: int
    n_files: int
    n_bytes: int
    seconds: float


@dataclass(frozen=True)
class RestoreReport:
    """What a restore brought. `n_missing` images have a row and no bytes in the backup or their own folder; `n_forgotten` were kept out
    because they had been removed for good. `replaced` is where the workspace of before lies now.
    """

    workspace: str
    n_images: int
    n_missing: int
    n_forgotten: int
    replaced: str | None
    seconds: float


def backup(workspace: Workspace, file: Path, *, report: Report = no_report) -> BackupReport:
    """Write everything into one file. The workspace may be in use meanwhile.

    It is written under a temporary name and renamed, so that a backup is whole or not there.

    Args:
        file: The file to write, which must not exist yet, or a folder, in which it is named after workspace and day.

    Raises:
        BackupNotWritten: If it exists already, or the disk does not take it.
    """
    started = time.monotonic()
    target = _target(workspace, file)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".peakid-") as folder:
            database = Path(folder) / DATABASE_NAME
            _copy_database(workspace, database)
            n_files = _pack(workspace, database, partial, report)
        partial.replace(target)
    except OSError as error:
        raise BackupNotWritten(
            f"The backup {target} cannot be written: {error.strerror or error}.",
            "Name a file on a disk with room for it.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    n_images = workspace.query("SELECT COUNT(*) AS n FROM image_state")[0]["n"]
    return BackupReport(str(target), n_images, n_files, target.stat().st_size, time.monotonic() - started)


def restore(file: Path, folder: Path, *, replace: bool = False, report: Report = no_report) -> RestoreReport:
    """Make a workspace from a backup, checking every image against its digest.

    Everything is unpacked beside `folder` first: a damaged backup leaves nothing behind and nothing changed. Images that were
    removed for good since (by the list beside the database that is replaced, or that was left in the folder) are kept out.

    Args:
        folder: Where the workspace shall be: absent, empty, or with `replace` a workspace, which is moved aside and kept.

    Raises:
        WorkspaceNotEmpty: If something is there and `replace` is not given.
        BadBackup: If the file is no backup, or damaged.
        WorkspaceTooNew: If a newer Peakid has written it.
    """
    started, folder = time.monotonic(), Path(folder).expanduser().absolute()
    is_empty = not folder.exists() or all(path.name in _HARMLESS for path in folder.iterdir())
    if not is_empty and not replace:
        raise WorkspaceNotEmpty(
            f"{folder} is not empty.",
            "Name another with --workspace DIR, or move this one aside first with: peakid restore FILE --replace",
        )
    forgotten = tombstones.of_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-restoring-") as beside:
        fresh = Path(beside) / "workspace"
        _unpack(file, fresh, forgotten, report)
        n_images, n_missing = _settle(fresh, forgotten)
        replaced = None if is_empty else _moved_aside(folder)
        if folder.exists():
            shutil.rmtree(folder)  # Holds a lock file and the list that was just applied, nothing else.
        fresh.rename(folder)
    n_forgotten = len(tombstones.of_folder(folder))
    return RestoreReport(str(folder), n_images, n_missing, n_forgotten, replaced, time.monotonic() - started)


def _target(workspace: Workspace, file: Path) -> Path:
    target = Path(file).expanduser().absolute()
    if target.is_dir():
        target = target / f"peakid-{workspace.path.name}-{now()[:10]}.zip"
    if target.exists():
        raise BackupNotWritten(
            f"{target} exists already.", "Name another file: a backup is never overwritten."
        )
    return target


def _copy_database(workspace: Workspace, target: Path) -> None:
    """Copy the database as it is at one moment; a page of pages at a time, so that others go on writing."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        workspace.connection().backup(copy)


def _pack(workspace: Workspace, database: Path, partial: Path, report: Report) -> int:
    paths = [path for name in FOLDERS for path in _files(workspace.path / name)]
    manifest = {
        "format": FORMAT,
        "peakid": peakid.__version__,
        "written_at": now(),
        "workspace": workspace.path.name,
    }
    manifest["database_sha256"] = _sha256(database)
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        out.writestr(MANIFEST, json.dumps(manifest, indent=1))
        out.write(database, DATABASE_NAME, zipfile.ZIP_DEFLATED, 1)
        out.writestr(tombstones.FILE_NAME, "".join(f"{digest}\n" for digest in tombstones.digests(workspace)))
        for step, path in enumerate(paths, 1):
            with contextlib.suppress(
                FileNotFoundError
            ):  # Forgotten, or a temporary name renamed, since it was listed.
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
        raise BadBackup(f"{file} is damaged or no backup of Peakid: {error}.", "Use another copy.") from error
    except OSError as error:
        raise BadBackup(
            f"{file} cannot be restored: {error.strerror or error}.",
            "Check the file and the room on the disk.",
        ) from error
    if _sha256(fresh / DATABASE_NAME) != manifest["database_sha256"]:
        raise BadBackup(f"The database in {file} is damaged.", "Use another copy.")


def _manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, str]:
    try:
        manifest = json.loads(archive.read(MANIFEST))
    except (KeyError, ValueError) as error:
        raise BadBackup(
            f"{file} is no backup of Peakid: it has no {MANIFEST}.",
            "Name a file made with: peakid backup FILE",
        ) from error
    if manifest.get("format") != FORMAT:
        raise BadBackup(
            f"{file} is a backup of format {manifest.get('format')!r}.", "Update Peakid to read it."
        )
    return manifest


def _is_ours(member: zipfile.ZipInfo) -> bool:
    """Take only names that a backup has: nothing absolute, nothing that climbs out."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        raise BadBackup(
            f"The backup holds a path that leads outside: {member.filename[:80]!r}.",
            "It was not made by Peakid; do not use it.",
        )
    return path.parts[0] in FOLDERS or member.filename == DATABASE_NAME


def _check_room(members: list[zipfile.ZipInfo], folder: Path) -> None:
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if needed > free:
        raise BadBackup(
            f"The backup needs {needed / 2**20:,.0f} MB, and {free / 2**20:,.0f} MB are free.",
            "Make room, or choose another disk.",
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
            f"Image {path.name[:12]} in the backup is not what its digest names.", "Use another copy."
        )


def _chunks(data: IO[bytes]) -> Iterator[bytes]:
    while chunk := data.read(_CHUNK_BYTES):
        yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _settle(fresh: Path, forgotten: set[str]) -> tuple[int, int]:
    """Open what was unpacked, bring it up to date, bury what was forgotten since; answer its images and how many lack their bytes."""
    workspace = workspaces.create(fresh)
    try:
        with workspace.transaction() as connection:
            for digest in sorted(forgotten - set(tombstones.digests(workspace))):
                forget.bury(connection, digest, reason="forgotten before a restore", actor="human:restore")
        tombstones.write_file(workspace)
        forget.sweep(workspace, tombstones.digests(workspace))
        digests = [
            row["digest"]
            for row in workspace.query("SELECT digest FROM image JOIN image_state ON image_id = id")
        ]
        return len(digests), sum(not images.has_bytes(workspace, digest) for digest in digests)
    finally:
        workspace.close()


def _moved_aside(folder: Path) -> str:
    aside = folder.with_name(f"{folder.name}.replaced-{now()[:19].replace(':', '')}")
    folder.rename(aside)
    return str(aside)
