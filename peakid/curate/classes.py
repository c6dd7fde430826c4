"""Manage the classes: order (keys 1-9), names, colours, notes, examples, and which are retired."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peakid.errors import BadInput
from peakid.records import ClassRow
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store.workspace import Workspace

MAX_NOTE_CHARS = 500
N_KEYS = 9


@dataclass(frozen=True)
class ClassGuide:
    """How to recognise a class: key ("" beyond the ninth), note, digests of up to three typical images.

    `examples` are those that a person marked.
    """

    class_name: str
    key: str
    note: str
    examples: list[str]


def list_classes(workspace: Workspace) -> list[ClassRow]:
    """Return all classes in key order, with their numbers of images (excluded ones are not counted)."""
    rows = workspace.query(
        "SELECT c.name, c.position, c.is_retired, c.colour, c.note, m.name AS merged_into,"
        " COUNT(s.image_id) AS n_images, COALESCE(SUM(s.is_reviewed), 0) AS n_reviewed"
        " FROM class c LEFT JOIN image_state s ON s.class_id = c.id AND s.verdict IN ('label', 'flag')"
        " LEFT JOIN class m ON m.id = c.merged_into_id GROUP BY c.id ORDER BY c.position, c.id"
    )
    return [
        ClassRow(
            class_name=row["name"],
            n_images=row["n_images"],
            n_reviewed=row["n_reviewed"],
            is_retired=bool(row["is_retired"]),
            position=row["position"],
            colour=row["colour"],
            note=row["note"],
            merged_into=row["merged_into"],
        )
        for row in rows
    ]


def names(workspace: Workspace) -> list[str]:
    """Return the names of the classes that are not retired, in key order."""
    return [
        row["name"]
        for row in workspace.query("SELECT name FROM class WHERE is_retired = 0 ORDER BY position, id")
    ]


def colours(workspace: Workspace) -> dict[str, str | None]:
    """Return the chosen colour of every class, or None, oldest class first.

    Default colours are given in this order, so that they stay when the keys are reordered.
    """
    return {
        row["name"]: row["colour"] for row in workspace.query("SELECT name, colour FROM class ORDER BY id")
    }


def guide(workspace: Workspace) -> list[ClassGuide]:
    """Return how to recognise each class that is not retired, in key order.

    An image that has another label by now is no example of the class any more.
    """
    examples: dict[int, list[str]] = {}
    for row in workspace.query(
        "SELECT e.class_id, i.digest FROM class_example e JOIN image i ON i.id = e.image_id"
        " JOIN image_state s ON s.image_id = e.image_id AND s.class_id = e.class_id AND s.verdict = 'label'"
        " ORDER BY e.class_id, e.position"
    ):
        examples.setdefault(row["class_id"], []).append(row["digest"])
    rows = workspace.query("SELECT id, name, note FROM class WHERE is_retired = 0 ORDER BY position, id")
    return [
        ClassGuide(row["name"], str(n) if n <= N_KEYS else "", row["note"], examples.get(row["id"], []))
        for n, row in enumerate(rows, start=1)
    ]


def current_names(workspace: Workspace) -> Mapping[str, str]:
    """Return, for every name a class has or had, its current name, following renames and merges.

    Older snapshots and runs keep the names of their time; this translates them.
    """
    rows = {row["id"]: row for row in workspace.query("SELECT id, name, merged_into_id FROM class")}
    earlier = workspace.query("SELECT name, class_id FROM class_alias")
    id_of = {row["name"]: row["class_id"] for row in earlier} | {row["name"]: n for n, row in rows.items()}

    def current(class_id: int) -> str:
        while (merged_into := rows[class_id]["merged_into_id"]) is not None:
            class_id = merged_into  # The loop ends: a merge that would make a circle is refused.
        return str(rows[class_id]["name"])

    return {name: current(id_of[name]) for name in sorted(id_of)}


def refuse_unknown(workspace: Workspace, class_name: str) -> None:
    """Raise if no class has a name, or had it before it was renamed or merged.

    Raises:
        NotFound: With the names that resemble it.
    """
    if decision_log.known_class_id(workspace.connection(), class_name) is None:
        raise decision_log.unknown_class(workspace.connection(), class_name, can_be_added=True)


def add(workspace: Workspace, class_name: str) -> ClassRow:
    """Add a class at the end of the order, or bring a retired or merged one back.

    Raises:
        BadInput: If the name cannot be a class name or belongs to a class in use.
    """
    name = decision_log.checked_class_name(class_name)
    with workspace.transaction() as connection:
        row = connection.execute("SELECT is_retired FROM class WHERE name = ?", (name,)).fetchone()
        if row is not None and not row["is_retired"]:
            raise BadInput(f"A class {name!r} already exists.", "Choose another name.")
        connection.execute("DELETE FROM class_alias WHERE name = ?", (name,))
        if row is None:
            decision_log.class_id(connection, name)
        connection.execute("UPDATE class SET is_retired = 0, merged_into_id = NULL WHERE name = ?", (name,))
    return show(workspace, name)


def rename(workspace: Workspace, class_name: str, new_name: str) -> ClassRow:
    """Rename a class and the label of its images. Earlier snapshots keep the old name.

    Imports that use the old name add to this class, until another class takes that name.

    Raises:
        NotFound: If the class is unknown.
        BadInput: If the new name is taken or cannot be a class name.
    """
    new = decision_log.checked_class_name(new_name)
    with workspace.transaction() as connection:
        class_id = _id(connection, class_name)
        if new == class_name:
            return show(workspace, new)
        if connection.execute("SELECT 1 FROM class WHERE name = ?", (new,)).fetchone():
            raise BadInput(
                f"A class {new!r} already exists.",
                "Choose another name, or merge the two classes.",
                action("merge_classes", class_name=class_name, into=new),
            )
        connection.execute("UPDATE class SET name = ? WHERE id = ?", (new, class_id))
        connection.execute("DELETE FROM class_alias WHERE name = ?", (new,))
        connection.execute(
            "INSERT OR REPLACE INTO class_alias (name, class_id) VALUES (?, ?)", (class_name, class_id)
        )
    return show(workspace, new)


def retire(workspace: Workspace, class_name: str) -> ClassRow:
    """Leave a class and its images out of new snapshots; `add` brings it back.

    Raises:
        NotFound: If the class is unknown.
    """
    with workspace.transaction() as connection:
        connection.execute("UPDATE class SET is_retired = 1 WHERE id = ?", (_id(connection, class_name),))
    return show(workspace, class_name)


def order(workspace: Workspace, class_names: Sequence[str]) -> list[ClassRow]:
    """Put these classes first, in this order, on the keys from 1 on. The others keep their order.

    Raises:
        NotFound: If a class is unknown.
        BadInput: If one is named twice.
    """
    if len(set(class_names)) < len(class_names):
        raise BadInput(f"A class is named twice: {', '.join(class_names)}.", "Name each class once.")
    with workspace.transaction() as connection:
        first = [_id(connection, name) for name in class_names]
        others = [
            row["id"]
            for row in connection.execute("SELECT id FROM class ORDER BY position, id")
            if row["id"] not in first
        ]
        connection.executemany(
            "UPDATE class SET position = ? WHERE id = ?",
            [(n, each) for n, each in enumerate([*first, *others], 1)],
        )
    return list_classes(workspace)


def describe(
    workspace: Workspace,
    class_name: str,
    *,
    note: str | None = None,
    colour: str | None = None,
) -> ClassRow:
    """Set the note and colour of a class; None leaves a value as it is.

    Args:
        colour: `#RRGGBB`; "" restores the default.

    Raises:
        NotFound: If the class is unknown.
        BadInput: If the colour is not `#RRGGBB` or the note is too long.
    """
    if colour and not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise BadInput(f"{colour!r} is not a colour.", "Write it as #RRGGBB, for instance #0072B2.")
    if note is not None and len(note) > MAX_NOTE_CHARS:
        raise BadInput(
            f"The note has {len(note)} characters.",
            f"Shorten it to {MAX_NOTE_CHARS}.",
        )
    with workspace.transaction() as connection:
        class_id = _id(connection, class_name)
        if note is not None:
            connection.execute("UPDATE class SET note = ? WHERE id = ?", (note.strip(), class_id))
        if colour is not None:
            connection.execute("UPDATE class SET colour = ? WHERE id = ?", (colour.upper() or None, class_id))
    return show(workspace, class_name)


def show(workspace: Workspace, class_name: str) -> ClassRow:
    """Return a class by its name.

    Raises:
        NotFound: If there is none.
    """
    for row in list_classes(workspace):
        if row.class_name == class_name:
            return row
    raise decision_log.unknown_class(workspace.connection(), class_name)


def _id(connection: sqlite3.Connection, class_name: str) -> int:
    row = connection.execute("SELECT id FROM class WHERE name = ?", (class_name,)).fetchone()
    if row is None:
        raise decision_log.unknown_class(connection, class_name)
    return row["id"]
