"""The parts of a queue as SQL: a range of images in one order, and the images with an issue."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from peakid.curate import image_issues
from peakid.curate.image_issues import IssueKind
from peakid.curate.queues.filters import SqlValue

# Any judgement in a queue settles an image there; one in the queue "worth" settles it in all queues.
NOT_SETTLED = "s.verdict <> 'exclude' AND s.judged_in IS NOT :queue AND s.judged_in IS NOT 'worth'"
_HAS_ISSUE = "EXISTS (SELECT 1 FROM image_issue_score h WHERE h.image_id = {0})"


@dataclass(frozen=True)
class Segment:
    """A part of a queue with one order.

    Attributes:
        where: Condition on `table` and image_state s.
        reason: SQL for why an image is in the queue; can use class c, as `score`.
        predicted: SQL for the predicted label, where `reason` shows it.
        key: Columns of the order, the last of which identifies the image. Empty: by `image_id`, oldest first.
        index: Forced where SQLite would choose another one and sort a million rows.
        kept: The same condition on state_count, where that table counts it.
        hint: A condition that every image {0} of the segment meets, and that is fast to check.
    """

    table: str
    image_id: str
    where: str
    reason: str
    score: str = "NULL"
    predicted: str = "NULL"
    key: tuple[str, ...] = ()
    is_descending: bool = False
    index: str = ""
    kept: str = ""
    hint: str = "1"
    parameters: Mapping[str, SqlValue] = field(default_factory=dict)


def of_issue(kind: IssueKind, threshold: float, where: str, parameters: Mapping[str, SqlValue]) -> Segment:
    """Return the images with one kind of issue, most severe first.

    Args:
        threshold: Scores below it are an issue.
        where: A further condition, with its `parameters`.
    """
    return Segment(
        "image_issue_score q",
        "q.image_id",
        f"q.kind = :kind AND q.score < :threshold AND {where}",
        "printf(:reason, q.score, :threshold)",
        score="q.score",
        key=("q.score", "q.image_id"),
        hint=_HAS_ISSUE,
        parameters={
            **parameters,
            "kind": kind,
            "threshold": threshold,
            "reason": image_issues.RULES[kind].reason,
        },
    )
