"""Save queues with their filters under a name, so that everyone can return to the same images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from peakid import near_names
from peakid.curate.queues import review_queue
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.errors import BadInput, NotFound
from peakid.remedies import action
from peakid.store.workspace import Workspace, now

LONGEST_NAME = 60  # Characters.


@dataclass(frozen=True)
class SavedView:
    name: str
    queue: str
    filters: Filters
    actor: str
    saved_at: str


def list_views(workspace: Workspace) -> list[SavedView]:
    """Return all saved views, sorted by name."""
    rows = workspace.query("SELECT name, queue, filters, actor, saved_at FROM saved_view ORDER BY name")
    return [
        SavedView(
            row["name"], row["queue"], Filters(**json.loads(row["filters"])), row["actor"], row["saved_at"]
        )
        for row in rows
    ]


def find(workspace: Workspace, name: str) -> SavedView:
    """Return the saved view with this name.

    Raises:
        NotFound: If there is none.
    """
    for view in list_views(workspace):
        if view.name == name:
            return view
    raise _unknown(name, [view.name for view in list_views(workspace)])


def save(
    workspace: Workspace, name: str, queue: str, *, filters: Filters = NO_FILTERS, actor: str
) -> SavedView:
    """Save a queue and its filters under a name, replacing the view with that name.

    Raises:
        BadInput: If the name is empty, too long or more than one line, or a filter has an invalid value.
        NotFound: If there is no such queue, or a filter names a class or issue that does not exist.
    """
    clean = name.strip()
    if not clean or not clean.isprintable() or len(clean) > LONGEST_NAME:
        raise BadInput(
            f"{name[:80]!r} cannot be the name of a view.",
            f"Use 1 to {LONGEST_NAME} printable characters in one line.",
        )
    review_queue.page(
        workspace, queue, limit=1, filters=filters
    )  # Raises an error now if the view cannot be shown later.
    view = SavedView(clean, queue, filters, actor, now())
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO saved_view (name, queue, filters, actor, saved_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, filters = excluded.filters,"
            " actor = excluded.actor, saved_at = excluded.saved_at",
            (clean, queue, json.dumps(filters.given(), ensure_ascii=False), actor, view.saved_at),
        )
    return view


def remove(workspace: Workspace, name: str) -> None:
    """Delete a saved view; no image changes.

    Raises:
        NotFound: If there is no view with this name.
    """
    with workspace.transaction() as connection:
        if not connection.execute("DELETE FROM saved_view WHERE name = ?", (name,)).rowcount:
            known = [row["name"] for row in connection.execute("SELECT name FROM saved_view")]
            raise _unknown(name, known)


def _unknown(name: str, known: Sequence[str]) -> NotFound:
    remedy = near_names.remedy(name, known, "Choose one of the saved views.")
    return NotFound(f"There is no saved view {name!r}.", remedy, action("list_views"))
