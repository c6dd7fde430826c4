"""How a whole queue is judged in one act: everything that waits in it now, as one step that one undo takes back."""

from collections.abc import Iterator, Mapping
from typing import Any

from peakid.curate import decisions, review_queue
from peakid.errors import BadInput
from peakid.records import Choice, QueueItem, StepResult, Verdict
from peakid.workspace import Workspace

N_A_PAGE = 1000  # Rows read at once; what is held in memory is a few hundred bytes an image.


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
    **where: Any,
) -> StepResult:
    """Judge every image of a queue alike, as one step.

    Images that somebody judges while this runs are left as they are and told in `conflicts`.

    Args:
        label: For the verdict "label"; None confirms the label that each image has, and leaves those without one.
        at_most: How many images the actor was told of; more than that are not judged unseen.
        event_id: Names the act: the same act delivered twice is done once.
        where: What narrows the queue, as for `review_queue.page`.

    Raises:
        NotFound: If there is no such queue or class.
        BadInput: If the verdict lacks what it needs, nothing waits, or more waits than `at_most`.
    """
    waiting = [item for item in _waiting(workspace, queue, where) if verdict != "label" or label or item.label]
    if decisions.is_known_event(workspace, event_id):
        return StepResult(None, [])
    if not waiting:
        raise BadInput(f"Nothing in the queue {queue!r} can be judged so.", "See what waits with: peakid status")
    if at_most is not None and len(waiting) > at_most:
        raise BadInput(
            f"{len(waiting):,} images wait in {queue!r} now, {at_most:,} when you were asked.", "Look again and confirm the new number."
        )
    basis = {"queue": queue, "view": "whole queue", "why": ""}
    choices = [Choice(item.digest, verdict, label or _own(item, verdict), reason, item.decision_id, basis=basis) for item in waiting]
    return decisions.decide(workspace, choices, actor=actor, event_id=event_id)


def behind(item: QueueItem) -> str | int:
    """Answer the key of a queue's page that begins after `item`."""
    return getattr(item, "cursor", item.image_id)


def _own(item: QueueItem, verdict: Verdict) -> str | None:
    return item.label if verdict == "label" else None


def _waiting(workspace: Workspace, queue: str, where: Mapping[str, Any]) -> Iterator[QueueItem]:
    after = None
    while page := review_queue.page(workspace, queue, limit=N_A_PAGE, after=after, **where):  # ty: ignore[invalid-argument-type]
        yield from page
        after = behind(page[-1])
