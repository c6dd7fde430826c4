"""The operating point of a run: below which confidence its exports abstain, at which temperature."""

from dataclasses import dataclass

from peakid.store.workspace import Workspace, now


@dataclass(frozen=True)
class OperatingPoint:
    """What a person chose for the exports of a run.

    Attributes:
        threshold: Confidence in 0..1 below which an export abstains, at that temperature.
        temperature: 1 = the probabilities as they are.
        target: The accuracy it was chosen for, 0..1; None where the threshold itself was chosen.
    """

    run_id: int
    threshold: float
    temperature: float
    target: float | None
    actor: str
    set_at: str


def of_run(workspace: Workspace, run_id: int) -> OperatingPoint | None:
    """Return the operating point of a run, None where none was chosen."""
    row = workspace.one("SELECT * FROM operating_point WHERE run_id = ?", (run_id,))
    return None if row is None else OperatingPoint(**dict(row))


def put(
    workspace: Workspace,
    run_id: int,
    *,
    threshold: float,
    temperature: float = 1.0,
    target: float | None = None,
    actor: str,
) -> OperatingPoint:
    """Store the operating point of a run in place of the one before."""
    chosen = OperatingPoint(run_id, threshold, temperature, target, actor, now())
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO operating_point (run_id, threshold, temperature, target, actor, set_at)"
            " VALUES (:run_id, :threshold, :temperature, :target, :actor, :set_at)",
            vars(chosen),
        )
    return chosen


def remove(workspace: Workspace, run_id: int) -> None:
    """Remove the operating point of a run: its exports answer every image."""
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM operating_point WHERE run_id = ?", (run_id,))
