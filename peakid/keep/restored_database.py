"""Check the database of a backup before any of it is used: its file, schema, constraints and values.

A database can contain triggers that would run at the next write, and rows that name any file. So its schema
must be the one that the migrations make, and every name from which a path is built must stay inside.
"""

import contextlib
import functools
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from peakid import paths, printable, store_urls
from peakid.errors import BadBackup, BadInput, WorkspaceTooNew
from peakid.store import integrity
from peakid.store import workspace as workspaces

MAX_STEPS = 2_000_000_000  # Of SQLite's virtual machine, for the whole check: some minutes.
_STEPS = 1_000_000
_SHADOW = frozenset(f"text_index_{name}" for name in ("data", "idx", "docsize", "config"))
_SQLITE_OWN = frozenset({"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})
_MIGRATIONS = "_sqlite_migrations"
# The list of applied migrations is made by a library, whose versions write it in different words.
_PLAIN = re.compile(r'CREATE (TABLE|UNIQUE INDEX)[\s\w"\[\],]+\([\s\w"\[\],()]*\)')
JSON_COLUMNS: dict[tuple[str, str], type] = {  # Columns with JSON, and what it must be.
    ("decision", "basis"): dict,
    ("duplicate_proposal", "matrix"): list,
    ("snapshot", "fractions"): dict,
    ("snapshot", "class_names"): list,
    ("job", "arguments"): dict,
    ("job", "settings"): dict,
    ("job", "result"): dict,
    ("job", "actions"): list,
    ("search", "options"): dict,
    ("run", "recipe"): dict,
    ("run", "class_names"): list,
    ("run", "libraries"): dict,
    ("run", "metrics"): dict,
    ("run", "score"): dict,
    ("run", "warnings"): list,
    ("run", "imported"): dict,
    ("export", "files"): list,
    ("export", "parity"): dict,
    ("pulled_model", "files"): list,
    ("pulled_model", "class_names"): list,
    ("export", "figures"): dict,
    ("saved_view", "filters"): dict,
    ("imagenet_state", "kept"): list,
    ("new_photos", "comparison"): dict,
    ("learning_curve", "document"): dict,
}
_DIGESTS = (("image", "digest"), ("tombstone", "digest"), ("snapshot", "digest"))
_FREE_TIMES = frozenset({"taken_at"})  # As the camera wrote it.

_Object = tuple[str, str, str, str]
"""Type, name, table and SQL of one object of a schema."""


def check(database: Path) -> None:
    """Check a database that has not been opened before. It is not changed.

    Raises:
        BadBackup: If it is damaged, has another schema, or holds values that Peakid does not write.
        WorkspaceTooNew: If it was written by a newer Peakid.
    """
    try:
        # Read-only and immutable: nothing of a schema that is not known yet can have an effect.
        unknown = _opened(database, "mode=ro&immutable=1", "trusted_schema = OFF")
        with contextlib.closing(unknown):
            _check_file(unknown)
            _check_schema(unknown)
        # SQLite parses CHECK constraints only for a file that it could write.
        with contextlib.closing(_opened(database, "mode=rw", "query_only = ON")) as connection:
            _check_constraints(connection)
            _check_values(connection)
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        raise _bad(f"cannot be read: {printable.short(error)}") from error


def _opened(database: Path, mode: str, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{database.as_uri()}?{mode}", uri=True, isolation_level=None)
    for pragma in (*pragmas, "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    left = MAX_STEPS // _STEPS

    def count() -> bool:
        nonlocal left
        left -= 1
        return left < 0  # True interrupts the statement.

    connection.set_progress_handler(count, _STEPS)
    return connection


def _check_file(connection: sqlite3.Connection) -> None:
    if problems := integrity.quick_check(connection):
        raise _bad(f"is damaged: {problems[0]}")


def _check_schema(connection: sqlite3.Connection) -> None:
    applied = _applied(connection)
    known = {file.stem: file for file in sorted(workspaces.MIGRATIONS_DIR.glob("[0-9]*.sql"))}
    if unknown := sorted(set(applied) - set(known)):
        raise WorkspaceTooNew(
            f"The backup was written by a newer Peakid (it has {', '.join(unknown)[:80]}).",
            "Update Peakid to restore it.",
        )
    wanted = _own_objects(tuple(file for name, file in known.items() if name in applied))
    there = _objects(connection)
    if foreign := sorted(there - wanted):
        kind, name, _, _ = foreign[0]
        raise _bad(f"has another {kind} {name[:40]!r} than Peakid makes")
    if lacking := sorted(wanted - there):
        kind, name, _, _ = lacking[0]
        raise _bad(f"has no {kind} {name!r}")


@functools.lru_cache(4)
def _own_objects(migrations: tuple[Path, ...]) -> frozenset[_Object]:
    """Return the objects of the schema that these migrations make."""
    with contextlib.closing(sqlite3.connect(":memory:")) as own:
        for file in migrations:
            own.executescript(file.read_text(encoding="utf-8"))
        return frozenset(_objects(own))


def _applied(connection: sqlite3.Connection) -> list[str]:
    sql = f"SELECT name FROM {_MIGRATIONS} WHERE migration_set = 'peakid'"
    try:
        return [str(row[0]) for row in connection.execute(sql)]
    except sqlite3.OperationalError as error:
        raise _bad("does not say which version wrote it") from error


def _objects(connection: sqlite3.Connection) -> set[_Object]:
    """Return the objects of a schema, without those that SQLite makes by itself."""
    found = set()
    for kind, name, table, sql in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        is_automatic = kind == "index" and sql is None and name.startswith("sqlite_autoindex_")
        is_sqlites = kind == "table" and name == table and name in _SQLITE_OWN
        is_list = table == _MIGRATIONS and kind in ("table", "index") and _PLAIN.fullmatch(sql or "")
        if is_automatic or is_sqlites or is_list:
            continue
        is_shadow = kind == "table" and name in _SHADOW  # Its SQL depends on the version of SQLite.
        found.add((kind, name, table, "" if is_shadow else re.sub(r'[\s"`]+', " ", sql or "").strip()))
    return found


def _check_constraints(connection: sqlite3.Connection) -> None:
    """Check NOT NULL, UNIQUE, CHECK and the types of STRICT tables, then the foreign keys."""
    for (text,) in connection.execute("PRAGMA integrity_check(1)"):
        if text != "ok":
            raise _bad(f"breaks its own rules: {str(text).splitlines()[0][:80]}")
    for row in connection.execute("PRAGMA foreign_key_check"):
        raise _bad(f"has a row of {row[0]!r} that refers to a missing row of {row[2]!r}")


def _check_values(connection: sqlite3.Connection) -> None:
    for table, column in _DIGESTS:
        for (digest,) in connection.execute(f"SELECT {column} FROM {table}"):
            if not paths.is_digest(digest):
                raise _bad(f"has a digest that is none: {str(digest)[:80]!r}")
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table not in _SHADOW and table != "text_index":
            _check_text(connection, table)
    for what, place, is_fine in _places(connection):
        if not is_fine(place):
            raise _bad(f"names a {what} outside the workspace: {str(place)[:80]!r}")


def _check_text(connection: sqlite3.Connection, table: str) -> None:
    """Check that every text is UTF-8, every time a time, and every document of the right shape."""
    columns = [
        row[1] for row in connection.execute(f'PRAGMA table_xinfo("{table}")') if row[2].upper() == "TEXT"
    ]
    checks = [_check_of(table, column) for column in columns]
    if not columns:
        return
    for row in connection.execute(f'SELECT {", ".join(columns)} FROM "{table}"'):
        for column, is_fine, value in zip(columns, checks, row, strict=True):
            if value is not None and is_fine is not None and not is_fine(value):
                raise _bad(f"has a value in {table}.{column} that Peakid does not write: {value[:40]!r}")


def _check_of(table: str, column: str) -> Callable[[str], bool] | None:
    if shape := JSON_COLUMNS.get((table, column)):
        return lambda text: _is_document(text, shape)
    is_time = column.endswith("_at") and column not in _FREE_TIMES and table != _MIGRATIONS
    return _is_time if is_time else None


def _is_document(text: str, shape: type) -> bool:
    try:
        return isinstance(json.loads(text), shape)
    except (ValueError, RecursionError):
        return False


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _places(connection: sqlite3.Connection) -> Iterator[tuple[str, str, Callable[[str], bool]]]:
    """Yield every stored name from which a path is built: what it names, the name, and its rule."""
    for (root,) in connection.execute("SELECT path FROM root"):
        yield "folder", root, _is_place
    for (url,) in _rows_of(connection, "image_store", "url"):
        yield "store", url, _is_store
    for (path,) in connection.execute(
        "SELECT o.path FROM origin o JOIN root r ON r.id = o.root_id WHERE r.is_in_place = 1"
    ):
        yield "file", path, paths.is_inside
    for run_id, path in connection.execute("SELECT id, path FROM run"):
        yield "run folder", path, {"", f"runs/{run_id}"}.__contains__
    for path, listed in connection.execute("SELECT path, files FROM export"):
        yield "export", path, lambda each: _is_absolute(each) or paths.is_inside(each)
        for each in json.loads(listed):
            yield "file of an export", each.get("name") if isinstance(each, dict) else each, _is_plain_name
    for path, listed in _rows_of(connection, "pulled_model", "path, files"):
        yield "pulled model", path, paths.is_inside
        for each in json.loads(listed):
            yield "file of a model", each.get("name") if isinstance(each, dict) else each, _is_below


def _rows_of(connection: sqlite3.Connection, table: str, columns: str) -> list[tuple[str, ...]]:
    """Return columns of a table that an earlier version does not have."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if connection.execute(sql, (table,)).fetchone() is None:
        return []
    return connection.execute(f"SELECT {columns} FROM {table}").fetchall()


def _is_place(path: str) -> bool:
    return _is_store(path) if store_urls.is_url(path) else _is_absolute(path)


def _is_store(text: str) -> bool:
    """Return whether a text is an address as Peakid stores it."""
    try:
        return str(store_urls.parse(text)) == text
    except BadInput:
        return False


def _is_absolute(path: str) -> bool:
    return Path(path).is_absolute() and ".." not in Path(path).parts and "\0" not in path


def _is_plain_name(name: object) -> bool:
    return isinstance(name, str) and paths.is_inside(name) and "/" not in name


def _is_below(name: object) -> bool:
    return isinstance(name, str) and paths.is_inside(name)


def _bad(why: str) -> BadBackup:
    return BadBackup(
        f"The database in the backup {why}.", "Use another copy, or a backup that Peakid wrote itself."
    )
