"""A workspace: one folder with the database, images, thumbnails, runs and exports of one collection."""

import contextlib
import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakid import files, resources
from peakid.errors import NoWorkspace, ResourceMissing, WorkspaceTooNew
from peakid.remedies import action
from peakid.store import connection as connections
from peakid.store import database_errors, identity, saved_decisions
from peakid.store.database_errors import DATABASE_NAME
from peakid.store.folders import placing

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

MIGRATIONS_DIR = resources.path("db/migrations")
BACKUP_MANIFEST = "peakid-backup.json"  # In a backup file, beside the database.
FOLDERS = ("images", "thumbs", "embeddings", "cache", "runs", "exports", "logs")
OPENS_WITHIN_S = 60.0  # Another process may be migrating; a million images take less.


class Workspace:
    """An open workspace folder. It has one SQLite connection per thread.

    Attributes:
        is_read_only: The folder or its disk does not allow writing; `transaction` raises an error.
    """

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        self.path, self.is_read_only = path, is_read_only
        self._local = threading.local()
        self._noted_id = -1

    @property
    def images_dir(self) -> Path:
        return self.path / "images"

    @property
    def thumbs_dir(self) -> Path:
        return self.path / "thumbs"

    @property
    def embeddings_dir(self) -> Path:
        return self.path / "embeddings"

    @property
    def cache_dir(self) -> Path:
        return self.path / "cache"

    @property
    def uploads_dir(self) -> Path:
        """The folder for uploaded files until they are imported."""
        return self.cache_dir / "uploads"

    @property
    def runs_dir(self) -> Path:
        return self.path / "runs"

    @property
    def exports_dir(self) -> Path:
        return self.path / "exports"

    @property
    def logs_dir(self) -> Path:
        return self.path / "logs"

    def connection(self) -> connections.Connection:
        """Return the connection of this thread, in autocommit mode. Use `transaction` to write.

        On a full disk it can only read.

        Raises:
            NoWorkspace: If the folder was removed since it was opened.
            WorkspaceDamaged: If the database is damaged or was removed; any statement raises it too.
        """
        connection = getattr(self._local, "connection", None)
        if connection is not None and connection.is_outdated():
            self.close()
            connection = None
        if connection is None:
            if not (self.path / DATABASE_NAME).exists():
                _refuse_lost(self.path)
                raise _no_workspace(self.path)
            database = self.path / DATABASE_NAME
            if self.is_read_only:
                connection = connections.connect(database, is_read_only=True)
            else:
                connection = connections.connect_or_read(database)
            self._local.connection = connection
        return connection

    def identity(self) -> str:
        """Return which workspace this is; '' for a copy that could not be given an identity of its own."""
        row = self.one("SELECT identity, file FROM workspace_identity")
        if row is None or not identity.is_same(row["file"], identity.file_at(self.path / DATABASE_NAME)):
            return ""
        return row["identity"]

    def query(self, sql: str, parameters: Iterable[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        return self.connection().execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Iterable[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        return self.connection().execute(sql, parameters).fetchone()

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Yield a connection inside a transaction: all changes of the block are written, or none.

        Raises:
            WorkspaceNotWritable: If the disk or the folder cannot be written.
            WorkspaceBusy: If another process writes for too long.
        """
        if self.is_read_only:
            raise database_errors.read_only(self.path)
        connection = self._writing_connection()
        try:
            connection.execute("BEGIN IMMEDIATE")  # A deferred one could fail later with SQLITE_BUSY.
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # On a full disk SQLite has rolled it back already.
                connection.execute("ROLLBACK")
            raise
        self._note_decisions(connection)

    def _writing_connection(self) -> connections.Connection:
        if self.connection().unwritable:
            self.close()  # There may be room again.
        connection = self.connection()
        if connection.unwritable:
            raise connection.unwritable
        return connection

    def _note_decisions(self, connection: sqlite3.Connection) -> None:
        newest_id = saved_decisions.newest(connection)
        if newest_id != self._noted_id:
            saved_decisions.note(self.path, newest_id)
            self._noted_id = newest_id

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def now() -> str:
    """Return the time as ISO 8601 in UTC with milliseconds, the format of all tables."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def create(path: Path) -> Workspace:
    """Open the workspace in `path`, or create one. Several processes may call it at the same time.

    Raises:
        WorkspaceNotWritable: If there is none and the folder cannot be written.
        WorkspaceDamaged: If its database is damaged, or is missing beside stored images or runs.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    path = files.expanded(path)
    _recover(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise database_errors.not_writable(path, error) from error
    return _opened(path)


def open_existing(path: Path) -> Workspace:
    """Open the workspace in `path`. The database of an older one is backed up and migrated.

    A folder or disk that does not allow writing is opened for reading.

    Raises:
        NoWorkspace: If there is no workspace.
        WorkspaceDamaged: If its database is damaged, or is missing beside stored images or runs.
        WorkspaceNotWritable: If an older one must be migrated and cannot be written.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    path = files.expanded(path)
    _recover(path)
    if not (path / DATABASE_NAME).is_file() and not _remains(path):
        raise _no_workspace(path)
    return _opened(path)


def _recover(path: Path) -> None:
    """Complete a restore that was interrupted while it replaced the workspace."""
    if not path.exists():
        placing.recover(path)


def migrations() -> "Migrations":
    """Read the numbered SQL files of the migrations.

    Raises:
        ResourceMissing: If they are missing.
    """
    scripts = sorted(MIGRATIONS_DIR.glob("[0-9]*.sql"))
    if not scripts:
        raise ResourceMissing(
            f"The database migrations are missing at {MIGRATIONS_DIR}.",
            "Install the package again: pip install --force-reinstall peakid",
        )
    from sqlite_utils import Migrations  # Takes 0.25 s, which the decoding process saves.

    steps = Migrations("peakid")
    for file in scripts:
        # Without a name, sqlite_utils would use the name of the function, the same for every file.
        steps(name=file.stem)(_script(file))  # ty: ignore[invalid-argument-type]
    return steps


def _script(file: Path) -> Callable[["Database"], None]:
    def apply(db: "Database") -> None:
        db.executescript(file.read_text(encoding="utf-8"))

    return apply


def _opened(path: Path) -> Workspace:
    if not connections.can_write(path) and (path / DATABASE_NAME).is_file():
        return _opened_for_reading(path)
    workspace = Workspace(path)
    try:
        for name in FOLDERS:  # A copy made by a tool that drops empty folders lacks some.
            (path / name).mkdir(exist_ok=True)
        with _locked(path):
            _refuse_lost(path)
            (path / DATABASE_NAME).touch()
            _migrate(workspace)
            connection = workspace.connection()
            if connection.unwritable is None:
                identity.adopt(connection, identity.file_at(path / DATABASE_NAME), at=now())
                saved_decisions.record_loss(connection, path, now())
    except (sqlite3.OperationalError, OSError) as error:
        raise database_errors.not_writable(path, error) from error
    return workspace


def _opened_for_reading(path: Path) -> Workspace:
    _refuse_lost(path)
    workspace = Workspace(path, is_read_only=True)
    _migrate(workspace)
    return workspace


def _no_workspace(path: Path) -> NoWorkspace:
    return NoWorkspace(
        f"There is no workspace in {path}.",
        "Create it, or choose another folder.",
        action("create_workspace", path=str(path)),
    )


def _refuse_lost(path: Path) -> None:
    """Raise if the database is missing or empty in a folder that has images or runs.

    Raises:
        WorkspaceDamaged: Instead of beginning a new, empty workspace there.
    """
    database = path / DATABASE_NAME
    is_empty = not database.exists() or database.stat().st_size == 0
    if is_empty and (remains := _remains(path)):
        raise database_errors.lost(path, remains)


def _remains(path: Path) -> str:
    """Return what a folder has of a workspace besides the database, such as `57 images and 2 runs`."""
    counts = {
        "image": sum(len(file.name) == 64 for file in path.glob("images/??/*")),
        "run": sum(folder.name.isdigit() for folder in path.glob("runs/*")),
        "export": sum(1 for _ in path.glob("exports/*")),
        "copy of a database": sum(1 for _ in path.glob("backups/*.db")),
        "journal of a database": int((path / f"{DATABASE_NAME}-wal").exists()),
    }
    parts = [f"{n:,} {name}{'s' if n != 1 and 'of' not in name else ''}" for name, n in counts.items() if n]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _migrate(workspace: Workspace) -> None:
    from sqlite_utils import Database

    db = Database(workspace.connection())
    steps = migrations()
    known = {step.name for step in steps._migrations}  # There is no public list of names.
    applied = [step.name for step in steps.applied(db)]
    unknown = [name for name in applied if name not in known]
    if unknown:
        raise WorkspaceTooNew(
            f"The workspace {workspace.path} was written by a newer Peakid (it has {', '.join(unknown)}).",
            "Update Peakid, or open one of the copies in its backups folder.",
        )
    if not steps.pending(db):
        return
    if workspace.is_read_only:
        raise database_errors.read_only(workspace.path)
    if unwritable := workspace.connection().unwritable:
        raise unwritable
    _refuse_foreign(workspace, has_migrations=bool(applied))
    if applied:
        _backup_before(workspace, steps.pending(db)[0].name)
    steps.apply(db)


def _backup_before(workspace: Workspace, migration: str) -> None:
    folder = workspace.path / "backups"
    folder.mkdir(exist_ok=True)
    stamp = now().replace(":", "").replace(".", "")
    target = folder / f"peakid-before-{migration}-{stamp}.db"
    with contextlib.closing(sqlite3.connect(target)) as copy:
        workspace.connection().backup(copy)


def _refuse_foreign(workspace: Workspace, *, has_migrations: bool) -> None:
    """Raise if a database has tables and none of Peakid's migrations: another program wrote it.

    Raises:
        WorkspaceDamaged: Nothing was changed.
    """
    names = [row["name"] for row in workspace.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
    others = [name for name in names if not name.startswith(("_", "sqlite_"))]
    if others and not has_migrations:
        problem = f"it is not a database of Peakid, it has the table {others[0]}"
        raise database_errors.damaged(workspace.path, [problem])


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold the file lock of the workspace: four processes that migrated it at the same time damaged it.

    Raises:
        WorkspaceBusy: If another process holds it for too long.
    """
    with (path / ".lock").open("w") as lock:
        ends_at = time.monotonic() + OPENS_WITHIN_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends_at:
                    raise database_errors.busy(path) from None
                time.sleep(0.01)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


def schema_sql(workspace: Workspace) -> str:
    """Return the database schema as SQL, tables first, for db/schema.sql."""
    rows = workspace.query(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\'"
        " AND tbl_name NOT LIKE '\\_%' ESCAPE '\\'"
        " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid"
    )
    statements = "\n\n".join(f"{row['sql']};" for row in rows)
    return f"-- Generated from db/migrations by: make docs\n\n{statements}\n"
