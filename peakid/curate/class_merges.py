"""Merge one class into another, as a step that undo reverses."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from peakid.errors import BadInput
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class MergePlan:
    """The images that a merge would relabel, or has relabelled (then with `step_id`).

    Attributes:
        n_images: All images with the label `class_name`, reviewed or not.
        n_reviewed: Those reviewed by a person; they stay reviewed.
        n_set_aside: Those excluded or flagged; they stay so.
    """

    class_name: str
    into: str
    n_images: int
    n_reviewed: int
    n_set_aside: int
    step_id: int | None = None


def plan(workspace: Workspace, class_name: str, into: str) -> MergePlan:
    """Count the images that merging `class_name` into `into` would relabel.

    Raises:
        NotFound: If one of them is unknown.
        BadInput: If they are the same, or the target is retired.
    """
    source, _ = _checked(workspace.connection(), class_name, into)
    row = workspace.query(
        "SELECT COUNT(*) AS n, COALESCE(SUM(is_reviewed), 0) AS n_reviewed,"
        " COALESCE(SUM(verdict <> 'label'), 0) AS n_set_aside FROM image_state WHERE class_id = ?",
        (source,),
    )[0]
    return MergePlan(class_name, into, row["n"], row["n_reviewed"], row["n_set_aside"])


def merge(workspace: Workspace, class_name: str, into: str, *, actor: str) -> MergePlan:
    """Give every image of one class the label of another and retire the first class, as one step.

    Verdicts, reasons and the reviewed state stay as they are. Imports that use the old name add to `into`.
    Earlier snapshots keep their names.

    Raises:
        NotFound: If one of them is unknown.
        BadInput: If they are the same, or the target is retired.
    """
    planned = plan(workspace, class_name, into)
    with workspace.transaction() as connection:
        source, target = _checked(connection, class_name, into)
        step_id = decision_log.new_step(connection, actor=actor, kind="decide")
        decision_log.append_class_change(
            connection,
            step_id=step_id,
            from_class_id=source,
            to_class_id=target,
            actor=actor,
            basis={"queue": f"merge:{class_name}"},
        )
        _change_class(connection, step_id, source, target, is_retired=True)
    return MergePlan(class_name, into, planned.n_images, planned.n_reviewed, planned.n_set_aside, step_id)


def reverse(connection: sqlite3.Connection, step_ids: Sequence[int], new_step_id: int) -> None:
    """Restore the classes to their state before the steps, except those changed since by another step."""
    rows = connection.execute(
        "SELECT * FROM class_merge WHERE step_id IN (SELECT value FROM json_each(?)) ORDER BY id DESC",
        (json.dumps(step_ids),),
    ).fetchall()
    for row in rows:
        class_id, before_id = row["class_id"], row["was_merged_into_id"]
        current = connection.execute(
            "SELECT merged_into_id, is_retired FROM class WHERE id = ?", (class_id,)
        ).fetchone()
        is_unchanged = tuple(current) == (row["merged_into_id"], row["is_retired"])
        if is_unchanged and not _leads_to(connection, before_id, class_id):
            _change_class(connection, new_step_id, class_id, before_id, is_retired=bool(row["was_retired"]))


def has_step(connection: sqlite3.Connection, step_id: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM class_merge WHERE step_id = ?", (step_id,)).fetchone() is not None
    )


def _change_class(
    connection: sqlite3.Connection,
    step_id: int,
    class_id: int,
    merged_into_id: int | None,
    *,
    is_retired: bool,
) -> None:
    connection.execute(
        "INSERT INTO class_merge"
        " (step_id, class_id, merged_into_id, is_retired, was_merged_into_id, was_retired)"
        " SELECT ?, id, ?, ?, merged_into_id, is_retired FROM class WHERE id = ?",
        (step_id, merged_into_id, is_retired, class_id),
    )
    connection.execute(
        "UPDATE class SET merged_into_id = ?, is_retired = ? WHERE id = ?",
        (merged_into_id, is_retired, class_id),
    )


def _checked(connection: sqlite3.Connection, class_name: str, into: str) -> tuple[int, int]:
    found = {}
    for name in (class_name, into):
        found[name] = connection.execute(
            "SELECT id, is_retired FROM class WHERE name = ?", (name,)
        ).fetchone()
        if found[name] is None:
            raise decision_log.unknown_class(connection, name)
    if class_name == into:
        raise BadInput(
            f"The class {into!r} cannot be merged into itself.", "Name another class to merge it into."
        )
    if found[into]["is_retired"]:
        raise BadInput(
            f"The class {into!r} is retired.", "Bring it back first.", action("add_class", class_name=into)
        )
    return found[class_name]["id"], found[into]["id"]


def _leads_to(connection: sqlite3.Connection, start: int | None, end: int) -> bool:
    """Return whether the merges from `start` lead to `end`: restoring the merge would form a cycle."""
    return bool(
        connection.execute(
            "WITH RECURSIVE target(id) AS"
            " (SELECT ? UNION SELECT merged_into_id FROM class JOIN target USING (id))"
            " SELECT 1 FROM target WHERE id = ?",
            (start, end),
        ).fetchone()
    )
