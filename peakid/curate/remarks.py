"""Remarks on images in addition to the label: tags, a note, other classes, a mark as typical."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from peakid.errors import BadInput, NotFound
from peakid.records import StepResult
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store.workspace import Workspace, now

RemarkKind = Literal[
    "tag",   # A free word for finding images again.
    "note",  # A text about the image; the newest one counts.
    "also",  # Another class that the image shows in addition to its label.
    "typical",  # The image shows what is typical of a class.
]  # fmt: skip
LONGEST_TAG = 60  # Characters. A longer text is a note.
LONGEST_NOTE = 2_000  # Characters.
MAX_TYPICAL = 3  # Of a class. More cannot be compared at a glance.


@dataclass(frozen=True)
class _Remark:
    """One remark, set or removed. An image has at most one note, but many tags and further classes."""

    image_id: int
    kind: RemarkKind
    value: str = ""
    class_id: int | None = None
    is_on: bool = True

    @property
    def same_subject(self) -> tuple[str, tuple[object, ...]]:
        """Return the SQL condition for all rows about the same tag, note or further class of the image."""
        condition, parameters = "image_id = ? AND kind = ?", (self.image_id, self.kind)
        if self.kind == "tag":
            return f"{condition} AND value = ?", (*parameters, self.value)
        if self.kind in ("also", "typical"):
            return f"{condition} AND class_id = ?", (*parameters, self.class_id)
        return condition, parameters


def tag(
    workspace: Workspace,
    digests: Sequence[str],
    name: str,
    *,
    is_on: bool = True,
    actor: str,
    event_id: str = "",
) -> StepResult:
    """Add a tag to images, or remove it, as one step that undo reverses.

    Args:
        digests: Full digests. Images that already have the tag (or, when removing it, lack it) are skipped.
        event_id: Identifies the action; delivered twice, it is written once.

    Raises:
        BadInput: If the tag is empty, too long or more than one line.
        NotFound: If a digest is unknown.
    """
    clean = name.strip()
    if not clean or not clean.isprintable() or len(clean) > LONGEST_TAG:
        raise BadInput(
            f"{name[:80]!r} cannot be a tag.", f"Use 1 to {LONGEST_TAG} printable characters in one line."
        )
    with workspace.transaction() as connection:
        wanted = [_Remark(_image_id(connection, digest), "tag", clean, is_on=is_on) for digest in digests]
        return _append_step(connection, wanted, actor=actor, event_id=event_id)


def note(workspace: Workspace, digest: str, text: str, *, actor: str, event_id: str = "") -> StepResult:
    """Replace the note of an image; an empty text removes it.

    Raises:
        BadInput: If the text is too long.
        NotFound: If the digest is unknown.
    """
    clean = text.strip()
    if len(clean) > LONGEST_NOTE:
        raise BadInput(f"A note of {len(clean):,} characters is too long.", f"Use at most {LONGEST_NOTE:,}.")
    with workspace.transaction() as connection:
        wanted = [_Remark(_image_id(connection, digest), "note", clean, is_on=bool(clean))]
        return _append_step(connection, wanted, actor=actor, event_id=event_id)


def also(
    workspace: Workspace, digest: str, class_name: str, *, is_on: bool = True, actor: str, event_id: str = ""
) -> StepResult:
    """Record that an image shows another class in addition to its label, or remove that record.

    By default snapshots leave such images out.

    Raises:
        NotFound: If the digest or the class is unknown.
        BadInput: If it is the image's label, or the class is retired.
    """
    with workspace.transaction() as connection:
        image_id = _image_id(connection, digest)
        row = connection.execute("SELECT id, is_retired FROM class WHERE name = ?", (class_name,)).fetchone()
        if row is None:
            raise decision_log.unknown_class(connection, class_name, can_be_added=True)
        is_label = connection.execute(
            "SELECT 1 FROM image_state WHERE image_id = ? AND class_id = ?", (image_id, row["id"])
        ).fetchone()
        if is_on and (is_label or row["is_retired"]):
            why = "is already the label of this image" if is_label else "is retired"
            raise BadInput(f"The class {class_name!r} {why}.", "Choose another class that the image shows.")
        wanted = [_Remark(image_id, "also", class_id=row["id"], is_on=is_on)]
        return _append_step(connection, wanted, actor=actor, event_id=event_id)


def typical(
    workspace: Workspace, digest: str, *, is_on: bool = True, actor: str, event_id: str = ""
) -> StepResult:
    """Mark an image as typical of the class it is labelled as, or take the mark off, as one step.

    A class has three typical images at most: a fourth takes the place of the one that was marked first.

    Raises:
        NotFound: If the digest is unknown.
        BadInput: If the image has no label, or is excluded or flagged.
    """
    with workspace.transaction() as connection:
        image_id = _image_id(connection, digest)
        marked = [
            row["class_id"]
            for row in connection.execute(
                "SELECT class_id FROM class_example WHERE image_id = ?", (image_id,)
            )
        ]
        if not is_on:
            off = [_Remark(image_id, "typical", class_id=each, is_on=False) for each in marked]
            return _append_step(connection, off, actor=actor, event_id=event_id)
        row = connection.execute(
            "SELECT class_id FROM image_state WHERE image_id = ? AND verdict = 'label'", (image_id,)
        ).fetchone()
        if row is None:
            raise BadInput(
                f"The image {digest[:16]} is not labelled, so it is typical of no class.", "Label it first."
            )
        wanted = _Remark(image_id, "typical", class_id=row["class_id"])
        first = [] if row["class_id"] in marked else _typical_of(connection, row["class_id"])
        replaced = first[: max(len(first) + 1 - MAX_TYPICAL, 0)]
        return _append_step(
            connection,
            [wanted, *(replace(each, is_on=False) for each in replaced)],
            actor=actor,
            event_id=event_id,
        )


def set_typical(
    workspace: Workspace, class_name: str, digests: Sequence[str], *, actor: str, event_id: str = ""
) -> StepResult:
    """Replace the typical images of a class as one step. They are shown in the given order.

    Raises:
        NotFound: If the class or an image is unknown.
        BadInput: If there are more than three.
    """
    if len(set(digests)) > MAX_TYPICAL:
        raise BadInput(
            f"{len(set(digests))} typical images of a class are too many.", f"Choose {MAX_TYPICAL} at most."
        )
    with workspace.transaction() as connection:
        row = connection.execute("SELECT id FROM class WHERE name = ?", (class_name,)).fetchone()
        if row is None:
            raise NotFound(
                f"There is no class {class_name!r}.", "Choose one of the classes.", action("list_classes")
            )
        ids = [_image_id(connection, digest) for digest in dict.fromkeys(digests)]
        wanted = [_Remark(image_id, "typical", class_id=row["id"]) for image_id in ids]
        before = _typical_of(connection, row["id"])
        if before == wanted:
            return StepResult(None, [])
        off = [replace(each, is_on=False) for each in before]
        return _append_step(connection, [*off, *wanted], actor=actor, event_id=event_id, is_in_order=True)


def names(workspace: Workspace) -> list[str]:
    """Return the tags in use, sorted. Each takes one index lookup, however many images have it."""
    rows = workspace.query(
        "WITH RECURSIVE known(tag) AS (SELECT MIN(tag) FROM image_tag UNION ALL"
        " SELECT (SELECT MIN(tag) FROM image_tag WHERE tag > known.tag) FROM known"
        " WHERE known.tag IS NOT NULL)"
        " SELECT tag FROM known WHERE tag IS NOT NULL"
    )
    return [row["tag"] for row in rows]


def reverse(
    connection: sqlite3.Connection, step_ids: Sequence[int], new_step_id: int, *, actor: str
) -> tuple[list[str], list[str]]:
    """Append to `new_step_id` the remarks as they were before `step_ids`, except those changed since.

    Returns:
        The digests of the images whose remarks were restored, and of those changed since.
    """
    marks = ", ".join("?" * len(step_ids))
    rows = connection.execute(
        f"SELECT * FROM remark WHERE step_id IN ({marks}) ORDER BY id", list(step_ids)
    ).fetchall()
    ids_of: dict[tuple[str, tuple[object, ...]], list[int]] = {}
    image_of = {}
    for row in rows:
        subject = _remark(row).same_subject
        ids_of.setdefault(subject, []).append(row["id"])
        image_of[subject] = row["image_id"]
    restored, conflicts = [], []
    for subject, ids in ids_of.items():
        where, parameters = subject
        last = _newest(connection, "id = ?", (ids[-1],))
        # Compared by content, not by id: the undo of a later remark restores this one in a new row.
        if last is None or _newest(connection, where, parameters) != last:
            conflicts.append(image_of[subject])
            continue
        before = _newest(connection, f"{where} AND id < ?", (*parameters, ids[0]))
        _append(connection, new_step_id, before or replace(last, is_on=False), actor=actor)
        restored.append(last.image_id)
    return _digests(connection, restored), _digests(connection, conflicts)


def is_known(connection: sqlite3.Connection, event_id: str) -> bool:
    """Return whether the action with this id was already written."""
    return (
        bool(event_id)
        and connection.execute("SELECT 1 FROM remark WHERE event_id = ?", (event_id,)).fetchone() is not None
    )


def has_step(connection: sqlite3.Connection, step_id: int) -> bool:
    return connection.execute("SELECT 1 FROM remark WHERE step_id = ?", (step_id,)).fetchone() is not None


def _append_step(
    connection: sqlite3.Connection,
    wanted: Sequence[_Remark],
    *,
    actor: str,
    event_id: str,
    is_in_order: bool = False,
) -> StepResult:
    """Append the remarks that change something; with `is_in_order` all of them, as their order counts."""
    if is_known(connection, event_id):
        return StepResult(None, [])
    fresh = [each for each in wanted if is_in_order or not _is_in_force(connection, each)]
    if not fresh:
        return StepResult(None, [])
    step_id = decision_log.new_step(connection, actor=actor, kind="decide")
    for number, each in enumerate(fresh):  # The first row has the id of the action.
        _append(connection, step_id, each, actor=actor, event_id="" if number else event_id)
    image_ids = list(dict.fromkeys(each.image_id for each in fresh))
    return StepResult(step_id, [], remarked=_digests(connection, image_ids))


def _append(
    connection: sqlite3.Connection, step_id: int, remark: _Remark, *, actor: str, event_id: str = ""
) -> None:
    connection.execute(
        "INSERT INTO remark (event_id, step_id, image_id, kind, value, class_id, is_on, actor, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(event_id or None, step_id, remark.image_id, remark.kind, remark.value, remark.class_id),
            *(int(remark.is_on), actor, now()),
        ),
    )


def _typical_of(connection: sqlite3.Connection, class_id: int) -> list[_Remark]:
    """Return the marks of a class that are in force, the first one first."""
    rows = connection.execute(
        "SELECT image_id FROM class_example WHERE class_id = ? ORDER BY position", (class_id,)
    )
    return [_Remark(row["image_id"], "typical", class_id=class_id) for row in rows]


def _is_in_force(connection: sqlite3.Connection, wanted: _Remark) -> bool:
    newest = _newest(connection, *wanted.same_subject)
    return newest == wanted or (newest is None and not wanted.is_on)


def _newest(connection: sqlite3.Connection, where: str, parameters: Sequence[object]) -> _Remark | None:
    """Return the newest remark that meets an SQL condition."""
    row = connection.execute(
        f"SELECT * FROM remark WHERE {where} ORDER BY id DESC LIMIT 1", parameters
    ).fetchone()
    return None if row is None else _remark(row)


def _remark(row: sqlite3.Row) -> _Remark:
    return _Remark(row["image_id"], row["kind"], row["value"], row["class_id"], bool(row["is_on"]))


def _image_id(connection: sqlite3.Connection, digest: str) -> int:
    # An image that was removed for good has no state.
    row = connection.execute(
        "SELECT i.id FROM image i JOIN image_state s ON s.image_id = i.id WHERE i.digest = ?", (digest,)
    ).fetchone()
    if row is None:
        raise NotFound(
            f"No image has the digest {digest[:16]}.",
            "Take the digest from the queue of all images.",
            action("open_queue", queue="all"),
        )
    return row["id"]


def _digests(connection: sqlite3.Connection, image_ids: Sequence[int]) -> list[str]:
    return [
        connection.execute("SELECT digest FROM image WHERE id = ?", (image_id,)).fetchone()[0]
        for image_id in image_ids
    ]
