"""Whether a database can be trusted: is its file sound?"""

import sqlite3

MAX_PROBLEMS = 20  # One damaged page can be reported by a thousand rows.


def quick_check(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Check the structure of a database file, without comparing its indexes with their tables.

    It reads every page once.

    Returns:
        What is damaged, in words, at most `MAX_PROBLEMS` lines; empty for a sound database.
    """
    return _checked(connection, f"PRAGMA quick_check({MAX_PROBLEMS})")


def _checked(connection: sqlite3.Connection, pragma: str) -> tuple[str, ...]:
    try:
        found = [str(row[0]) for row in connection.execute(pragma)]
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        found = [str(error)]
    # A row may have several lines, each about one page.
    lines = [line for text in found for line in text.splitlines() if not line.startswith("***")]
    return () if lines == ["ok"] else tuple(lines[:MAX_PROBLEMS])


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error of SQLite says that the file is damaged or no database at all."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
