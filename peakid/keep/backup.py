"""Back up a workspace to one file.

A backup is a zip archive with a copy of the database, made while it may be in use, the stored images, runs,
exports and logs. What can be made again is left out, and so are checkpoints, unless they are asked for: the
report says what was left out and how large it is. Images that stay in their own folders are not copied; their
rows are kept.
"""

import contextlib
import hashlib
import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import peakid
from peakid import files, paths, progress_text
from peakid.errors import BackupNotWritten
from peakid.keep import disk_space
from peakid.keep.backup_file import CHUNK_BYTES, FOLDERS, FORMAT, MANIFEST
from peakid.keep.disk_space import Space
from peakid.records import Report, no_report
from peakid.remedies import action
from peakid.store import integrity, tombstones
from peakid.store.folders import placing
from peakid.store.workspace import DATABASE_NAME, Workspace, now

_WORKING_PREFIX = ".peakid-backup-"


@dataclass(frozen=True)
class BackupReport:
    """Result of a backup.

    Attributes:
        damaged: Digests of stored images whose bytes do not match. They are in the backup as they are, and a
            restore leaves them out.
        missing: Digests of images without a stored copy, although none of their folders was left in place.
        unread: Other files, relative to the workspace, that could not be read.
        left_out: What the workspace has and the backup has not, by kind.
    """

    path: str
    n_images: int
    n_files: int
    n_bytes: int
    seconds: float
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    left_out: tuple[Space, ...] = ()


@dataclass(frozen=True)
class _Packed:
    n_files: int
    damaged: list[str]
    unread: list[str]


def backup(
    workspace: Workspace, file: Path, *, with_checkpoints: bool = False, report: Report = no_report
) -> BackupReport:
    """Write a backup to one file. The workspace may be in use meanwhile.

    A damaged image does not stop it; the report names it. A damaged database does: such a backup could take
    the place of a good one.

    Args:
        file: The file to write, which must not exist, or a folder for a file named after workspace and day.
        with_checkpoints: Include the checkpoints of interrupted trainings, each several times as large as its
            model. Without them, a restored workspace starts such a training anew.

    Raises:
        BackupNotWritten: If the file exists already or cannot be written, or if the database is damaged.
    """
    started = time.monotonic()
    target = _target(workspace, file)
    try:
        with placing.working_folder(target.parent, _WORKING_PREFIX) as working:
            database, part = working / DATABASE_NAME, working / "backup.zip"
            _copy_database(workspace, database)
            with contextlib.closing(sqlite3.connect(database)) as copy:
                missing, n_images = _missing(workspace, copy)
                forgotten = [row[0] for row in copy.execute("SELECT digest FROM tombstone ORDER BY digest")]
            found = _found(workspace, with_checkpoints=with_checkpoints)
            packed = _pack(workspace, found, database, part, forgotten, report)
            _put(part, target)
    except OSError as error:
        raise _not_written(target, error.strerror or str(error)) from error
    return BackupReport(
        str(target),
        n_images,
        packed.n_files,
        target.stat().st_size,
        time.monotonic() - started,
        damaged=tuple(packed.damaged),
        missing=tuple(missing),
        unread=tuple(packed.unread),
        left_out=_left_out(workspace, with_checkpoints=with_checkpoints),
    )


def _target(workspace: Workspace, file: Path) -> Path:
    target = files.expanded(file)
    try:
        if target.is_dir():
            target = target / f"peakid-{workspace.path.name}-{now()[:10]}.zip"
        is_there = target.exists()
    except OSError as error:  # A name that is too long, or a folder that cannot be entered.
        raise _not_written(target, error.strerror or str(error)) from error
    if is_there:
        raise BackupNotWritten(
            f"{target} exists already.", "Choose another file; backups are not overwritten."
        )
    return target


def _not_written(target: Path, why: str) -> BackupNotWritten:
    return BackupNotWritten(
        f"The backup {target} cannot be written: {why}.", "Choose a file on a disk with enough space."
    )


def _put(part: Path, target: Path) -> None:
    """Give the complete backup its name, unless another backup has taken it meanwhile."""
    if target.exists():
        raise FileExistsError(0, "another backup was written there meanwhile")
    part.rename(target)


