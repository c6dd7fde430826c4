"""Taking back everything that one person did since a moment, as one step that a redo reverses."""

import itertools
import json
import sqlite3
from dataclasses import dataclass, field

from peakid.curate import decisions
from peakid.errors import BadInput, NothingToUndo
from peakid.records import Decision, StepResult
from peakid.store import decision_log
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class UndoPlan:
    """What would be taken back: `n_steps` steps on `n_images` images.

    `conflicts` holds the digests of images that somebody else judged later: they stay as that person left them;
    `standing` holds those later decisions by digest.
    """

    by: str
    since: str
    n_steps: int
    n_images: int
    conflicts: list[str] = field(default_factory=list)
    standing: dict[str, Decision] = field(default_factory=dict)


def plan(workspace: Workspace, *, by: str, since: str) -> UndoPlan:
    """Count what `undo_since` would take back.

    Args:
        by: Whose work, `human:NAME` or `model:RUN`.
        since: ISO 8601 in UTC as in the log, `2026-01-31T09:15:00.000Z`; a beginning of it, such as the date, will do.

    Raises:
        BadInput: If `by` is an import: those are taken back one by one.
    """
    connection = workspace.connection()
    deeds = _deeds(connection, by, since)
    spans = _spans(connection, deeds)
    others = [
        image_id for image_id, (_, last) in spans.items() if _ids(connection, image_id)[0]["id"] != last
    ]
    conflicts = [
        connection.execute("SELECT digest FROM image WHERE id = ?", (image_id,)).fetchone()[0]
        for image_id in others
    ]
    n_steps = len(_live(connection, deeds))
    return UndoPlan(
        by, since, n_steps, len(spans) - len(others), conflicts, decisions.standing(connection, conflicts)
    )


def undo_since(workspace: Workspace, *, by: str, since: str, actor: str) -> StepResult:
    """Restore every image that `by` judged since the moment to what stood before, as one step of `actor`.

    Images that somebody else judged later stay as they are and are told in `conflicts`. What somebody else judged in
    between is what is restored. One redo of `actor` brings all of it back.

    Args:
        by: As for `plan`.
        since: As for `plan`.

    Raises:
        NothingToUndo: If `by` has done nothing since, or all of it is taken back already.
        BadInput: If `by` is an import.
    """
    with workspace.transaction() as connection:
        deeds = _deeds(connection, by, since)
        if not _live(connection, deeds):
            raise NothingToUndo(
                f"{by} has done nothing since {since} that is not taken back already.",
                "See the log with: peakid log",
            )
        spans = _spans(connection, deeds)
        new_step = decision_log.new_step(connection, actor=actor, kind="undo")
        connection.executemany(
            "INSERT INTO step_taken_back (step_id, undone_step_id) VALUES (?, ?)",
            [(new_step, each) for each in deeds],
        )
        return decisions.restore(connection, deeds, new_step, spans, actor=actor)


def _deeds(connection: sqlite3.Connection, by: str, since: str) -> list[int]:
    """Answer the steps of `by` since the moment, and whatever took those back or did them again, oldest first.

    An undo of somebody else is no judgement of the image: were it left out, it would count as one made later.
    """
    if by.startswith("import:"):
        raise BadInput(f"{by} is an import.", "Take back one import with: peakid undo --step STEP")
    rows = connection.execute(
        "SELECT id FROM step WHERE actor = ? AND made_at >= ? AND kind <> 'import'", (by, since)
    )
    deeds = {row["id"] for row in rows}
    while more := _reversals(connection, deeds):
        deeds |= more
    return sorted(deeds)


def _reversals(connection: sqlite3.Connection, deeds: set[int]) -> set[int]:
    """Answer the steps that took back some of these and nothing else, and are not among them yet."""
    rows = connection.execute(
        "WITH target(step_id, undone) AS (SELECT id, undoes_step_id FROM step WHERE undoes_step_id IN (SELECT value FROM json_each(:deeds))"
        " UNION ALL SELECT b.step_id, b.undone_step_id FROM step_taken_back b WHERE b.step_id IN"
        " (SELECT step_id FROM step_taken_back WHERE undone_step_id IN (SELECT value FROM json_each(:deeds))))"
        " SELECT step_id FROM target GROUP BY step_id HAVING MIN(undone IN (SELECT value FROM json_each(:deeds)))",
        {"deeds": json.dumps(sorted(deeds))},
    )
    return {row["step_id"] for row in rows} - deeds


def _live(connection: sqlite3.Connection, deeds: list[int]) -> list[int]:
    """Answer those steps whose effect stands: not taken back, and not merely taking back one of these."""
    among = "(SELECT value FROM json_each(:deeds))"
    rows = connection.execute(
        f"SELECT s.id FROM step s WHERE s.id IN {among} AND NOT ({decisions.IS_UNDONE}) AND (s.kind <> 'undo' OR NOT"
        f" (COALESCE(s.undoes_step_id, -1) IN {among} OR EXISTS"
        f" (SELECT 1 FROM step_taken_back t WHERE t.step_id = s.id AND t.undone_step_id IN {among})))",
        {"deeds": json.dumps(deeds)},
    )
    return [row["id"] for row in rows]


def _spans(connection: sqlite3.Connection, deeds: list[int]) -> dict[int, tuple[int, int]]:
    """Answer, by image, the first and last of the decisions of these steps that no other decision lies between."""
    rows = connection.execute(
        "SELECT DISTINCT image_id FROM decision WHERE step_id IN (SELECT value FROM json_each(?)) ORDER BY image_id",
        (json.dumps(deeds),),
    )
    among = set(deeds)
    return {row["image_id"]: _span(_ids(connection, row["image_id"]), among) for row in rows.fetchall()}


def _span(newest_first: list[sqlite3.Row], deeds: set[int]) -> tuple[int, int]:
    mine = itertools.dropwhile(lambda row: row["step_id"] not in deeds, newest_first)
    ids = [row["id"] for row in itertools.takewhile(lambda row: row["step_id"] in deeds, mine)]
    return ids[-1], ids[0]


def _ids(connection: sqlite3.Connection, image_id: int) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT id, step_id FROM decision WHERE image_id = ? ORDER BY id DESC", (image_id,)
    ).fetchall()
