"""How a whole queue is judged in one act: everything that waits in it now, as one step that one undo takes back."""

from collections.abc import Iterator

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.errors import BadInput
from peakid.records import Choice, QueueItem, StepResult, Verdict
from peakid.store.workspace import Workspace

N_A_PAGE = 1000  # Rows read at once; what is held in memory is a few hundred bytes an image.
MOST_AT_ONCE = 20_000  # A step is one transaction, and nobody else can judge for the seconds it takes.


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
    """Judge every image of a queue alike, as one step.

    Images that somebody judges while this runs are left as they are and told in `conflicts`.

    Args:
        label: For the verdict "label"; None confirms the label that each image has, and leaves those without one.
        at_most: How many images the actor was told of; more than that are not judged unseen.
        event_id: Names the act: the same act delivered twice is done once.
        filters: What narrows the queue.

    Raises:
        NotFound: If there is no such queue or class.
        BadInput: If the verdict lacks what it needs, nothing waits, or more waits than `at_most`.
    """
    waiting = [
        item for item in _waiting(workspace, queue, filters) if verdict != "label" or label or item.label
    ]
    if decisions.is_known_event(workspace, event_id):
        return StepResult(None, [])
    if not waiting:
        raise BadInput(
            f"Nothing in the queue {queue!r} can be judged so.", "See what waits with: peakid status"
        )
    if len(waiting) > MOST_AT_ONCE:
        raise BadInput(
            f"{len(waiting):,} images wait in {queue!r}, and one step judges {MOST_AT_ONCE:,} at most.",
            "Narrow it with filters, a class or a split, and judge it part by part.",
        )
    if at_most is not None and len(waiting) > at_most:
        raise BadInput(
            f"{len(waiting):,} images wait in {queue!r} now, {at_most:,} when you were asked.",
            "Look again and confirm the new number.",
        )
    basis = {"queue": queue, "view": "whole queue", "why": ""}
    choices = [
        Choice(item.digest, verdict, label or _own(item, verdict), reason, item.decision_id, basis=basis)
        for item in waiting
    ]
    return decisions.decide(workspace, choices, actor=actor, event_id=event_id)


def _own(item: QueueItem, verdict: Verdict) -> str | None:
    return item.label if verdict == "label" else None


def _waiting(workspace: Workspace, queue: str, filters: Filters) -> Iterator[QueueItem]:
    after = ""
    while page := review_queue.page(workspace, queue, limit=N_A_PAGE, after=after, filters=filters):
        yield from page
        after = page[-1].cursor
