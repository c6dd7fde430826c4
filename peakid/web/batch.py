"""Which images lie on the table: a stretch of one queue that stays in place while it is judged."""

from dataclasses import dataclass

import streamlit as st

from peakid.curate import review_queue
from peakid.records import QueueItem
from peakid.workspace import Workspace

N_IMAGES = 240  # Some 50 KB a run; the grid draws only the rows in sight, so more would cost traffic alone.


@dataclass(frozen=True)
class Batch:
    """The images under judgement. `reasons` says by digest why each was put here, as it was when it came."""

    queue: str
    items: list[QueueItem]
    reasons: dict[str, str]
    n_waiting: int


def current(workspace: Workspace, queue: str, *, after: int = 0) -> Batch:
    """Answer the images of this session's stretch of the queue as they are now.

    A judged image leaves the queue and yet keeps its place here, with its new label: nothing moves under the
    hands, and what was just done can be seen and undone. The stretch is new where the queue, or `after`, is.

    Args:
        after: The `image_id` before the stretch.

    Raises:
        NotFound: If there is no such queue.
    """
    name = f"batch:{queue}"
    held = st.session_state.get(name)
    if held is None or held[0] != after or not held[1]:
        fresh = review_queue.page(workspace, queue, limit=N_IMAGES, after=after)
        held = st.session_state[name] = (after, {item.digest: _said(item.reason) for item in fresh})
    reasons = held[1]
    items = review_queue.items(workspace, list(reasons))
    return Batch(queue, items, reasons, _n_waiting(workspace, queue, items))


def next_after(workspace: Workspace, batch: Batch) -> int:
    """Answer where the next stretch begins: behind this one, or at the front again when the end is reached."""
    last = batch.items[-1].image_id if batch.items else 0
    return last if review_queue.page(workspace, batch.queue, limit=1, after=last) else 0


def forget(queue: str) -> None:
    """Take the stretch off the table, so that the next one is read anew."""
    st.session_state.pop(f"batch:{queue}", None)


def _said(reason: str) -> str:
    return reason.replace("label from import:", "label from an imported ")


def _n_waiting(workspace: Workspace, queue: str, items: list[QueueItem]) -> int:
    if queue.startswith("issue:"):  # Whether an issue is settled stands in the log, not in the item.
        n_here = len(review_queue.waiting(workspace, queue, [item.digest for item in items]))
    else:
        n_here = sum(still_waits(item, queue) for item in items)
    return max(review_queue.count(workspace, queue) - n_here, 0)


def still_waits(item: QueueItem, queue: str) -> bool:
    """Tell whether an image on the table is still in the queue it came from."""
    if queue == "unreviewed":
        return not item.is_reviewed and item.verdict in ("label", "clear")
    if queue in ("flagged", "excluded"):
        return item.verdict == {"flagged": "flag", "excluded": "exclude"}[queue]
    if queue.startswith("class:"):
        return item.label == queue.removeprefix("class:") and item.verdict in ("label", "flag")
    return True
