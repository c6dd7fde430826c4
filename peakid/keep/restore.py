"""Restore a workspace from a backup, without trusting the backup.

Everything is unpacked to a folder beside the target and checked there; then the two change places. What is
sound is restored, and what is not is named.
"""

import contextlib
import hashlib
import json
import sqlite3
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from peakid import files, paths, printable, progress_text
from peakid.errors import BadBackup, WorkspaceNotEmpty
from peakid.keep import backup_file, forget, restored_database
from peakid.keep.backup_file import UNREADABLE, Backup
from peakid.records import Report, no_report
from peakid.remedies import action
from peakid.store import (
    activity,
    checkpoints,
    exports,
    identity,
    images,
    pulled_models,
    runs,
    tombstones,
)
from peakid.store import workspace as workspaces
from peakid.store.folders import placing
from peakid.store.objects import image_stores
from peakid.store.workspace import DATABASE_NAME, Workspace, now

_IGNORED = {*placing.LOCK_FILES, tombstones.FILE_NAME}  # A folder with only these still counts as empty.


@dataclass(frozen=True)
class RestoreReport:
    """Result of a restore.

    Attributes:
        n_missing: Images without bytes: neither in the backup nor in a folder that was left in place.
        n_forgotten: Images that were not restored because they were removed for good.
        replaced: The new path of the replaced workspace.
        damaged: Digests of images whose bytes in the backup are damaged. They are missing now.
        missing: Digests of the other missing images.
        unread: Other files of the backup that are damaged, and were left out.
        skipped: Files of the backup among the images that are not named after a digest.
        foreign_roots: Folders left in place that the backup names. They are not read until a person accepts
            them.
        n_waiting: Images that are only in these folders.
        ended_jobs: Jobs that were running or waiting when the backup was made.
        runs_anew: Interrupted runs without a checkpoint, which a resumed job starts anew.
    """

    workspace: str
    n_images: int
    n_missing: int
    n_forgotten: int
    replaced: str | None
    seconds: float
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    foreign_roots: tuple[str, ...] = ()
    n_waiting: int = 0
    ended_jobs: tuple[int, ...] = ()
    runs_anew: tuple[int, ...] = ()


@dataclass
class _Found:
    """What a restore has found out so far."""

    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    foreign_roots: list[str] = field(default_factory=list)
    ended_jobs: list[int] = field(default_factory=list)
    runs_anew: list[int] = field(default_factory=list)
    n_images: int = 0
    n_waiting: int = 0


