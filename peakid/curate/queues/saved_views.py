"""Queues with their filters under a name, so that everyone comes back to the same images."""

import json
from dataclasses import dataclass

from peakid.curate.queues import review_queue
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.errors import BadInput, NotFound
from peakid.store.workspace import Workspace, now

LONGEST_NAME = 60


@dataclass(frozen=True)
class SavedView:
    name: str
    queue: str
    filters: Filters
    actor: str
    saved_at: str


def list_views(workspace: Workspace) -> list[SavedView]:
    """Answer all saved views by name."""
    rows = workspace.query("SELECT name, queue, filters, actor, saved_at FROM saved_view ORDER BY name")
    return [
        SavedView(
            row["name"], row["queue"], Filters(**json.loads(row["filters"])), row["actor"], row["saved_at"]
        )
        for row in rows
    ]


def find(workspace: Workspace, name: str) -> SavedView:
    """Answer the saved view of that name.

    Raises:
        NotFound: If there is none.
    """
    for view in list_views(workspace):
        if view.name == name:
            return view
    raise NotFound(f"There is no saved view {name!r}.", "See them with: peakid views list")


def save(
    workspace: Workspace, name: str, queue: str, *, filters: Filters = NO_FILTERS, actor: str
) -> SavedView:
    """Keep a queue and its filters under a name; a view of that name is replaced.

    Raises:
        BadInput: If the name is empty, too long or no one line, or a filter cannot be one.
        NotFound: If there is no such queue, or a filter names what is not there.
    """
    clean = name.strip()
    if not clean or not clean.isprintable() or len(clean) > LONGEST_NAME:
        raise BadInput(
            f"{name[:80]!r} cannot name a view.", f"Use 1 to {LONGEST_NAME} printable letters in one line."
        )
    review_queue.page(workspace, queue, limit=1, filters=filters)  # What cannot be shown is told now.
    view = SavedView(clean, queue, filters, actor, now())
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO saved_view (name, queue, filters, actor, saved_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET queue = excluded.queue, filters = excluded.filters, actor = excluded.actor, saved_at = excluded.saved_at",
            (
                view.name,
                view.queue,
                json.dumps(filters.given(), ensure_ascii=False),
                view.actor,
                view.saved_at,
            ),
        )
    return view


def remove(workspace: Workspace, name: str) -> None:
    """Forget a saved view; no image changes.

    Raises:
        NotFound: If there is none of that name.
    """
    with workspace.transaction() as connection:
        if not connection.execute("DELETE FROM saved_view WHERE name = ?", (name,)).rowcount:
            raise NotFound(f"There is no saved view {name!r}.", "See them with: peakid views list")
