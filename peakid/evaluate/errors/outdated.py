"""Runs that are out of date because labels have changed since they were trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peakid.curate import classes
from peakid.records import Run
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class OutdatedRun:
    """A run with labels that changed after its snapshot was frozen.

    Attributes:
        n_trained: Images that it was trained on whose label was changed, or that were excluded or flagged.
        n_scored: The same of the images that its score counts.
    """

    run_id: int
    n_trained: int
    n_scored: int

    @property
    def sentence(self) -> str:
        """Say what is out of date about it."""
        trained = f"was trained on {_labels(self.n_trained)}" if self.n_trained else ""
        scored = f"is scored against {_labels(self.n_scored)}" if self.n_scored else ""
        return f"Run {self.run_id} {' and '.join(part for part in (trained, scored) if part)}."


def outdated(workspace: Workspace, runs: Sequence[Run]) -> list[OutdatedRun]:
    """Return those of the runs whose labels have changed since, in the given order.

    A class that was renamed or merged since does not count: the images are the same class as before.
    """
    current = classes.current_names(workspace)
    by_snapshot = {
        snapshot_id: _changed(workspace, snapshot_id, current)
        for snapshot_id in dict.fromkeys(run.snapshot_id for run in runs)
    }
    found = []
    for run in runs:
        splits = by_snapshot[run.snapshot_id]
        if run.is_cross_validated:  # Each image is trained on in turn, and scored once.
            n_trained = n_scored = len(splits)
        else:
            n_trained = splits.count("train")
            n_scored = len(splits) - n_trained
        if run.is_imported:  # It was trained elsewhere.
            n_trained = 0
        if n_trained or n_scored:
            found.append(OutdatedRun(run.run_id, n_trained, n_scored))
    return found


def _changed(workspace: Workspace, snapshot_id: int, current: Mapping[str, str]) -> list[str]:
    """Return the splits of the images of a snapshot whose label has changed since it was frozen.

    Only images with newer decisions are read: those are few, where a snapshot may have a million images.
    """
    rows = workspace.query(
        "WITH before AS (SELECT d.id FROM decision d, snapshot n WHERE n.id = :id"
        " AND d.decided_at <= n.frozen_at ORDER BY d.id DESC LIMIT 1),"
        " newer AS (SELECT DISTINCT image_id FROM decision WHERE id > COALESCE((SELECT id FROM before), 0))"
        " SELECT m.split, m.label, s.verdict, c.name FROM newer"
        " CROSS JOIN snapshot_item m ON m.snapshot_id = :id AND m.image_id = newer.image_id"
        " JOIN image_state s ON s.image_id = newer.image_id LEFT JOIN class c ON c.id = s.class_id",
        {"id": snapshot_id},
    )
    return [
        row["split"] for row in rows if row["verdict"] != "label" or current.get(row["label"]) != row["name"]
    ]


def _labels(n: int) -> str:
    return "1 label that has changed since" if n == 1 else f"{n:,} labels that have changed since"