def restore(
    file: Path,
    folder: Path,
    *,
    replace: bool = False,
    accept_roots: bool = False,
    report: Report = no_report,
) -> RestoreReport:
    """Create a workspace from a backup, checking its database and every image.

    Everything is unpacked to a temporary folder first, so a backup that is refused changes nothing. Damaged
    images are left out and named. Images that were removed for good after the backup, according to the
    workspace or the list in `folder`, are not restored. Jobs that were open are ended.

    Args:
        folder: The folder of the new workspace. It must not exist or be empty; with `replace` it may be a
            workspace, which is renamed and kept.
        accept_roots: Read the images of folders that were left in place where the backup says they are. Else
            they wait until a person accepts each folder; those of the replaced workspace are accepted.

    Raises:
        WorkspaceNotEmpty: If the folder is not empty and `replace` is False.
        WorkspaceInUse: If a job is running in the workspace that would be replaced.
        BadBackup: If the file is not a backup, is damaged, or is not safe to use.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    started, folder = time.monotonic(), files.expanded(folder)
    found = _Found()
    try:
        placing.recover(folder)
        _check_target(folder, replace=replace)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            activity.excluded(folder) if (folder / DATABASE_NAME).exists() else contextlib.nullcontext(),
            placing.working_folder(folder.parent, placing.restoring_prefix(folder)) as working,
        ):
            fresh, forgotten = placing.prepared(working), tombstones.of_folder(folder)
            _unpack(file, fresh, forgotten, found, report)
            accepted = None if accept_roots else _roots_in_use(folder)
            _settle(fresh, forgotten, accepted, found)
            replaced = placing.place(working, folder)
    except OSError as error:
        raise BadBackup(
            f"{file} cannot be restored to {folder}: {error.strerror or error}.",
            "Check the permissions of the folder and the free space on its disk.",
        ) from error
    n_forgotten = len(tombstones.of_folder(folder))
    return RestoreReport(
        workspace=str(folder),
        n_images=found.n_images,
        n_missing=len(found.missing) + len(found.damaged),
        n_forgotten=n_forgotten,
        replaced=None if replaced is None else str(replaced),
        seconds=time.monotonic() - started,
        n_waiting=found.n_waiting,
        damaged=tuple(found.damaged),
        missing=tuple(found.missing),
        unread=tuple(found.unread),
        skipped=tuple(found.skipped),
        foreign_roots=tuple(found.foreign_roots),
        ended_jobs=tuple(found.ended_jobs),
        runs_anew=tuple(found.runs_anew),
    )


def _check_target(folder: Path, *, replace: bool) -> None:
    if folder.is_dir() and not replace and any(path.name not in _IGNORED for path in folder.iterdir()):
        raise WorkspaceNotEmpty(
            f"{folder} is not empty.",
            "Choose another folder, or replace this workspace; it is renamed and kept.",
            action("restore_backup"),
        )
    if folder.exists() and not folder.is_dir():
        raise WorkspaceNotEmpty(f"{folder} is a file.", "Choose another folder.")


def _unpack(file: Path, fresh: Path, forgotten: set[str], found: _Found, report: Report) -> None:
    """Unpack a backup; add the digests of its list of removed images to `forgotten`."""
    with backup_file.opened(file) as backup:
        backup_file.check_room(backup, fresh.parent)
        if backup.forgotten is None:
            found.unread.append(tombstones.FILE_NAME)
        forgotten |= backup.forgotten or set()
        found.skipped += backup.skipped
        _unpack_database(backup, file, fresh)
        restored_database.check(fresh / DATABASE_NAME)
        for step, member in enumerate(backup.members, 1):
            if member.filename != DATABASE_NAME:
                _unpack_one(backup, member, fresh, forgotten, found)
            n = len(backup.members)
            report("Restoring", step, n, progress_text.counted(step, n, "files"))


def _unpack_database(backup: Backup, file: Path, fresh: Path) -> None:
    member = next((each for each in backup.members if each.filename == DATABASE_NAME), None)
    if member is None:
        raise BadBackup(f"{file} has no {DATABASE_NAME}.", "Use another copy.")
    try:
        digest = _write(backup, member, fresh)
    except UNREADABLE as error:
        raise BadBackup(
            f"The database in {file} is damaged: {printable.short(error)}.", "Use another copy."
        ) from error
    if digest != backup.manifest.database_sha256:
        raise BadBackup(f"The database in {file} does not match its checksum.", "Use another copy.")


def _unpack_one(
    backup: Backup, member: zipfile.ZipInfo, fresh: Path, forgotten: set[str], found: _Found
) -> None:
    """Unpack a file; leave out an image that was removed for good, and what is damaged."""
    digest = backup_file.digest_in(member)
    if digest in forgotten:
        return
    try:
        is_sound = _write(backup, member, fresh) == digest or digest is None
    except UNREADABLE:
        is_sound = False
    if not is_sound:
        paths.inside(fresh, member.filename).unlink(missing_ok=True)
        if digest is None:
            found.unread.append(member.filename)
        else:
            found.damaged.append(digest)


def _write(backup: Backup, member: zipfile.ZipInfo, fresh: Path) -> str:
    """Write one member; return the SHA-256 of its bytes."""
    target = paths.inside(fresh, str(PurePosixPath(member.filename)))
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with target.open("xb") as out:  # Never over another file: names may differ only in case.
        for chunk in backup.chunks(member):
            sha256.update(chunk)
            out.write(chunk)
    return sha256.hexdigest()


def _roots_in_use(folder: Path) -> set[str]:
    """Return the folders and stores that the workspace to be replaced reads."""
    found = set[str]()
    for sql in (
        "SELECT path FROM root WHERE is_in_place = 1 AND is_foreign = 0",
        "SELECT url FROM image_store WHERE is_foreign = 0",  # An earlier version has no such table.
    ):
        with contextlib.suppress(sqlite3.Error):
            database = (folder / DATABASE_NAME).as_uri()
            with contextlib.closing(sqlite3.connect(f"{database}?mode=ro", uri=True)) as connection:
                found.update(row[0] for row in connection.execute(sql))
    return found


def _settle(fresh: Path, forgotten: set[str], accepted: set[str] | None, found: _Found) -> None:
    """Migrate an unpacked workspace, and make it one of its own: no open jobs, no places of another machine.

    Args:
        accepted: The folders left in place that may be read, None for all.
    """
    _let_go(fresh)
    workspace = workspaces.create(fresh)
    try:
        with workspace.transaction() as connection:
            rows = connection.execute("SELECT id FROM job WHERE state IN ('queued', 'running') ORDER BY id")
            found.ended_jobs += [row["id"] for row in rows]
            file = identity.file_at(fresh / DATABASE_NAME)
            identity.renew(connection, file, cause="the backup was made", at=now())
            _mark_foreign(connection, accepted)
            for digest in sorted(forgotten - set(tombstones.digests(workspace))):
                forget.redact(connection, digest, reason="forgotten before a restore", actor="human:restore")
        _check_records(workspace)
        tombstones.write_file(workspace)
        forget.discard_files(workspace, tombstones.digests(workspace))
        _list_missing(workspace, found)
        found.runs_anew += checkpoints.cannot_continue(workspace)
    finally:
        workspace.close()


def _let_go(fresh: Path) -> None:
    """Forget in which file the database was, so that opening it does not take it for a copied folder."""
    with (
        contextlib.closing(sqlite3.connect(fresh / DATABASE_NAME)) as connection,
        contextlib.suppress(sqlite3.OperationalError),  # An earlier version has no such table.
    ):
        connection.execute("UPDATE workspace_identity SET file = ''")
        connection.commit()


def _mark_foreign(connection: sqlite3.Connection, accepted: set[str] | None) -> None:
    """Mark the places outside the workspace that the backup names, and drop stored actions of other jobs."""
    for row in connection.execute("SELECT id, path FROM root WHERE is_in_place = 1").fetchall():
        is_foreign = accepted is not None and row["path"] not in accepted
        connection.execute("UPDATE root SET is_foreign = ? WHERE id = ?", (is_foreign, row["id"]))
    image_stores.mark_foreign(connection, accepted)
    connection.execute("UPDATE export SET is_foreign = substr(path, 1, 1) = '/'")
    for row in connection.execute("SELECT id, actions FROM job WHERE actions <> '[]'").fetchall():
        own = [{"kind": "resume_job", "arguments": {"job_id": row["id"]}}]
        if json.loads(row["actions"]) != own:
            connection.execute("UPDATE job SET actions = '[]' WHERE id = ?", (row["id"],))


def _check_records(workspace: Workspace) -> None:
    """Read the rows with documents as records, as every page does.

    Raises:
        BadBackup: If one cannot be read.
    """
    try:
        runs.list_runs(workspace, with_attributed=True)
        exports.list_exports(workspace)
        pulled_models.list_models(workspace)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadBackup(
            "The database in the backup has a run, an export or a pulled model that cannot be read:"
            f" {error!r:.80}.",
            "Use another copy, or a backup that Peakid wrote itself.",
        ) from error


def _list_missing(workspace: Workspace, found: _Found) -> None:
    found.foreign_roots += [
        row["path"]
        for row in workspace.query(
            "SELECT path FROM root WHERE is_foreign = 1"
            " UNION SELECT url FROM image_store WHERE is_foreign = 1 ORDER BY 1"
        )
    ]
    rows = workspace.query(
        "SELECT i.digest, EXISTS (SELECT 1 FROM origin o JOIN root r ON r.id = o.root_id"
        " WHERE o.image_id = i.id AND r.is_foreign = 1)"
        " OR EXISTS (SELECT 1 FROM stored_original o JOIN image_store s ON s.id = o.store_id"
        " WHERE o.image_id = i.id AND s.is_foreign = 1) AS is_waiting"
        " FROM image i JOIN image_state s ON s.image_id = i.id ORDER BY i.digest"
    )
    found.n_images = len(rows)
    damaged = set(found.damaged)
    found.damaged = [row["digest"] for row in rows if row["digest"] in damaged]
    for row in rows:
        if row["digest"] in damaged or images.has_bytes(workspace, row["digest"]):
            continue
        if row["is_waiting"]:
            found.n_waiting += 1
        else:
            found.missing.append(row["digest"])
