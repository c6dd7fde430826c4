"""A workspace: one folder with the database, images, thumbnails, runs and exports of one collection."""

import contextlib
import fcntl
import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakid import files, resources
from peakid.errors import NoWorkspace, ResourceMissing, WorkspaceNotWritable, WorkspaceTooNew
from peakid.remedies import action
from peakid.store import identity, placing

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

MIGRATIONS_DIR = resources.path("db/migrations")
DATABASE_NAME = "peakid.db"
_DISK_ERRORS = (  # Primary result codes: the low byte of the extended codes.
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
)
BUSY_TIMEOUT_MS = 10_000  # Twenty writing processes waited 9 ms at p99; a backup takes less than 10 s.


class Workspace:
    """An open workspace folder. It has one SQLite connection per thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    @property
    def images_dir(self) -> Path:
        return self.path / "images"

    @property
    def thumbs_dir(self) -> Path:
        return self.path / "thumbs"

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

    def connection(self) -> sqlite3.Connection:
        """Return the connection of this thread, in autocommit mode. Use `transaction` to write."""
        database = self.path / DATABASE_NAME
        connection = getattr(self._local, "connection", None)
        if connection is not None and not connection.in_transaction and self._is_replaced(database):
            self.close()
            connection = None
        if connection is None:
            connection = self._local.connection = _connect(database)
            self._local.file = files.file_of(database)
        return connection

    def _is_replaced(self, database: Path) -> bool:
        """Return whether a restore has put another database in the place of the open one."""
        return files.file_of(database) not in ("", self._local.file)

    def identity(self) -> str:
        """Return which workspace this is; '' for a copy that could not be given an identity of its own."""
        row = self.one("SELECT identity, file FROM workspace_identity")
        if row is None or not identity.is_same(row["file"], identity.file_at(self.path / DATABASE_NAME)):
            return ""
        return row["identity"]

    def query(self, sql: str, parameters: Iterable[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        return self.connection().execute(sql, parameters).fetchall()  # ty: ignore[invalid-argument-type]

    def one(self, sql: str, parameters: Iterable[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        return self.connection().execute(sql, parameters).fetchone()  # ty: ignore[invalid-argument-type]

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Yield a connection inside a transaction: all changes of the block are written, or none.

        Raises:
            WorkspaceNotWritable: If the disk or the folder cannot be written.
        """
        connection = self.connection()
        try:
            connection.execute("BEGIN IMMEDIATE")  # A deferred one could fail later with SQLITE_BUSY.
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:  # On a full disk SQLite has rolled it back already.
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in _DISK_ERRORS:
                raise _not_writable(self.path, error) from error
            raise

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
        WorkspaceNotWritable: If the folder cannot be written.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    path = Path(path).expanduser().absolute()
    _recover(path)
    try:
        for name in ("images", "thumbs", "cache", "runs", "exports", "logs"):
            (path / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(path, error) from error
    return _opened(path)


def open_existing(path: Path) -> Workspace:
    """Open the workspace in `path`. The database of an older one is backed up and migrated.

    Raises:
        NoWorkspace: If there is no workspace.
        WorkspaceNotWritable: If the folder cannot be written.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    path = Path(path).expanduser().absolute()
    _recover(path)
    if not (path / DATABASE_NAME).is_file():
        raise NoWorkspace(
            f"There is no workspace in {path}.",
            "Create it, or choose another folder.",
            action("create_workspace", path=str(path)),
        )
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
    workspace = Workspace(path)
    try:
        with _locked(path):
            _migrate(workspace)
            identity.adopt(workspace.connection(), identity.file_at(path / DATABASE_NAME), at=now())
            # Report a read-only database now, not at the first decision.
            workspace.connection().execute("UPDATE root SET id = id WHERE 0")
    except (sqlite3.OperationalError, OSError) as error:
        raise _not_writable(path, error) from error
    return workspace


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


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold the file lock of the workspace: four processes that migrated it at the same time damaged it."""
    with (path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # In WAL mode a process crash loses nothing.
    connection.execute("PRAGMA foreign_keys = ON")
    # Without this, INSERT OR REPLACE bypasses the append-only triggers.
    connection.execute("PRAGMA recursive_triggers = ON")
    return connection


def _not_writable(path: Path, error: Exception) -> WorkspaceNotWritable:
    free = shutil.disk_usage(path).free if path.exists() else None
    space = "" if free is None else f" ({free / 2**20:,.0f} MB free on its disk)"
    return WorkspaceNotWritable(
        f"The workspace {path} cannot be written: {error}{space}.",
        "Check its permissions and free space, or choose another folder.",
    )


def schema_sql(workspace: Workspace) -> str:
    """Return the database schema as SQL, tables first, for db/schema.sql."""
    rows = workspace.query(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\'"
        " AND tbl_name NOT LIKE '\\_%' ESCAPE '\\'"
        " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid"
    )
    statements = "\n\n".join(f"{row['sql']};" for row in rows)
    return f"-- Generated from db/migrations by: make docs\n\n{statements}\n"
