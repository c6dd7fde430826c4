"""Where the images of a class go when it is merged into another; a step like any other, so undo restores both."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from peakid.errors import BadInput, NotFound
from peakid.store import decision_log
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class MergePlan:
    """What a merge would move, or did (`step_id`): every image whose label is `class_name`, judged or not.

    `n_reviewed` of the images rest on a person's judgement and go on doing so; `n_set_aside` are excluded or flagged
    and stay so.
    """

    class_name: str
    into: str
    n_images: int
    n_reviewed: int
    n_set_aside: int
    step_id: int | None = None


def plan(workspace: Workspace, class_name: str, into: str) -> MergePlan:
    """Count what merging `class_name` into `into` would move.

    Raises:
        NotFound: If one of them is unknown.
        BadInput: If they are the same, or the target is retired.
    """
    source, _ = _checked(workspace.connection(), class_name, into)
    row = workspace.query(
        "SELECT COUNT(*) AS n, COALESCE(SUM(is_reviewed), 0) AS n_reviewed, COALESCE(SUM(verdict <> 'label'), 0) AS n_set_aside"
        " FROM image_state WHERE class_id = ?",
        (source,),
    )[0]
    return MergePlan(class_name, into, row["n"], row["n_reviewed"], row["n_set_aside"])


def merge(workspace: Workspace, class_name: str, into: str, *, actor: str) -> MergePlan:
    """Give every image of one class the label of another, and retire the first; one step, taken back by one undo.

    Verdicts, reasons and whether a person has judged stay as they are. What arrives later under the old name lands in
    `into`. Snapshots taken before keep their names.

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
        _become(connection, step_id, source, target, is_retired=True)
    return MergePlan(class_name, into, planned.n_images, planned.n_reviewed, planned.n_set_aside, step_id)


def reverse(connection: sqlite3.Connection, step_ids: Sequence[int], new_step_id: int) -> None:
    """Restore what each class was before the steps; one that something else has changed since stays as it is."""
    rows = connection.execute(
        "SELECT * FROM class_merge WHERE step_id IN (SELECT value FROM json_each(?)) ORDER BY id DESC",
        (json.dumps(step_ids),),
    ).fetchall()
    for row in rows:
        now_is = connection.execute(
            "SELECT merged_into_id, is_retired FROM class WHERE id = ?", (row["class_id"],)
        ).fetchone()
        if tuple(now_is) == (row["merged_into_id"], row["is_retired"]) and not _leads_to(
            connection, row["was_merged_into_id"], row["class_id"]
        ):
            _become(
                connection,
                new_step_id,
                row["class_id"],
                row["was_merged_into_id"],
                is_retired=bool(row["was_retired"]),
            )


def has_step(connection: sqlite3.Connection, step_id: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM class_merge WHERE step_id = ?", (step_id,)).fetchone() is not None
    )


def _become(
    connection: sqlite3.Connection,
    step_id: int,
    class_id: int,
    merged_into_id: int | None,
    *,
    is_retired: bool,
) -> None:
    connection.execute(
        "INSERT INTO class_merge (step_id, class_id, merged_into_id, is_retired, was_merged_into_id, was_retired)"
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
            raise NotFound(f"There is no class {name!r}.", "See them with: peakid classes list")
    if class_name == into:
        raise BadInput(
            f"The class {into!r} cannot be merged into itself.", "Name another class to merge it into."
        )
    if found[into]["is_retired"]:
        raise BadInput(
            f"The class {into!r} is retired.", f"Bring it back first with: peakid classes add {into!r}"
        )
    return found[class_name]["id"], found[into]["id"]


def _leads_to(connection: sqlite3.Connection, start: int | None, end: int) -> bool:
    """Tell whether following merges from `start` arrives at `end`: merging back would then go round for ever."""
    return bool(
        connection.execute(
            "WITH RECURSIVE way(id) AS (SELECT ? UNION SELECT merged_into_id FROM class JOIN way USING (id))"
            " SELECT 1 FROM way WHERE id = ?",
            (start, end),
        ).fetchone()
    )
