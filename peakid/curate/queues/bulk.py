"""Judge all images of a queue at once, as one step that one undo reverses."""

from collections.abc import Iterator

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.errors import BadInput
from peakid.records import Choice, QueueItem, StepResult, Verdict
from peakid.remedies import action
from peakid.store.workspace import Workspace

PAGE_SIZE = 1000  # Rows read at once; an image takes a few hundred bytes of memory.
MOST_AT_ONCE = 20_000  # A step is one transaction of some seconds, during which no one else can judge.


def decide_queue(
    workspace: Workspace,
    queue: str,
    verdict: Verdict,
    *,
    label: str | None = None,
    reason: str = "",
    at_most: int | None = None,
    actor: str,
    event_id: str = "",
    filters: Filters = NO_FILTERS,
) -> StepResult:
    """Give every image of a queue the same verdict, as one step.

    Images that somebody judges meanwhile stay as they are and are listed in `conflicts`.

    Args:
        label: For the verdict "label". None confirms the label of each image and skips images without one.
        at_most: The number of images that the actor confirmed; if there are more, none is judged.
        event_id: Identifies the action; delivered twice, it is written once.
        filters: Narrow the queue.

    Raises:
        NotFound: If there is no such queue or class.
        BadInput: If the verdict lacks its label or reason, the queue is empty, or has more than `at_most`.
    """
    waiting = [
        item for item in _all_items(workspace, queue, filters) if verdict != "label" or label or item.label
    ]
    if decisions.is_known_event(workspace, event_id):
        return StepResult(None, [])
    if not waiting:
        raise BadInput(
            f"No image in the queue {queue!r} can get this verdict.",
            "Choose another queue or verdict.",
            action("open_queue", queue=queue),
        )
    if len(waiting) > MOST_AT_ONCE:
        raise BadInput(
            f"{len(waiting):,} images are in {queue!r}, and one step judges {MOST_AT_ONCE:,} at most.",
            "Narrow the queue with filters and judge it in parts.",
        )
    if at_most is not None and len(waiting) > at_most:
        raise BadInput(
            f"{len(waiting):,} images are in {queue!r} now; you confirmed {at_most:,}.",
            "Check the queue and confirm the new number.",
        )
    basis = {"queue": queue, "view": "whole queue", "why": ""}
    choices = [
        Choice(
            item.digest, verdict, label or _own_label(item, verdict), reason, item.decision_id, basis=basis
        )
        for item in waiting
    ]
    return decisions.decide(workspace, choices, actor=actor, event_id=event_id)


def _own_label(item: QueueItem, verdict: Verdict) -> str | None:
    return item.label if verdict == "label" else None


def _all_items(workspace: Workspace, queue: str, filters: Filters) -> Iterator[QueueItem]:
    after = ""
    while page := review_queue.page(workspace, queue, limit=PAGE_SIZE, after=after, filters=filters):
        yield from page
        after = page[-1].cursor
