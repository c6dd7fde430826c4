"""Counts of a workspace, for `peakid status` and the overview page."""

from dataclasses import dataclass

from peakid.store import saved_decisions
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Status:
    """Counts of a workspace. `classes` counts the labelled images of each active class, in key order.

    `n_lost_decisions` counts those that were saved and are missing (`saved_decisions`).
    """

    n_images: int
    n_labelled: int
    n_reviewed: int
    n_excluded: int
    n_flagged: int
    n_rejections: int
    n_decisions: int
    n_snapshots: int
    n_runs: int
    classes: dict[str, int]
    n_lost_decisions: int = 0


def read(workspace: Workspace) -> Status:
    """Count what the workspace has now."""
    verdicts = {
        row["verdict"]: row["n"]
        for row in workspace.query("SELECT verdict, SUM(n) AS n FROM state_count GROUP BY verdict")
    }
    reviewed = workspace.one("SELECT COALESCE(SUM(n), 0) FROM state_count WHERE is_reviewed = 1")
    classes = workspace.query(
        "SELECT c.name, COALESCE((SELECT SUM(n) FROM state_count k"
        " WHERE k.class_id = c.id AND k.verdict = 'label'), 0) AS n FROM class c"
        " WHERE c.is_retired = 0 ORDER BY c.position, c.id"
    )
    return Status(
        n_images=sum(verdicts.values()),
        n_labelled=verdicts.get("label", 0),
        n_reviewed=int(reviewed[0]) if reviewed else 0,
        n_excluded=verdicts.get("exclude", 0),
        n_flagged=verdicts.get("flag", 0),
        n_rejections=_count(workspace, "rejection"),
        n_decisions=_count(workspace, "decision"),
        n_snapshots=_count(workspace, "snapshot WHERE frozen_at <> ''"),
        n_runs=_count(workspace, "run WHERE made_for = ''"),
        classes={row["name"]: row["n"] for row in classes},
        n_lost_decisions=sum(loss.n for loss in saved_decisions.losses(workspace.connection())),
    )


def label_revision(workspace: Workspace) -> str:
    """Return a text that changes whenever a label, a further class of an image or a class name does."""
    row = workspace.one(
        "SELECT (SELECT MAX(id) FROM decision), (SELECT MAX(id) FROM remark),"
        " (SELECT group_concat(name, char(10)) FROM class)"
    )
    return "" if row is None else "\n".join(map(str, tuple(row)))


def _count(workspace: Workspace, table: str) -> int:
    row = workspace.one(f"SELECT COUNT(*) FROM {table}")
    return int(row[0]) if row else 0
