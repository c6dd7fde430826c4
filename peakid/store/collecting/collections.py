"""Collections of photos from the web: their candidates, and what became of each."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from peakid import clean_text
from peakid.errors import BadInput, NotFound
from peakid.records import NO_CREDIT, Credit, RejectionReason
from peakid.store.workspace import Workspace, now

CandidateState = Literal["waiting", "image", "rejected"]
PASSING: tuple[RejectionReason, ...] = ("unreachable", "too_slow", "too_much_memory", "crashes_decoder")
MAX_NAME_CHARS = 100
_N_AT_ONCE = 500
_COLUMNS = "id, url, label, page_url, licence, author, thumbnail_url"


@dataclass(frozen=True)
class NewCandidate:
    """A picture on the web that may become an image of a class.

    Attributes:
        source: Where it was found: "urls" for a list, else the name of a service.
        list_name: The list or query that named it, and `position` its place there, from 1.
        problem: Why it cannot be fetched; '' if it can.
        taken_at: ISO 8601; '' = unknown.
        latitude, longitude: Degrees north and east; None = unknown.
        thumbnail_url: Of a small version; '' = none.
    """

    url: str
    label: str | None
    source: str
    list_name: str = ""
    position: int = 0
    credit: Credit = NO_CREDIT
    problem: str = ""
    title: str = ""
    taken_at: str = ""
    latitude: float | None = None
    longitude: float | None = None
    thumbnail_url: str = ""


@dataclass(frozen=True)
class Candidate:
    candidate_id: int
    url: str
    label: str | None
    credit: Credit = NO_CREDIT
    thumbnail_url: str = ""


@dataclass(frozen=True)
class Ended:
    """What became of a candidate: either `image_id` or `reason` is set."""

    candidate_id: int
    image_id: int | None = None
    reason: RejectionReason | None = None
    detail: str = ""


@dataclass(frozen=True)
class Collection:
    """A collection with the number of its candidates by state, and of its rejections by reason.

    Attributes:
        every_days: How often it is to run again; None = when someone starts it.
        retrain_after: Train again when so many new images are reviewed; None = no.
        ran_at: When it was last started; None = never.
    """

    collection_id: int
    name: str
    actor: str
    created_at: str
    n_waiting: int = 0
    n_images: int = 0
    n_rejected: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)
    every_days: float | None = None
    retrain_after: int | None = None
    ran_at: str | None = None


def create(workspace: Workspace, name: str, *, actor: str) -> int:
    """Return the id of the collection of a name, which is created where there is none.

    Raises:
        BadInput: If the name is empty or too long.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise BadInput(
            f"{name[:40]!r} is not a name of a collection.",
            f"Give 1 to {MAX_NAME_CHARS} printable characters.",
        )
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO collection (name, actor, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (name, actor, now()),
        )
        return int(connection.execute("SELECT id FROM collection WHERE name = ?", (name,)).fetchone()["id"])


def show(workspace: Workspace, name: str) -> Collection:
    """Return a collection by its name.

    Raises:
        NotFound: If there is none of that name.
    """
    found = [each for each in list_collections(workspace) if each.name == name]
    if not found:
        names = ", ".join(each.name for each in list_collections(workspace)) or "none"
        raise NotFound(f"There is no collection {name!r}.", f"There are: {names}.")
    return found[0]


def list_collections(workspace: Workspace) -> list[Collection]:
    """List the collections, newest first."""
    states: dict[int, dict[str, int]] = {}
    reasons: dict[int, dict[str, int]] = {}
    for row in workspace.query(
        "SELECT collection_id, state, reason, COUNT(*) AS n FROM candidate"
        " GROUP BY collection_id, state, reason ORDER BY n DESC"
    ):
        counted = states.setdefault(row["collection_id"], {})
        counted[row["state"]] = counted.get(row["state"], 0) + row["n"]
        if row["reason"]:
            reasons.setdefault(row["collection_id"], {})[row["reason"]] = row["n"]
    return [
        Collection(
            row["id"],
            row["name"],
            row["actor"],
            row["created_at"],
            n_waiting=states.get(row["id"], {}).get("waiting", 0),
            n_images=states.get(row["id"], {}).get("image", 0),
            n_rejected=states.get(row["id"], {}).get("rejected", 0),
            by_reason=reasons.get(row["id"], {}),
            every_days=row["every_days"],
            retrain_after=row["retrain_after"],
            ran_at=row["ran_at"],
        )
        for row in workspace.query("SELECT * FROM collection ORDER BY id DESC")
    ]


