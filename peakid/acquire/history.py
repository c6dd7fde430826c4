"""List the imports and the files that were rejected."""

from dataclasses import dataclass

from peakid.records import RejectionRow
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Acquisition:
    """One import. `finished_at` is None if it was interrupted; importing again continues it."""

    acquisition_id: int
    source: str
    path: str
    actor: str
    started_at: str
    finished_at: str | None
    n_added: int
    n_known: int
    n_rejected: int


def list_acquisitions(workspace: Workspace, *, limit: int = 20) -> list[Acquisition]:
    """List the imports, newest first."""
    rows = workspace.query(
        "SELECT a.id AS acquisition_id, a.source, COALESCE(r.path, '') AS path, a.actor, a.started_at,"
        " a.finished_at, a.n_added, a.n_known, a.n_rejected FROM acquisition a"
        " LEFT JOIN root r ON r.id = a.root_id ORDER BY a.id DESC LIMIT ?",
        (limit,),
    )
    return [Acquisition(**dict(row)) for row in rows]


def list_rejections(workspace: Workspace, *, limit: int = 500) -> list[RejectionRow]:
    """List the rejections, newest first."""
    rows = workspace.query(
        "SELECT path, reason, detail, label FROM rejection ORDER BY id DESC LIMIT ?", (limit,)
    )
    return [RejectionRow(**dict(row)) for row in rows]
