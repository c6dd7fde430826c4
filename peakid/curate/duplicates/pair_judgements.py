"""Store the judgements of pairs of near duplicates: different images, or duplicates that are both kept."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from peakid.records import PairVerdict
from peakid.store import comparisons, decision_log
from peakid.store.workspace import Workspace, now

IdPair = tuple[int, int]
"""Ids of two images, the smaller first."""


def newest(workspace: Workspace) -> dict[IdPair, PairVerdict]:
    """Return the newest judgement of every pair that was judged."""
    rows = workspace.query(
        "SELECT image_a_id, image_b_id, verdict FROM pair_judgement j WHERE id ="
        " (SELECT MAX(id) FROM pair_judgement n"
        " WHERE n.image_a_id = j.image_a_id AND n.image_b_id = j.image_b_id)"
    )
    return {(row["image_a_id"], row["image_b_id"]): row["verdict"] for row in rows}


class Apart:
    """The pairs that a person called different, also those that are not stored as pairs.

    A judgement applies to every pair among the images of its step: who calls a group of 3,000 screenshots
    different has judged 4.5 million pairs, of which a few are stored.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._pairs: dict[int, dict[int, bool]] = defaultdict(dict)  # Newest judgement of each stored pair.
        self._steps: dict[int, list[int]] = defaultdict(list)  # Image id -> steps, the oldest first.
        self._members: dict[int, np.ndarray] = {}
        verdicts: dict[int, set[str]] = defaultdict(set)
        members: dict[int, set[int]] = defaultdict(set)
        for row in workspace.query(
            "SELECT step_id, image_a_id AS a, image_b_id AS b, verdict FROM pair_judgement ORDER BY id"
        ):
            is_different = row["verdict"] == "different"
            self._pairs[row["a"]][row["b"]] = self._pairs[row["b"]][row["a"]] = is_different
            verdicts[row["step_id"]].add(row["verdict"])
            members[row["step_id"]] |= {row["a"], row["b"]}
        self._is_different = {step: found == {"different"} for step, found in verdicts.items()}
        for step in sorted(members):
            self._members[step] = np.array(sorted(members[step]), dtype=np.int64)
            for image_id in members[step]:
                self._steps[image_id].append(step)

    def mask(self, image_id: int, others: np.ndarray) -> np.ndarray:
        """Return whether a person called each pair of an image and another one different.

        Args:
            others: Image ids, int64 of shape (M,).

        Returns:
            bool of shape (M,).
        """
        found = np.zeros(len(others), dtype=bool)
        for step in self._steps.get(image_id, ()):
            found[np.isin(others, self._members[step])] = self._is_different[step]
        if judged := self._pairs.get(image_id):
            for n in np.flatnonzero(np.isin(others, list(judged))).tolist():
                found[n] = judged[int(others[n])]
        return found


def judge(
    workspace: Workspace, pairs: Iterable[IdPair], verdict: PairVerdict, *, actor: str, event_id: str = ""
) -> int | None:
    """Append one step that gives all these pairs the same verdict.

    Args:
        event_id: Identifies the action; delivered twice, it is written once.

    Returns:
        The id of the step, None where the action was already written.
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
    verdicts: Mapping[IdPair, PairVerdict],
    *,
    actor: str,
    event_id: str = "",
) -> None:
    """Append a row for each pair to a step. A large group without these pairs has to be compared again."""
    comparisons.reopen(
        connection, {n for pair, verdict in verdicts.items() if verdict == "different" for n in pair}
    )
    event_ids = [event_id or None] + [None] * (len(verdicts) - 1)  # The first row has the id of the action.
    connection.executemany(
        "INSERT INTO pair_judgement (event_id, step_id, image_a_id, image_b_id, verdict, actor, judged_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (each, step_id, a, b, verdict, actor, now())
            for each, ((a, b), verdict) in zip(event_ids, verdicts.items(), strict=False)
        ],
    )


def reverse(connection: sqlite3.Connection, step_ids: Sequence[int], new_step_id: int, *, actor: str) -> None:
    """Append to `new_step_id` the judgement of each pair before the steps. Later judgements stay."""
    rows = connection.execute(
        "SELECT image_a_id, image_b_id, MIN(id) AS first, MAX(id) AS last FROM pair_judgement"
        " WHERE step_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2",
        (json.dumps(step_ids),),
    ).fetchall()
    before: dict[IdPair, PairVerdict] = {}
    for row in rows:
        pair = (row["image_a_id"], row["image_b_id"])
        newest_id = connection.execute(
            "SELECT MAX(id) FROM pair_judgement WHERE image_a_id = ? AND image_b_id = ?", pair
        ).fetchone()[0]
        if newest_id == row["last"]:
            before[pair] = _before(connection, pair, row["first"])
    append(connection, new_step_id, before, actor=actor)


def is_known(connection: sqlite3.Connection, event_id: str) -> bool:
    sql = "SELECT 1 FROM pair_judgement WHERE event_id = ?"
    return bool(event_id) and connection.execute(sql, (event_id,)).fetchone() is not None


def has_step(connection: sqlite3.Connection, step_id: int) -> bool:
    sql = "SELECT 1 FROM pair_judgement WHERE step_id = ?"
    return connection.execute(sql, (step_id,)).fetchone() is not None


def _before(connection: sqlite3.Connection, pair: IdPair, judgement_id: int) -> PairVerdict:
    row = connection.execute(
        "SELECT verdict FROM pair_judgement WHERE image_a_id = ? AND image_b_id = ? AND id < ?"
        " ORDER BY id DESC LIMIT 1",
        (*pair, judgement_id),
    ).fetchone()
    return row["verdict"] if row else "open"