def add(
    workspace: Workspace,
    collection_id: int,
    found: Iterable[NewCandidate],
    *,
    most_per_class: int | None = None,
) -> int:
    """Add candidates that the collection does not have; return how many.

    One that cannot be fetched is rejected at once. A URL with two classes is two candidates, so that the
    image gets both labels and is flagged.

    Args:
        most_per_class: How many candidates a class may have, with those of earlier runs.
    """
    n_added, pending = 0, list[NewCandidate]()
    counts = {
        row["label"]: row["n"]
        for row in workspace.query(
            "SELECT label, COUNT(*) AS n FROM candidate WHERE collection_id = ? GROUP BY label",
            (collection_id,),
        )
    }
    for each in found:
        pending.append(each)
        if len(pending) == _N_AT_ONCE:
            n_added += _added(workspace, collection_id, pending, counts, most_per_class)
            pending = []
    return n_added + _added(workspace, collection_id, pending, counts, most_per_class)


def waiting(workspace: Workspace, collection_id: int, *, after: int = 0, limit: int = 500) -> list[Candidate]:
    """Return candidates that wait, those with an id above `after`, in the order of their ids."""
    rows = workspace.query(
        f"SELECT {_COLUMNS} FROM candidate WHERE collection_id = ? AND state = 'waiting' AND id > ?"
        " ORDER BY id LIMIT ?",
        (collection_id, after, limit),
    )
    return [_candidate(row) for row in rows]


def n_waiting(workspace: Workspace, collection_id: int) -> int:
    """Return how many candidates of a collection wait."""
    row = workspace.one(
        "SELECT COUNT(*) AS n FROM candidate WHERE collection_id = ? AND state = 'waiting'", (collection_id,)
    )
    return 0 if row is None else int(row["n"])


def waiting_by_url(
    workspace: Workspace, collection_id: int, urls: Sequence[str]
) -> dict[str, tuple[Candidate, ...]]:
    """Return all candidates that wait with each of these URLs, one for each of its classes."""
    found: dict[str, tuple[Candidate, ...]] = {}
    for start in range(0, len(urls), _N_AT_ONCE):
        part = urls[start : start + _N_AT_ONCE]
        rows = workspace.query(
            f"SELECT {_COLUMNS} FROM candidate WHERE collection_id = ? AND state = 'waiting'"
            f" AND url IN ({','.join('?' * len(part))}) ORDER BY id",
            (collection_id, *part),
        )
        for row in rows:
            found[row["url"]] = (*found.get(row["url"], ()), _candidate(row))
    return found


def known_images(workspace: Workspace, urls: Sequence[str]) -> dict[str, str]:
    """Return the digest of the image that a URL became in any collection, by URL."""
    found: dict[str, str] = {}
    for start in range(0, len(urls), _N_AT_ONCE):
        part = urls[start : start + _N_AT_ONCE]
        rows = workspace.query(
            "SELECT c.url, i.digest FROM candidate c JOIN image i ON i.id = c.image_id"
            f" WHERE c.state = 'image' AND c.url IN ({','.join('?' * len(part))})",
            part,
        )
        found |= {row["url"]: row["digest"] for row in rows}
    return found


def still_waiting(connection: sqlite3.Connection, candidate_ids: Sequence[int]) -> set[int]:
    """Return which of these candidates wait."""
    marks = ",".join("?" * len(candidate_ids))
    sql = f"SELECT id FROM candidate WHERE state = 'waiting' AND id IN ({marks})"
    return {row["id"] for row in connection.execute(sql, candidate_ids)}


def end(connection: sqlite3.Connection, ended: Ended) -> None:
    """Write what became of a candidate, in the transaction that writes its image."""
    connection.execute(
        "UPDATE candidate SET state = ?, image_id = ?, reason = ?, detail = ?, ended_at = ?,"
        " n_attempts = n_attempts + 1 WHERE id = ? AND state = 'waiting'",
        (
            "rejected" if ended.image_id is None else "image",
            ended.image_id,
            ended.reason,
            clean_text.clean_path(ended.detail)[:500],
            now(),
            ended.candidate_id,
        ),
    )


def n_same_bytes(connection: sqlite3.Connection, url: str, digest: str) -> int:
    """Count the other addresses of the same server that gave the image with this digest."""
    rows = connection.execute(
        "SELECT DISTINCT c.url FROM image i JOIN candidate c ON c.image_id = i.id"
        " WHERE i.digest = ? AND c.url <> ?",
        (digest, url),
    )
    return sum(urlsplit(row["url"]).hostname == urlsplit(url).hostname for row in rows)


def retry(workspace: Workspace, collection_id: int, reasons: Sequence[RejectionReason] = PASSING) -> int:
    """Let rejected candidates wait again; return how many.

    Args:
        reasons: Those of their rejections. By default those that may pass.
    """
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "UPDATE candidate SET state = 'waiting', reason = NULL, detail = '', ended_at = NULL"
            f" WHERE collection_id = ? AND state = 'rejected' AND reason IN ({','.join('?' * len(reasons))})",
            (collection_id, *reasons),
        )
    return cursor.rowcount


