"""Which predictions, decisions and classes the figures of a run come from, and what changed since."""

import hashlib
from dataclasses import dataclass

from peakid.curate import classes
from peakid.records import Run
from peakid.store import run_predictions
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class FiguresState:
    """What figures depend on.

    Attributes:
        predictions: Names, sizes and times of the files of probabilities.
        decision_id: The newest decision.
        remark_id: The newest remark, such as that an image also shows another class.
        classes: Digest of the current names of the run's classes.
        n_forgotten: Images that were forgotten.
    """

    predictions: str
    decision_id: int
    remark_id: int
    classes: str
    n_forgotten: int


def read(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> FiguresState:
    """Return the state of now."""
    row = workspace.query(
        "SELECT (SELECT COALESCE(MAX(id), 0) FROM decision) AS decision_id,"
        " (SELECT COALESCE(MAX(id), 0) FROM remark) AS remark_id,"
        " (SELECT COUNT(*) FROM tombstone) AS n_forgotten"
    )[0]
    current = classes.current_names(workspace)
    names = repr([(name, current.get(name)) for name in run.class_names])
    return FiguresState(
        predictions=run_predictions.identity(workspace, run.run_id, split, with_tta=with_tta),
        decision_id=row["decision_id"],
        remark_id=row["remark_id"],
        classes=hashlib.sha256(names.encode()).hexdigest()[:16],
        n_forgotten=row["n_forgotten"],
    )


def n_judged_since(workspace: Workspace, run: Run, split: str, state: FiguresState) -> int:
    """Count the images of a split with a decision, or a remark on another class, since a state."""
    row = workspace.query(
        "WITH judged AS (SELECT image_id FROM decision WHERE id > :decision_id"
        " UNION SELECT image_id FROM remark WHERE id > :remark_id AND kind = 'also')"
        " SELECT COUNT(*) AS n FROM judged CROSS JOIN prediction p"
        " ON p.run_id = :run_id AND p.image_id = judged.image_id WHERE p.split = :split",
        {
            "decision_id": state.decision_id,
            "remark_id": state.remark_id,
            "run_id": run.run_id,
            "split": split,
        },
    )[0]
    return row["n"]


def has_remarks_since(workspace: Workspace, run: Run, remark_id: int) -> bool:
    """Return whether an image that a run predicted was said to show another class too since a remark."""
    found = workspace.one(
        "SELECT 1 FROM remark r JOIN prediction p ON p.run_id = ? AND p.image_id = r.image_id"
        " WHERE r.id > ? AND r.kind = 'also' LIMIT 1",
        (run.run_id, remark_id),
    )
    return found is not None
