"""Which images lie on the table: a stretch of one queue that stays in place while it is judged."""

from dataclasses import dataclass

import streamlit as st

from peakid.curate import review_queue
from peakid.curate.filters import NO_FILTERS, Filters
from peakid.records import QueueItem
from peakid.workspace import Workspace

MOST_COUNTED = 1_000  # Images that wait behind those on the table.
N_IMAGES = 240  # Some 50 KB a run; the grid draws only the rows in sight, so more would cost traffic alone.


@dataclass(frozen=True)
class Batch:
    """The images under judgement. `reasons` says by digest why each was put here, as it was when it came.

    `cursor` names the place of the last image in the queue, as it was then.
    """

    queue: str
    items: list[QueueItem]
    reasons: dict[str, str]
    n_waiting: int
    cursor: str = ""
    filters: Filters = NO_FILTERS


def current(workspace: Workspace, queue: str, *, after: str = "", filters: Filters = NO_FILTERS) -> Batch:
    """Answer the images of this session's stretch of the queue as they are now.

    A judged image leaves the queue and yet keeps its place here, with its new label: nothing moves under the
    hands, and what was just done can be seen and undone. The stretch is new where the queue, `after` or a filter is.

    Args:
        after: The cursor of the image before the stretch.

    Raises:
        NotFound: If there is no such queue.
    """
    name, asked = f"batch:{queue}", (after, filters)
    held = st.session_state.get(name)
    if held is None or held[0] != asked or not held[1]:
        fresh = review_queue.page(workspace, queue, limit=N_IMAGES, after=after, filters=filters)
        cursor = fresh[-1].cursor if fresh else ""
        held = st.session_state[name] = (asked, {item.digest: _said(item.reason) for item in fresh}, cursor)
    _, reasons, cursor = held
    items = review_queue.items(workspace, list(reasons))
    return Batch(queue, items, reasons, _n_waiting(workspace, queue, items, filters), cursor, filters)


def next_after(workspace: Workspace, batch: Batch) -> str:
    """Answer where the next stretch begins: behind this one, or at the front again when the end is reached."""
    is_more = review_queue.page(workspace, batch.queue, limit=1, after=batch.cursor, filters=batch.filters)
    return batch.cursor if is_more else ""


def forget(queue: str) -> None:
    """Take the stretch off the table, so that the next one is read anew."""
    st.session_state.pop(f"batch:{queue}", None)


def _said(reason: str) -> str:
    return reason.replace("label from import:", "label from an imported ")


def _n_waiting(workspace: Workspace, queue: str, items: list[QueueItem], filters: Filters) -> int:
    if queue in review_queue.FIXED_QUEUES and not filters:
        n_here = sum(still_waits(item, queue) for item in items)
    else:  # Whether an image is settled stands in the log, not in the item.
        n_here = len(review_queue.waiting(workspace, queue, [item.digest for item in items], filters=filters))
    return max(review_queue.count(workspace, queue, filters=filters, most=MOST_COUNTED) - n_here, 0)


def still_waits(item: QueueItem, queue: str) -> bool:
    """Tell whether an image on the table is still in the queue it came from."""
    if queue == "unreviewed":
        return not item.is_reviewed and item.verdict in ("label", "clear")
    if queue in ("flagged", "excluded"):
        return item.verdict == {"flagged": "flag", "excluded": "exclude"}[queue]
    return True