def forget_image(connection: sqlite3.Connection, image_id: int) -> None:
    """Replace the URLs of an image that is removed for good by their hash: they are not added again."""
    rows = connection.execute("SELECT id, url FROM candidate WHERE image_id = ?", (image_id,)).fetchall()
    for row in rows:
        connection.execute(
            "UPDATE candidate SET url = ?, state = 'rejected', image_id = NULL, reason = 'forgotten',"
            " detail = '', page_url = NULL, licence = NULL, author = NULL, list_name = '', title = '',"
            " taken_at = '', latitude = NULL, longitude = NULL, thumbnail_url = '' WHERE id = ?",
            (_forgotten_url(row["url"]), row["id"]),
        )


def _forgotten_url(url: str) -> str:
    return f"forgotten:{hashlib.sha256(url.encode()).hexdigest()}"


def rejections(
    workspace: Workspace, collection_id: int, *, limit: int = 500
) -> list[tuple[str, str | None, str, str]]:
    """Return URL, class, reason and detail of rejected candidates, newest first."""
    rows = workspace.query(
        "SELECT url, label, reason, detail FROM candidate WHERE collection_id = ? AND state = 'rejected'"
        " ORDER BY ended_at DESC, id DESC LIMIT ?",
        (collection_id, limit),
    )
    return [(row["url"], row["label"], row["reason"], row["detail"]) for row in rows]


def conflicts(workspace: Workspace, collection_id: int) -> dict[str, tuple[str, ...]]:
    """Return the classes of every URL that has several of them."""
    rows = workspace.query(
        "SELECT url, GROUP_CONCAT(label, char(31)) AS labels FROM (SELECT url, label FROM candidate"
        " WHERE collection_id = ? AND label IS NOT NULL ORDER BY id) GROUP BY url HAVING COUNT(*) > 1",
        (collection_id,),
    )
    return {row["url"]: tuple(row["labels"].split("\x1f")) for row in rows}


def _candidate(row: sqlite3.Row) -> Candidate:
    credit = Credit(row["page_url"], row["licence"], row["author"])
    return Candidate(row["id"], row["url"], row["label"], credit, row["thumbnail_url"])


def add_within(
    connection: sqlite3.Connection, collection_id: int, found: Sequence[NewCandidate], *, most: int
) -> int:
    """Add what a service lists, at most so many, in the order given; return how many are new.

    A photo that the collection has, with any class, is not added again.
    """
    n_added = 0
    for each in found:
        if n_added >= most:
            break
        row = connection.execute(
            "SELECT 1 FROM candidate WHERE collection_id = ? AND url = ?", (collection_id, each.url)
        )
        if row.fetchone() is None and not _is_forgotten(connection, each.url):
            n_added += _insert(connection, collection_id, replace(each, position=n_added + 1))
    return n_added


def _added(
    workspace: Workspace,
    collection_id: int,
    found: Sequence[NewCandidate],
    counts: dict[str | None, int],
    most_per_class: int | None,
) -> int:
    n_added = 0
    with workspace.transaction() as connection:
        rows = connection.execute("SELECT DISTINCT url FROM candidate WHERE reason = 'forgotten'")
        forgotten = {row["url"] for row in rows}
        for each in found:
            if forgotten and _forgotten_url(each.url) in forgotten:
                continue
            n_of_class = counts.get(each.label, 0)
            if most_per_class is not None and n_of_class >= most_per_class and not each.problem:
                continue
            is_new = _insert(connection, collection_id, each)
            n_added += is_new
            if is_new and not each.problem:
                counts[each.label] = n_of_class + 1
    return n_added


def _is_forgotten(connection: sqlite3.Connection, url: str) -> bool:
    row = connection.execute("SELECT 1 FROM candidate WHERE url = ?", (_forgotten_url(url),)).fetchone()
    return row is not None


def _insert(connection: sqlite3.Connection, collection_id: int, each: NewCandidate) -> int:
    """Insert a candidate; return 1, or 0 if the collection has it with this class."""
    ended = ("rejected", "unsafe_url", each.problem, now()) if each.problem else ("waiting", None, "", None)
    values: dict[str, str | int | float | None] = {
        "collection_id": collection_id,
        "url": each.url,
        "label": each.label,
        "source": each.source,
        "list_name": each.list_name,
        "position": each.position,
        "page_url": each.credit.page_url,
        "licence": each.credit.licence,
        "author": each.credit.author,
        "title": each.title,
        "taken_at": each.taken_at,
        "latitude": each.latitude,
        "longitude": each.longitude,
        "thumbnail_url": each.thumbnail_url,
        **dict(zip(("state", "reason", "detail", "ended_at"), ended, strict=True)),
    }
    return connection.execute(
        f"INSERT INTO candidate ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
        " ON CONFLICT DO NOTHING",
        tuple(values.values()),
    ).rowcount