def _copy_database(workspace: Workspace, target: Path) -> None:
    """Copy the database as it is at one moment, without blocking other writers, and check the copy."""
    try:
        with contextlib.closing(sqlite3.connect(target)) as copy:
            workspace.connection().backup(copy)
            problems = integrity.quick_check(copy)
    except sqlite3.DatabaseError as error:
        if not integrity.is_damage(error):
            raise OSError(0, f"the database cannot be copied ({error})") from error
        problems = (str(error),)
    if problems:
        raise BackupNotWritten(
            f"The database {workspace.path / DATABASE_NAME} is damaged, so no backup was written:"
            f" {problems[0]}.",
            "Keep the earlier backups, and restore the newest."
            f" {workspace.path / 'backups'} has copies of the database from before an update of Peakid.",
            action("restore_backup"),
        )


def _missing(workspace: Workspace, copy: sqlite3.Connection) -> tuple[list[str], int]:
    """Return the images of the copied database without a stored copy that no folder or store has."""
    rows = copy.execute(
        "SELECT i.digest, EXISTS (SELECT 1 FROM origin o JOIN root r ON r.id = o.root_id"
        " WHERE o.image_id = i.id AND r.is_in_place = 1)"
        " OR EXISTS (SELECT 1 FROM stored_original s WHERE s.image_id = i.id)"
        " FROM image i JOIN image_state s ON s.image_id = i.id ORDER BY i.digest"
    ).fetchall()
    return [
        digest
        for digest, is_in_place in rows
        if not is_in_place and not paths.of_digest(workspace.images_dir, digest).is_file()
    ], len(rows)


def _found(workspace: Workspace, *, with_checkpoints: bool) -> list[Path]:
    """Return the files that belong into a backup."""
    kinds = ("used_checkpoints",) if with_checkpoints else ("used_checkpoints", "checkpoints")
    without = {path for kind in kinds for path in disk_space.files_of(workspace, kind)}
    return [path for name in FOLDERS for path in _files(workspace.path / name) if path not in without]


def _left_out(workspace: Workspace, *, with_checkpoints: bool) -> tuple[Space, ...]:
    found = disk_space.measure(workspace)
    return tuple(each for each in found if not (with_checkpoints and each.kind == "checkpoints"))


def _pack(
    workspace: Workspace,
    found: list[Path],
    database: Path,
    target: Path,
    forgotten: list[str],
    report: Report,
) -> _Packed:
    manifest = {
        "format": FORMAT,
        "peakid": peakid.__version__,
        "written_at": now(),
        "workspace": workspace.path.name,
        "database_sha256": _sha256(database),
    }
    packed = _Packed(len(found) + 1, [], [])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        out.writestr(MANIFEST, json.dumps(manifest, indent=1))
        out.write(database, DATABASE_NAME, zipfile.ZIP_DEFLATED, 1)
        out.writestr(tombstones.FILE_NAME, "".join(f"{digest}\n" for digest in forgotten))
        for step, path in enumerate(found, 1):
            _pack_one(out, path, path.relative_to(workspace.path).as_posix(), packed)
            report("Backing up", step, len(found), progress_text.counted(step, len(found), "files"))
    return packed


def _pack_one(out: zipfile.ZipFile, path: Path, name: str, packed: _Packed) -> None:
    """Add a file; note an image that does not match its digest, and a file that cannot be read."""
    is_image = name.startswith("images/")
    try:
        member = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
        data = path.open("rb")
    except FileNotFoundError:
        return  # It was removed, or was a temporary file, since it was listed.
    except OSError:
        (packed.damaged if is_image else packed.unread).append(path.name if is_image else name)
        return
    sha256 = hashlib.sha256()
    with data, out.open(member, "w", force_zip64=True) as packing:
        for chunk in _chunks(data, name, packed.unread):
            sha256.update(chunk)
            packing.write(chunk)
    if is_image and sha256.hexdigest() != path.name:
        packed.damaged.append(path.name)


def _chunks(data: IO[bytes], name: str, unread: list[str]) -> Iterator[bytes]:
    """Yield a file in pieces, up to where the disk can no longer read it."""
    while True:
        try:
            chunk = data.read(CHUNK_BYTES)
        except OSError:
            unread.append(name)
            return
        if not chunk:
            return
        yield chunk


def _files(folder: Path) -> list[Path]:
    """List the files of a folder; below `images`, only those that are named after a digest."""
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (folder.name != "images" or paths.is_digest(path.name))
        and not path.is_symlink()
        and path.is_file()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
