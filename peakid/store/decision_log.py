"""How a judgement is written down: steps, decisions and classes are appended here and nowhere else."""

import json
import sqlite3
import uuid
from collections.abc import Mapping
from typing import Any

from peakid.errors import BadInput
from peakid.records import StepKind, Verdict
from peakid.store.workspace import now


def new_step(
    connection: sqlite3.Connection,
    *,
    actor: str,
    kind: StepKind,
    undoes_step_id: int | None = None,
    event_id: str = "",
) -> int:
    """Open a step: everything one act of one actor decides, taken back as one.

    Args:
        event_id: Names an undo or redo, which may end without a decision of its own to carry the name, or an act
            over several images.
    """
    cursor = connection.execute(
        "INSERT INTO step (actor, kind, undoes_step_id, event_id, made_at) VALUES (?, ?, ?, ?, ?)",
        (actor, kind, undoes_step_id, event_id or None, now()),
    )
    return int(cursor.lastrowid or 0)


def append(
    connection: sqlite3.Connection,
    *,
    step_id: int,
    image_id: int,
    verdict: Verdict,
    class_id: int | None = None,
    reason: str = "",
    is_reviewed: bool,
    actor: str,
    base_decision_id: int | None = None,
    basis: Mapping[str, Any] | None = None,
    undoes: int | None = None,
    event_id: str = "",
) -> int:
    """Append one decision; a trigger makes it the image's state.

    Args:
        is_reviewed: Whether the state it leads to rests on a person's judgement. An undo restates the value
            of the state that it restores, so a label from a folder name stays unreviewed.
        base_decision_id: The newest decision the actor saw.
        event_id: Names the act; the same act delivered twice violates its uniqueness. Made here when empty.

    Returns:
        The id of the decision.
    """
    cursor = connection.execute(
        "INSERT INTO decision (event_id, step_id, image_id, verdict, class_id, reason, is_reviewed, actor,"
        " base_decision_id, basis, undoes, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event_id or uuid.uuid4().hex,
            step_id,
            image_id,
            verdict,
            class_id,
            reason,
            int(is_reviewed),
            actor,
            base_decision_id,
            json.dumps(dict(basis or {})),
            undoes,
            now(),
        ),
    )
    return int(cursor.lastrowid or 0)


def append_class_change(
    connection: sqlite3.Connection,
    *,
    step_id: int,
    from_class_id: int,
    to_class_id: int,
    actor: str,
    basis: Mapping[str, Any],
) -> None:
    """Append one decision for every image of a class that restates its verdict under another class."""
    connection.execute(
        "INSERT INTO decision (event_id, step_id, image_id, verdict, class_id, reason, is_reviewed, actor,"
        " base_decision_id, basis, decided_at) SELECT lower(hex(randomblob(16))), ?, image_id, verdict, ?, reason,"
        " is_reviewed, ?, decision_id, ?, ? FROM image_state WHERE class_id = ? ORDER BY image_id",
        (step_id, to_class_id, actor, json.dumps(dict(basis)), now(), from_class_id),
    )


def class_id(connection: sqlite3.Connection, name: str) -> int:
    """Answer the id of the class that a name stands for now, adding it at the end of the order when it is new.

    A name that a class had before stands for that class, and that of a merged class for the one it went into.

    Raises:
        BadInput: If the name is empty or holds a line break.
    """
    clean = checked_class_name(name)
    known = known_class_id(connection, clean)
    if known is not None:
        return known
    cursor = connection.execute(
        "INSERT INTO class (name, position, created_at) SELECT ?, COALESCE(MAX(position), 0) + 1, ? FROM class",
        (clean, now()),
    )
    return int(cursor.lastrowid or 0)


def known_class_id(connection: sqlite3.Connection, name: str) -> int | None:
    """Answer the id of the class that a name stands for now, following renames and merges; None where there is none."""
    row = connection.execute("SELECT id FROM class WHERE name = ?", (name,)).fetchone()
    row = row or connection.execute("SELECT class_id FROM class_alias WHERE name = ?", (name,)).fetchone()
    return None if row is None else _after_merges(connection, int(row[0]))


def _after_merges(connection: sqlite3.Connection, class_id: int) -> int:
    while (
        row := connection.execute("SELECT merged_into_id FROM class WHERE id = ?", (class_id,)).fetchone()
    )[0] is not None:
        class_id = int(row[0])  # Comes to an end: no merge is written that would lead back.
    return class_id


def checked_class_name(name: str) -> str:
    """Trim a class name; every way in uses the same rule.

    Raises:
        BadInput: If nothing is left, or a character cannot stand in one line.
    """
    clean = name.strip()
    if not clean or not clean.isprintable():
        raise BadInput(
            f"{name!r} cannot be a class name.", "Use at least one printable character and no line break."
        )
    return clean
