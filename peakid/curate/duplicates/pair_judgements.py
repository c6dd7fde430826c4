"""What people said of two images that look alike: not the same after all, or the same and both kept. Never forgotten."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from peakid.records import PairVerdict
from peakid.store import decision_log
from peakid.store.workspace import Workspace, now

IdPair = tuple[int, int]
"""Ids of two images, the smaller first."""


def newest(workspace: Workspace) -> dict[IdPair, PairVerdict]:
    """Return what holds of every pair that was ever judged."""
    rows = workspace.query(
        "SELECT image_a_id, image_b_id, verdict FROM pair_judgement j WHERE id ="
        " (SELECT MAX(id) FROM pair_judgement n WHERE n.image_a_id = j.image_a_id AND n.image_b_id = j.image_b_id)"
    )
    return {(row["image_a_id"], row["image_b_id"]): row["verdict"] for row in rows}


def judge(
    workspace: Workspace, pairs: Iterable[IdPair], verdict: PairVerdict, *, actor: str, event_id: str = ""
) -> int | None:
    """Append one step that says the same of all these pairs; answers its id, None where the act was delivered before.

    Args:
        event_id: Names the act, so that delivering it twice writes it once.
    """
    with workspace.transaction() as connection:
        if is_known(connection, event_id):
            return None
        step_id = decision_log.new_step(connection, actor=actor, kind="decide")
        append(connection, step_id, dict.fromkeys(sorted(pairs), verdict), actor=actor, event_id=event_id)
        return step_id


def append(
    connection: sqlite3.Connection,
    step_id: int,
    verdicts: dict[IdPair, PairVerdict],
    *,
    actor: str,
    event_id: str = "",
) -> None:
    """Append a row a pair to a step that is open."""
    names = [event_id or None] + [None] * (len(verdicts) - 1)  # One row of the act carries its name.
    connection.executemany(
        "INSERT INTO pair_judgement (event_id, step_id, image_a_id, image_b_id, verdict, actor, judged_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (name, step_id, a, b, verdict, actor, now())
            for name, ((a, b), verdict) in zip(names, verdicts.items(), strict=False)
        ],
    )


def reverse(connection: sqlite3.Connection, step_ids: Sequence[int], new_step_id: int, *, actor: str) -> None:
    """Append to `new_step_id` what held of each pair before the first of the steps. Later judgements stay."""
    rows = connection.execute(
        "SELECT image_a_id, image_b_id, MIN(id) AS first, MAX(id) AS last FROM pair_judgement"
        " WHERE step_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2",
        (json.dumps(step_ids),),
    ).fetchall()
    before: dict[IdPair, PairVerdict] = {}
    for row in rows:
        pair = (row["image_a_id"], row["image_b_id"])
        if (
            connection.execute(
                "SELECT MAX(id) FROM pair_judgement WHERE image_a_id = ? AND image_b_id = ?", pair
            ).fetchone()[0]
            == row["last"]
        ):
            before[pair] = _before(connection, pair, row["first"])
    append(connection, new_step_id, before, actor=actor)


def is_known(connection: sqlite3.Connection, event_id: str) -> bool:
    return (
        bool(event_id)
        and connection.execute("SELECT 1 FROM pair_judgement WHERE event_id = ?", (event_id,)).fetchone()
        is not None
    )


def has_step(connection: sqlite3.Connection, step_id: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM pair_judgement WHERE step_id = ?", (step_id,)).fetchone()
        is not None
    )


def _before(connection: sqlite3.Connection, pair: IdPair, judgement_id: int) -> PairVerdict:
    row = connection.execute(
        "SELECT verdict FROM pair_judgement WHERE image_a_id = ? AND image_b_id = ? AND id < ? ORDER BY id DESC LIMIT 1",
        (*pair, judgement_id),
    ).fetchone()
    return row["verdict"] if row else "open"
