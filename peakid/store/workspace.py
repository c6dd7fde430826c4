"""One folder holds everything of one collection: the database, images, thumbnails, runs and exports."""

import contextlib
import fcntl
import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakid import resources
from peakid.errors import NoWorkspace, ResourceMissing, WorkspaceNotWritable, WorkspaceTooNew

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

MIGRATIONS_DIR = resources.path("db/migrations")
DATABASE_NAME = "peakid.db"
_DISK_ERRORS = (  # Primary result codes: the low byte of the extended ones.
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
)
BUSY_TIMEOUT_MS = 10_000  # Twenty writing processes had a p99 of 9 ms; ten seconds outlasts a backup.


class Workspace:
    """A workspace folder that has been opened. Holds one SQLite connection per thread."""

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
        """Where files sent by a browser wait for their import."""
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
        """Answer this thread's connection, in autocommit; write through `transaction`."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.path / DATABASE_NAME)
        return connection

    def query(self, sql: str, parameters: Iterable[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        return self.connection().execute(sql, parameters).fetchall()  # ty: ignore[invalid-argument-type]

    def one(self, sql: str, parameters: Iterable[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        return self.connection().execute(sql, parameters).fetchone()  # ty: ignore[invalid-argument-type]

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Give a connection inside BEGIN IMMEDIATE: all of the block is written, or nothing of it.

        Raises:
            WorkspaceNotWritable: If the disk or the folder does not take writes.
        """
        connection = self.connection()
        try:
            connection.execute("BEGIN IMMEDIATE")  # A deferred one could fail half-way with SQLITE_BUSY.
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:  # A full disk ends the transaction by itself.
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
    """Answer the time as ISO 8601 in UTC with milliseconds, the one form every table uses."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def create(path: Path) -> Workspace:
    """Open the workspace in `path`, making it first where there is none. Safe for many processes at once.

    Raises:
        WorkspaceNotWritable: If the folder cannot be written.
        WorkspaceTooNew: If a newer Peakid has written it.
    """
    path = Path(path).expanduser().absolute()
    try:
        for name in ("images", "thumbs", "cache", "runs", "exports", "logs"):
            (path / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(path, error) from error
    return _opened(path)


def open_existing(path: Path) -> Workspace:
    """Open the workspace in `path`, bringing an older one up to date after a backup.

    Raises:
        NoWorkspace: If there is none.
        WorkspaceNotWritable: If the folder cannot be written.
        WorkspaceTooNew: If a newer Peakid has written it.
    """
    path = Path(path).expanduser().absolute()
    if not (path / DATABASE_NAME).is_file():
        raise NoWorkspace(
            f"There is no workspace in {path}.", f"Make one with: peakid --workspace {path} init"
        )
    return _opened(path)


def migrations() -> "Migrations":
    """Read the numbered SQL files.

    Raises:
        ResourceMissing: If they are not there.
    """
    files = sorted(MIGRATIONS_DIR.glob("[0-9]*.sql"))
    if not files:
        raise ResourceMissing(
            f"The database migrations are missing at {MIGRATIONS_DIR}.",
            "Install the package again: pip install --force-reinstall peakid",
        )
    from sqlite_utils import Migrations  # A quarter of a second that the process which decodes does not need.

    steps = Migrations("peakid")
    for file in files:
        steps(name=file.stem)(_script(file))  # ty: ignore[invalid-argument-type] - it never reads __name__ when a name is given.
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
            workspace.connection().execute(
                "UPDATE root SET id = id WHERE 0"
            )  # Told now, not at the first decision.
    except (sqlite3.OperationalError, OSError) as error:
        raise _not_writable(path, error) from error
    return workspace


def _migrate(workspace: Workspace) -> None:
    from sqlite_utils import Database

    db = Database(workspace.connection())
    steps = migrations()
    known = {step.name for step in steps._migrations}  # No public list of names exists.
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
    """Hold the workspace's file lock: four processes migrating at once broke a database when tried."""
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
    connection.execute("PRAGMA synchronous = NORMAL")  # In WAL a crash of the process loses nothing.
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(
        "PRAGMA recursive_triggers = ON"
    )  # Else INSERT OR REPLACE slips past the append-only trigger.
    return connection


def _not_writable(path: Path, error: Exception) -> WorkspaceNotWritable:
    free = shutil.disk_usage(path).free if path.exists() else None
    room = "" if free is None else f" ({free / 2**20:,.0f} MB free on its disk)"
    return WorkspaceNotWritable(
        f"The workspace {path} cannot be written: {error}{room}.",
        "Check its permissions and free space, or choose another folder with --workspace DIR.",
    )


def schema_sql(workspace: Workspace) -> str:
    """Answer the schema of an opened workspace as SQL, tables first, as db/schema.sql holds it."""
    rows = workspace.query(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\' AND tbl_name NOT LIKE '\\_%' ESCAPE '\\'"
        " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid"
    )
    return (
        "-- Generated from db/migrations by: make schema\n\n"
        + "\n\n".join(f"{row['sql']};" for row in rows)
        + "\n"
    )
