"""Selections: images that a person chose together, as a queue of exactly these."""

import sqlite3
from collections.abc import Sequence

from peakid.clean_text import whole_number
from peakid.curate.queues.segments import Segment
from peakid.errors import BadInput, NotFound
from peakid.remedies import action
from peakid.store.workspace import Workspace, now

SELECTION = "selection"
ONE_IMAGE = "image"
MOST_KEPT = 50  # The newest selections; those of saved views stay too.
KEPT_DAYS = 30
MOST_IMAGES = 100_000  # In one selection: as many as a map shows.


def create(workspace: Workspace, image_ids: Sequence[int], *, actor: str, run_id: int | None = None) -> str:
    """Store a selection and return the name of its queue. Old selections are removed.

    Args:
        image_ids: Unknown and forgotten images are left out.
        run_id: The run whose predictions were in view when the images were chosen. Test images that are
            judged in such a queue are marked, as in a queue that a model ranked.

    Raises:
        BadInput: If no image or too many are chosen.
    """
    if not image_ids or len(image_ids) > MOST_IMAGES:
        raise BadInput(
            f"A selection has 1 to {MOST_IMAGES:,} images, not {len(image_ids):,}.", "Choose other images."
        )
    with workspace.transaction() as connection:
        selection_id = connection.execute(
            "INSERT INTO selection (run_id, actor, made_at) VALUES (?, ?, ?)", (run_id, actor, now())
        ).lastrowid
        connection.executemany(
            "INSERT OR IGNORE INTO selection_image (selection_id, image_id)"
            " SELECT ?, image_id FROM image_state WHERE image_id = ?",
            [(selection_id, int(each)) for each in image_ids],
        )
        queue = f"{SELECTION}:{selection_id}"
        (n_found,) = connection.execute(
            "SELECT COUNT(*) FROM selection_image WHERE selection_id = ?", (selection_id,)
        ).fetchone()
        if not n_found:
            raise BadInput("None of these images is in the workspace any more.", "Reload the page.")
        _remove_old(connection, selection_id)
    return queue


def _remove_old(connection: sqlite3.Connection, newest: int | None) -> None:
    old = connection.execute(
        "SELECT id FROM selection WHERE id <> ?1 AND (made_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2)"
        " OR id NOT IN (SELECT id FROM selection ORDER BY id DESC LIMIT ?3))"
        " AND NOT EXISTS (SELECT 1 FROM saved_view v WHERE v.queue = 'selection:' || selection.id)",
        (newest, f"-{KEPT_DAYS} days", MOST_KEPT),
    ).fetchall()
    for each in old:
        connection.execute("DELETE FROM selection_image WHERE selection_id = ?", tuple(each))
        connection.execute("DELETE FROM selection WHERE id = ?", tuple(each))


def image_queue(image_id: int) -> str:
    """Return the name of the queue of one image."""
    return f"{ONE_IMAGE}:{image_id}"


def run_of(workspace: Workspace, number: str) -> int | None:
    """Return the run whose predictions were in view when a selection was made, None where none was."""
    row = workspace.one("SELECT run_id FROM selection WHERE id = ?", (whole_number(number) or -1,))
    return row["run_id"] if row else None


def plan_selection(workspace: Workspace, queue: str, number: str) -> list[Segment]:
    """Return the segment of the queue `selection:ID`.

    Raises:
        NotFound: If the selection is unknown or was removed.
    """
    selection_id = whole_number(number)
    if selection_id is None or not workspace.one("SELECT 1 FROM selection WHERE id = ?", (selection_id,)):
        raise NotFound(
            f"There is no selection {number!r}: the newest {MOST_KEPT} are kept for {KEPT_DAYS} days.",
            "Select the images again. A saved view keeps its selection.",
            action("open_queue", queue="all"),
        )
    return [
        Segment(
            "selection_image q",
            "q.image_id",
            "q.selection_id = :selection_id",
            "'selected'",
            key=("q.image_id",),
            hint="EXISTS (SELECT 1 FROM selection_image h WHERE h.selection_id = :selection_id"
            " AND h.image_id = {0})",
            parameters={"selection_id": selection_id},
        )
    ]


def plan_image(workspace: Workspace, queue: str, number: str) -> list[Segment]:
    """Return the segment of the queue `image:ID`, which has one image or none."""
    return [
        Segment(
            "image_state s",
            "s.image_id",
            "s.image_id = :image_id",
            "'opened by itself'",
            parameters={"image_id": whole_number(number) or -1},
        )
    ]
