"""Whether a database can be trusted: its file is sound, and its rows agree with the log of decisions."""

import sqlite3

from peakid.errors import WorkspaceDamaged

UNREADABLE_SCHEMA = "its schema is no text"  # SQLite quotes it in the name of a column or in an error.
MAX_PROBLEMS = 20  # One damaged page can be reported by a thousand rows.


def quick_check(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Check the structure of a database file, without comparing its indexes with their tables.

    It reads every page once.

    Returns:
        What is damaged, in words, at most `MAX_PROBLEMS` lines; empty for a sound database.
    """
    return _checked(connection, f"PRAGMA quick_check({MAX_PROBLEMS})")


def full_check(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Check everything that a database can tell about itself.

    The structure of the file, its indexes, references between tables, and whether replaying the decisions
    gives the state of every image and the counts of states.

    Returns:
        What is wrong, in words, as `quick_check` does; empty for a sound database.
    """
    damage = _checked(connection, f"PRAGMA integrity_check({MAX_PROBLEMS})")
    if damage:
        return damage  # Other checks would read the damaged pages.
    return (*_broken_references(connection), *_differences(connection))


def _broken_references(connection: sqlite3.Connection) -> list[str]:
    broken: dict[tuple[str, str], int] = {}
    for row in connection.execute("PRAGMA foreign_key_check"):
        broken[row[0], row[2]] = broken.get((row[0], row[2]), 0) + 1
    return [
        f"{n:,} {'row' if n == 1 else 'rows'} of the table {table} refer to a missing row of {target}"
        for (table, target), n in broken.items()
    ]


def _differences(connection: sqlite3.Connection) -> list[str]:
    found = []
    for sql, text in _REPLAYS:
        n = int(connection.execute(sql).fetchone()[0])
        if n:
            found.append(text.format(n=f"{n:,}", s="" if n == 1 else "s"))
    return found


_REPLAYS = (
    (
        "SELECT COUNT(*) FROM image_state s"
        " LEFT JOIN (SELECT image_id, MAX(id) AS id FROM decision GROUP BY image_id) n"
        " ON n.image_id = s.image_id LEFT JOIN decision d ON d.id = n.id"
        " WHERE s.decision_id IS NOT d.id OR s.verdict IS NOT COALESCE(d.verdict, 'clear')"
        " OR s.class_id IS NOT d.class_id OR s.is_reviewed IS NOT COALESCE(d.is_reviewed, 0)"
        " OR s.reason IS NOT COALESCE(d.reason, '') OR s.actor IS NOT d.actor",
        "the state of {n} image{s} is not that of the newest decision",
    ),
    (
        "SELECT COUNT(*) FROM image WHERE id NOT IN (SELECT image_id FROM image_state)"
        " AND digest NOT IN (SELECT digest FROM tombstone)",
        "{n} image{s} without a state",
    ),
    (
        "WITH counted AS (SELECT COALESCE(class_id, 0), verdict, is_reviewed, COUNT(*) FROM image_state"
        " GROUP BY 1, 2, 3), stored AS ("
        "SELECT class_id, verdict, is_reviewed, n FROM state_count WHERE n <> 0)"
        " SELECT COUNT(*) FROM (SELECT * FROM (SELECT * FROM counted EXCEPT SELECT * FROM stored)"
        " UNION ALL SELECT * FROM (SELECT * FROM stored EXCEPT SELECT * FROM counted))",
        "{n} of the stored counts differ from the states",
    ),
)


def _checked(connection: sqlite3.Connection, pragma: str) -> tuple[str, ...]:
    try:
        found = [str(row[0]) for row in connection.execute(pragma)]
    except WorkspaceDamaged as error:  # Of a connection to a workspace.
        found = [str(error.__cause__ or error.message)]
    except UnicodeDecodeError:
        found = [UNREADABLE_SCHEMA]
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
