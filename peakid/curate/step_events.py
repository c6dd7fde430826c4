"""Find what an action wrote by the id of its event, which the browser chose before anything was saved."""

import sqlite3

from peakid.errors import NothingToUndo
from peakid.remedies import action
from peakid.store.workspace import Workspace

# Whether a step `s` was undone, alone or with others. A redo is a new step, so `s` stays undone after it.
IS_UNDONE = (
    "EXISTS (SELECT 1 FROM step u WHERE u.undoes_step_id = s.id)"
    " OR EXISTS (SELECT 1 FROM step_taken_back b WHERE b.undone_step_id = s.id)"
)
_TABLES = ("decision", "step", "pair_judgement", "remark")
_OF_EVENT = {
    "step": "SELECT id AS step_id, actor FROM step WHERE event_id = :id",
    "decision": "SELECT step_id, actor FROM decision WHERE event_id = :id",
    # The decisions of one choice between duplicates have the id of the event and a suffix after a colon.
    "several": "SELECT step_id, actor FROM decision WHERE event_id >= :id || ':' AND event_id < :id || ';'"
    " LIMIT 1",
    "pair_judgement": "SELECT step_id, actor FROM pair_judgement WHERE event_id = :id",
    "remark": "SELECT step_id, actor FROM remark WHERE event_id = :id",
}


def is_known(connection: sqlite3.Connection, event_id: str) -> bool:
    """Return whether the action with this id is already in the log."""
    return bool(event_id) and any(
        connection.execute(f"SELECT 1 FROM {t} WHERE event_id = ?", (event_id,)).fetchone() for t in _TABLES
    )


def is_undone(workspace: Workspace, event_id: str, *, actor: str) -> bool:
    """Return whether the step of the actor's action with this id was undone, by whomever.

    Raises:
        NothingToUndo: If it was not saved, or is somebody else's.
    """
    step_id = step_of(workspace, event_id, actor=actor)
    return workspace.one(f"SELECT 1 FROM step s WHERE s.id = ? AND ({IS_UNDONE})", (step_id,)) is not None


def step_of(workspace: Workspace, event_id: str, *, actor: str) -> int:
    """Return the step that the actor's action with this id wrote.

    Raises:
        NothingToUndo: If it was not saved, or is somebody else's.
    """
    for sql in _OF_EVENT.values():
        row = workspace.one(sql, {"id": event_id})
        if row is not None and row["actor"] == actor:
            return row["step_id"]
    raise NothingToUndo(
        "This step was not saved, so there is nothing to take back.",
        "Look at the history.",
        action("show_log"),
    )
