"""Which images lie on the table: a stretch of one queue that stays in place while it is judged and grows at its end."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from peakid.curate.queues import review_queue
from peakid.records import QueueItem
from peakid.store.workspace import Workspace

MOST_COUNTED = 1_000  # Images that wait behind those on the table.
N_IMAGES = 240  # Come at once: some 50 KB; the next ones are fetched while these are judged.
_N_READ = 1000  # Images in one query.


@dataclass
class Batch:
    """The images under judgement, as this session last read them, in a fixed order.

    `where` narrows the queue, as the queue's own arguments. `table` names the stretch: another name, other images.
    `reasons` says by digest why each was put here, as it was when it came. `open` holds the digests that are in the
    queue still. `is_end` tells that none come after these, `is_more` that more wait than were counted.
    """

    queue: str
    after: str
    where: Mapping[str, Any] = field(default_factory=dict)
    table: str = field(default_factory=lambda: uuid.uuid4().hex)
    held: dict[str, QueueItem] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    cursor: str = ""
    is_end: bool = False
    n_waiting: int = 0
    is_more: bool = False

    @property
    def items(self) -> list[QueueItem]:
        return list(self.held.values())


def current(
    workspace: Workspace,
    queue: str,
    *,
    after: str = "",
    where: Mapping[str, Any] | None = None,
    changed: Collection[str] | None = None,
    grow: bool = False,
) -> Batch:
    """Answer the images of this session's stretch of the queue as they are now.

    A judged image leaves the queue and yet keeps its place here, with its new label: nothing moves under the
    hands, and what was just done can be seen and undone. The stretch is new where the queue, `after` or `where` is.

    Args:
        after: The key before the stretch.
        where: What narrows the queue, as further arguments of `review_queue.page`, `count` and `waiting`.
        changed: Digests that may have changed since the last call; None: any. Reading thousands again at every key
            would cost more than the judgement.
        grow: Whether to add the next images; behind the end, the stretch begins anew at the front.

    Raises:
        NotFound: If there is no such queue.
    """
    name, where = f"batch:{queue}", dict(where or {})
    batch: Batch | None = st.session_state.get(name)
    if batch is None or (batch.after, batch.where) != (after, where) or not batch.held:
        batch = _fetch(workspace, Batch(queue, after, where, cursor=after))
    elif grow:
        batch = _fetch(workspace, Batch(queue, after, where) if batch.is_end else batch)
    _refresh(workspace, batch, batch.held if changed is None else changed)
    counted = review_queue.count_up_to(workspace, queue, most=MOST_COUNTED + len(batch.held), **where)
    batch.n_waiting, batch.is_more = max(counted.n - len(batch.open), 0), counted.is_more
    st.session_state[name] = batch
    return batch


def forget(queue: str) -> None:
    """Take the stretch off the table, so that the next one is read anew."""
    st.session_state.pop(f"batch:{queue}", None)


def _fetch(workspace: Workspace, batch: Batch) -> Batch:
    """Put the next images of the queue on the table; one that lies there already keeps its place."""
    page = review_queue.page(workspace, batch.queue, limit=N_IMAGES, after=batch.cursor, **batch.where)
    for item in page:
        batch.held.setdefault(item.digest, item)
        batch.reasons.setdefault(item.digest, _said(item.reason))
        batch.open.add(item.digest)
    batch.cursor = page[-1].cursor if page else batch.cursor
    batch.is_end = len(page) < N_IMAGES
    return batch


def _refresh(workspace: Workspace, batch: Batch, digests: Collection[str]) -> None:
    here = [digest for digest in digests if digest in batch.held]
    for some in _portions(here):
        batch.held.update((item.digest, item) for item in review_queue.items(workspace, some))
        batch.open -= set(some)
        batch.open |= review_queue.waiting(workspace, batch.queue, some, **batch.where)


def _portions(digests: list[str]) -> Iterator[list[str]]:
    return (digests[start : start + _N_READ] for start in range(0, len(digests), _N_READ))


def _said(reason: str) -> str:
    return reason.replace("label from import:", "label from an imported ")
