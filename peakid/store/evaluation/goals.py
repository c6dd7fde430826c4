"""What a person wants the model to reach: an accuracy, and how far train may be above validation."""

from dataclasses import dataclass

from peakid.errors import BadInput
from peakid.store.workspace import Workspace, now


@dataclass(frozen=True)
class Goal:
    """A goal, of which one part may be missing.

    Attributes:
        accuracy: On validation, 0..1.
        max_gap: The largest accepted accuracy on train minus that on validation, 0..1.
        actor: Who set it.
    """

    accuracy: float | None
    max_gap: float | None
    actor: str = ""


def read(workspace: Workspace) -> Goal | None:
    """Return the goal, None where none is set."""
    row = workspace.one("SELECT accuracy, max_gap, actor FROM goal")
    return Goal(row["accuracy"], row["max_gap"], row["actor"]) if row else None


def set_goal(
    workspace: Workspace, *, accuracy: float | None = None, max_gap: float | None = None, actor: str
) -> Goal:
    """Set the goal; it replaces the earlier one.

    Raises:
        BadInput: If both parts are missing, or one is not a share in 0..1.
    """
    for name, value in (("accuracy", accuracy), ("gap", max_gap)):
        if value is not None and not 0 <= value <= 1:
            raise BadInput(f"The {name} of a goal is a share in 0..1, not {value:g}.", "Write 0.9 for 90 %.")
    if accuracy is None and max_gap is None:
        raise BadInput("A goal needs an accuracy or a largest gap.", "Give at least one of the two.")
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO goal (id, accuracy, max_gap, actor, set_at) VALUES (1, ?, ?, ?, ?)",
            (accuracy, max_gap, actor, now()),
        )
    return Goal(accuracy, max_gap, actor)


def remove(workspace: Workspace) -> None:
    """Remove the goal."""
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM goal")
