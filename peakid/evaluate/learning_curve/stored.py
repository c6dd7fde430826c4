"""Store learning curves: one for each snapshot and set of embeddings, and one for each run by trainings."""

import json

from peakid.evaluate.learning_curve import curve
from peakid.evaluate.learning_curve.curve import LearningCurve
from peakid.store.workspace import Workspace, now


def of_embeddings(workspace: Workspace, snapshot_id: int, set_id: int) -> LearningCurve | None:
    """Return the curve of the linear head on a set of embeddings, None where there is none."""
    return _read(workspace, "snapshot_id = ? AND set_id = ?", (snapshot_id, set_id))


def of_run(workspace: Workspace, run_id: int) -> LearningCurve | None:
    """Return the curve of trainings with the recipe of a run, None where there is none."""
    return _read(workspace, "run_id = ?", (run_id,))


def save(
    workspace: Workspace,
    found: LearningCurve,
    *,
    snapshot_id: int,
    set_id: int | None = None,
    run_id: int | None = None,
) -> None:
    """Store a curve in place of the one before. Exactly one of `set_id` and `run_id` is given."""
    with workspace.transaction() as connection:
        connection.execute(
            "DELETE FROM learning_curve WHERE snapshot_id = ? AND set_id IS ? AND run_id IS ?",
            (snapshot_id, set_id, run_id),
        )
        connection.execute(
            "INSERT INTO learning_curve (snapshot_id, set_id, run_id, document, made_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (snapshot_id, set_id, run_id, json.dumps(found.document()), now()),
        )


def _read(workspace: Workspace, where: str, parameters: tuple[int, ...]) -> LearningCurve | None:
    row = workspace.one(f"SELECT document FROM learning_curve WHERE {where} ORDER BY id DESC", parameters)
    return None if row is None else curve.parse(json.loads(row["document"]))
