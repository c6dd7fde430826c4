"""Append steps, decisions and classes to the database. No other module inserts decisions."""

import json
import sqlite3
import uuid
from collections.abc import Mapping

from peakid import clean_text, near_names
from peakid.errors import BadInput, NotFound
from peakid.records import StepKind, Verdict
from peakid.remedies import action
from peakid.store.workspace import now


def new_step(
    connection: sqlite3.Connection,
    *,
    actor: str,
    kind: StepKind,
    undoes_step_id: int | None = None,
    event_id: str = "",
) -> int:
    """Insert a step: all decisions of one action of one actor. Undo takes back a whole step.

    Args:
        event_id: Identifies an undo, a redo or an action on several images, so that it is stored only once.
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
    basis: Mapping[str, object] | None = None,
    undoes: int | None = None,
    event_id: str = "",
) -> int:
    """Append one decision. A trigger copies it to the state of the image.

    Args:
        is_reviewed: Whether the new state is the judgement of a person. An undo restores the old value, so
            that a label from a folder name becomes unreviewed again.
        base_decision_id: The newest decision that the actor saw.
        event_id: Identifies the action; it is unique, so an action that is sent twice is stored once.
            Generated if empty.

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
    basis: Mapping[str, object],
) -> None:
    """Move every image of a class to another class: append one decision each, with the same verdict."""
    connection.execute(
        "INSERT INTO decision (event_id, step_id, image_id, verdict, class_id, reason, is_reviewed, actor,"
        " base_decision_id, basis, decided_at) SELECT lower(hex(randomblob(16))), ?, image_id, verdict, ?,"
        " reason, is_reviewed, ?, decision_id, ?, ? FROM image_state WHERE class_id = ? ORDER BY image_id",
        (step_id, to_class_id, actor, json.dumps(dict(basis)), now(), from_class_id),
    )


def class_id(connection: sqlite3.Connection, name: str) -> int:
    """Return the id of the class with a name; a new name is added as the last class.

    A former name of a class gives that class, and the name of a merged class the one it was merged into.

    Raises:
        BadInput: If the name is empty or has a line break.
    """
    clean = checked_class_name(name)
    known = known_class_id(connection, clean) or _known_before_cleaning(connection, clean)
    if known is not None:
        return known
    cursor = connection.execute(
        "INSERT INTO class (name, position, created_at)"
        " SELECT ?, COALESCE(MAX(position), 0) + 1, ? FROM class",
        (clean, now()),
    )
    return int(cursor.lastrowid or 0)


def known_class_id(connection: sqlite3.Connection, name: str) -> int | None:
    """Return the id of the class with a name, following renames and merges, None if there is none."""
    row = connection.execute("SELECT id FROM class WHERE name = ?", (name,)).fetchone()
    row = row or connection.execute("SELECT class_id FROM class_alias WHERE name = ?", (name,)).fetchone()
    return None if row is None else _after_merges(connection, int(row[0]))


def unknown_class(connection: sqlite3.Connection, name: str, *, can_be_added: bool = False) -> NotFound:
    """Return the error about a class that does not exist, with the names that resemble it.

    Args:
        can_be_added: The class is wanted for an image, so adding it helps too.
    """
    known = [row[0] for row in connection.execute("SELECT name FROM class WHERE is_retired = 0")]
    message, is_like = f"There is no class {name!r}.", bool(near_names.near(name, known))
    if can_be_added:
        otherwise = "Or add the class first." if is_like else "Add the class first."
        offered = action("add_class", class_name=name)
    else:
        otherwise, offered = "Choose one of the classes.", action("list_classes")
    return NotFound(message, near_names.remedy(name, known, otherwise), offered)


def _known_before_cleaning(connection: sqlite3.Connection, clean: str) -> int | None:
    """Return the id of a class that an earlier version stored under a name which is not clean."""
    for row in connection.execute("SELECT name FROM class UNION SELECT name FROM class_alias"):
        if row[0] != clean and clean_text.clean_class_name(row[0]) == clean:
            return known_class_id(connection, row[0])
    return None


def _after_merges(connection: sqlite3.Connection, class_id: int) -> int:
    sql = "SELECT merged_into_id FROM class WHERE id = ?"
    while (merged_into := connection.execute(sql, (class_id,)).fetchone()[0]) is not None:
        class_id = int(merged_into)  # The loop ends: a merge that would make a circle is refused.
    return class_id


def checked_class_name(name: str) -> str:
    """Return a class name as it is stored. Imports, pages and commands all use this rule.

    Raises:
        BadInput: If nothing visible is left, or it has a line break or another control character.
    """
    clean = clean_text.clean_class_name(name)
    if not clean_text.is_class_name(clean):
        raise BadInput(
            f"{name!r} cannot be a class name.", "Use at least one printable character and no line break."
        )
    return clean
