"""When a collection runs again, and when a training follows it."""

from peakid.store.workspace import Workspace, now


def save(
    workspace: Workspace, collection_id: int, *, every_days: float | None, retrain_after: int | None
) -> None:
    """Store how often a collection is to run again, and after how many reviewed images to train again."""
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE collection SET every_days = ?, retrain_after = ? WHERE id = ?",
            (every_days, retrain_after, collection_id),
        )


def note_run(workspace: Workspace, collection_id: int) -> None:
    """Store that a collection is run now."""
    with workspace.transaction() as connection:
        connection.execute("UPDATE collection SET ran_at = ? WHERE id = ?", (now(), collection_id))


def retrain_after(workspace: Workspace) -> int | None:
    """Return after how many reviewed images some collection asks for a training; None = none does."""
    row = workspace.one("SELECT MIN(retrain_after) AS n FROM collection")
    return None if row is None else row["n"]
