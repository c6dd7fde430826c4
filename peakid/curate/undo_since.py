"""Undo everything that one actor did since a moment, as one step that a redo reverses."""

import itertools
import json
import sqlite3
from dataclasses import dataclass, field

from peakid.curate import decisions
from peakid.errors import BadInput, NothingToUndo
from peakid.records import Decision, StepResult
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class UndoPlan:
    """What would be undone: `n_steps` steps on `n_images` images.

    Attributes:
        n_images: Images with a judgement, a remark or a judged pair that would be undone.
        conflicts: Digests of images that somebody else judged later; they keep that judgement.
        standing: Those later decisions, by digest.
    """

    by: str
    since: str
    n_steps: int
    n_images: int
    conflicts: list[str] = field(default_factory=list)
    standing: dict[str, Decision] = field(default_factory=dict)


def plan(workspace: Workspace, *, by: str, since: str) -> UndoPlan:
    """Count what `undo_since` would undo.

    Args:
        by: The actor whose steps to undo, `human:NAME` or `model:RUN`.
        since: ISO 8601 in UTC as in the log, `2026-01-31T09:15:00.000Z`, or the beginning of it (a date).

    Raises:
        BadInput: If `by` is an import; imports are undone one by one.
    """
    connection = workspace.connection()
    step_ids = _steps_of(connection, by, since)
    spans = _spans(connection, step_ids)
    later = [image_id for image_id, (_, last) in spans.items() if _ids(connection, image_id)[0]["id"] != last]
    conflicts = [
        connection.execute("SELECT digest FROM image WHERE id = ?", (image_id,)).fetchone()[0]
        for image_id in later
    ]
    n_steps = len(_in_force(connection, step_ids))
    standing = decisions.current_decisions(connection, conflicts)
    n_others = _n_others(connection, step_ids, {*spans})
    return UndoPlan(by, since, n_steps, len(spans) - len(later) + n_others, conflicts, standing)


def undo_since(workspace: Workspace, *, by: str, since: str, actor: str) -> StepResult:
    """Restore every image that `by` judged since the moment to its earlier state, as one step of `actor`.

    Images that somebody else judged later stay as they are and are listed in `conflicts`. A judgement that
    somebody else made in between is restored. One redo of `actor` reverses the whole step.

    Args:
        by: As for `plan`.
        since: As for `plan`.

    Raises:
        NothingToUndo: If `by` has done nothing since, or all of it is already undone.
        BadInput: If `by` is an import.
    """
    with workspace.transaction() as connection:
        step_ids = _steps_of(connection, by, since)
        if not _in_force(connection, step_ids):
            raise NothingToUndo(
                f"{by} has no step since {since} that is left to undo.",
                "Look at the history.",
                action("show_log"),
            )
        spans = _spans(connection, step_ids)
        new_step = decision_log.new_step(connection, actor=actor, kind="undo")
        connection.executemany(
            "INSERT INTO step_taken_back (step_id, undone_step_id) VALUES (?, ?)",
            [(new_step, each) for each in step_ids],
        )
        return decisions.restore(connection, step_ids, new_step, spans, actor=actor)


def _steps_of(connection: sqlite3.Connection, by: str, since: str) -> list[int]:
    """Return the steps of `by` since the moment, and all undos and redos of them, oldest first.

    Somebody else's undo is included, because it would otherwise count as a later judgement of the image.
    """
    if by.startswith("import:"):
        raise BadInput(
            f"{by} is an import.", "Undo an import by its step in the history.", action("show_log")
        )
    rows = connection.execute(
        "SELECT id FROM step WHERE actor = ? AND made_at >= ? AND kind <> 'import'", (by, since)
    )
    step_ids = {row["id"] for row in rows}
    while more := _reversals(connection, step_ids):
        step_ids |= more
    return sorted(step_ids)


_THESE_STEPS = "(SELECT value FROM json_each(:step_ids))"


def _reversals(connection: sqlite3.Connection, step_ids: set[int]) -> set[int]:
    """Return further steps that undo or redo some of these steps and no others."""
    rows = connection.execute(
        "WITH target(step_id, undone) AS ("
        f"SELECT id, undoes_step_id FROM step WHERE undoes_step_id IN {_THESE_STEPS}"
        " UNION ALL SELECT b.step_id, b.undone_step_id FROM step_taken_back b WHERE b.step_id IN"
        f" (SELECT step_id FROM step_taken_back WHERE undone_step_id IN {_THESE_STEPS}))"
        f" SELECT step_id FROM target GROUP BY step_id HAVING MIN(undone IN {_THESE_STEPS})",
        {"step_ids": json.dumps(sorted(step_ids))},
    )
    return {row["step_id"] for row in rows} - step_ids


def _in_force(connection: sqlite3.Connection, step_ids: list[int]) -> list[int]:
    """Return those of these steps that are in force: not undone, and not only an undo of another of them."""
    rows = connection.execute(
        f"SELECT s.id FROM step s WHERE s.id IN {_THESE_STEPS} AND NOT ({decisions.IS_UNDONE})"
        f" AND (s.kind <> 'undo' OR NOT (COALESCE(s.undoes_step_id, -1) IN {_THESE_STEPS} OR EXISTS"
        f" (SELECT 1 FROM step_taken_back t WHERE t.step_id = s.id AND t.undone_step_id IN {_THESE_STEPS})))",
        {"step_ids": json.dumps(step_ids)},
    )
    return [row["id"] for row in rows]


def _spans(connection: sqlite3.Connection, step_ids: list[int]) -> dict[int, tuple[int, int]]:
    """Return, by image, the first and last decision of the newest unbroken series that these steps made."""
    rows = connection.execute(
        f"SELECT DISTINCT image_id FROM decision WHERE step_id IN {_THESE_STEPS} ORDER BY image_id",
        {"step_ids": json.dumps(step_ids)},
    )
    these = set(step_ids)
    return {row["image_id"]: _span(_ids(connection, row["image_id"]), these) for row in rows.fetchall()}


def _n_others(connection: sqlite3.Connection, step_ids: list[int], judged: set[int]) -> int:
    """Count the images that these steps did not judge but remarked on, or compared with another image."""
    rows = connection.execute(
        f"SELECT image_id FROM remark WHERE step_id IN {_THESE_STEPS}"
        f" UNION SELECT image_a_id FROM pair_judgement WHERE step_id IN {_THESE_STEPS}"
        f" UNION SELECT image_b_id FROM pair_judgement WHERE step_id IN {_THESE_STEPS}",
        {"step_ids": json.dumps(step_ids)},
    )
    return len({row["image_id"] for row in rows} - judged)


def _span(newest_first: list[sqlite3.Row], step_ids: set[int]) -> tuple[int, int]:
    from_newest = itertools.dropwhile(lambda row: row["step_id"] not in step_ids, newest_first)
    ids = [row["id"] for row in itertools.takewhile(lambda row: row["step_id"] in step_ids, from_newest)]
    return ids[-1], ids[0]


def _ids(connection: sqlite3.Connection, image_id: int) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT id, step_id FROM decision WHERE image_id = ? ORDER BY id DESC", (image_id,)
    ).fetchall()
