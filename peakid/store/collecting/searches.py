"""The searches of a collection: what services are asked for each class, and how far each has come."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from peakid import clean_text
from peakid.store.workspace import Workspace, now


@dataclass(frozen=True)
class NewSearch:
    """A search for photos of one class.

    Attributes:
        source: Name of the service.
        label: The class of what is found.
        text: What the service is asked for.
        licences: open = Creative Commons and public domain; any = whatever is listed.
        n_wanted: How many new candidates one run adds at most.
        options: More that the source knows.
    """

    source: str
    label: str
    text: str
    licences: Literal["open", "any"] = "open"
    n_wanted: int = 200
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Search(NewSearch):
    """A stored search.

    Attributes:
        cursor: Where it goes on; '' = at the beginning.
        n_found: New candidates of the run that is open or was last.
        n_available: How many photos the service said it has; None = unknown.
        is_ended: The last run has what it wanted, or there was nothing more.
        problem: Why the last attempt failed; '' = it did not.
    """

    search_id: int = 0
    collection_id: int = 0
    cursor: str = ""
    n_found: int = 0
    n_available: int | None = None
    is_ended: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a search has come; as in `Search`."""

    cursor: str
    n_found: int
    n_available: int | None
    is_ended: bool


def save(workspace: Workspace, collection_id: int, wanted: Sequence[NewSearch]) -> None:
    """Make these the searches of a collection; one that it has already keeps how far it has come.

    The others are removed. Their candidates stay.
    """
    with workspace.transaction() as connection:
        kept = [_upsert(connection, collection_id, each) for each in wanted]
        connection.execute(
            f"DELETE FROM search WHERE collection_id = ? AND id NOT IN ({','.join('?' * len(kept))})",
            (collection_id, *kept),
        )


def of_collection(workspace: Workspace, collection_id: int) -> list[Search]:
    """List the searches of a collection in the order in which they were saved."""
    rows = workspace.query("SELECT * FROM search WHERE collection_id = ? ORDER BY id", (collection_id,))
    return [
        Search(
            row["source"],
            row["label"],
            row["text"],
            row["licences"],
            row["n_wanted"],
            json.loads(row["options"]),
            search_id=row["id"],
            collection_id=row["collection_id"],
            cursor=row["cursor"],
            n_found=row["n_found"],
            n_available=row["n_available"],
            is_ended=bool(row["is_ended"]),
            problem=row["problem"],
        )
        for row in rows
    ]


def restart(workspace: Workspace, collection_id: int) -> None:
    """Let the searches of a collection that have ended begin again, to find what is new."""
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE search SET cursor = '', n_found = 0, is_ended = 0, problem = ''"
            " WHERE collection_id = ? AND is_ended = 1",
            (collection_id,),
        )


def begin_at(workspace: Workspace, collection_id: int, source: str, cursors: Mapping[str, str]) -> int:
    """Let searches of a service that have never run begin elsewhere; return how many.

    Args:
        cursors: By class.
    """
    with workspace.transaction() as connection:
        return sum(
            connection.execute(
                "UPDATE search SET cursor = ? WHERE collection_id = ? AND source = ? AND label = ?"
                " AND cursor = '' AND searched_at IS NULL",
                (cursor, collection_id, source, label),
            ).rowcount
            for label, cursor in cursors.items()
        )


def advance(connection: sqlite3.Connection, search_id: int, progress: Progress) -> None:
    """Write how far a search has come, in the transaction that adds its candidates."""
    connection.execute(
        "UPDATE search SET cursor = ?, n_found = ?, n_available = COALESCE(?, n_available),"
        " is_ended = ?, problem = '', searched_at = ? WHERE id = ?",
        (progress.cursor, progress.n_found, progress.n_available, progress.is_ended, now(), search_id),
    )


def fail(workspace: Workspace, search_id: int, problem: str) -> None:
    """Write why a search did not go on; the next run tries it again."""
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE search SET problem = ?, searched_at = ? WHERE id = ?",
            (clean_text.clean_path(problem)[:500], now(), search_id),
        )


def _upsert(connection: sqlite3.Connection, collection_id: int, wanted: NewSearch) -> int:
    row = connection.execute(
        "INSERT INTO search (collection_id, source, label, text, licences, options, n_wanted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (collection_id, source, label, text) DO UPDATE SET"
        " is_ended = is_ended AND n_wanted >= excluded.n_wanted AND licences = excluded.licences"
        " AND options = excluded.options,"
        " cursor = IIF(licences = excluded.licences AND options = excluded.options, cursor, ''),"
        " licences = excluded.licences, options = excluded.options, n_wanted = excluded.n_wanted"
        " RETURNING id",
        (
            collection_id,
            wanted.source,
            wanted.label,
            wanted.text,
            wanted.licences,
            json.dumps(dict(wanted.options), sort_keys=True),
            wanted.n_wanted,
        ),
    ).fetchone()
    return int(row["id"])
