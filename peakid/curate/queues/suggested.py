"""The queues of the live head: labels that it doubts, and suggested labels for images without one."""

from dataclasses import replace

from peakid import printable
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import Segment
from peakid.store.workspace import Workspace

LABEL_ISSUES = "label-issues"
EVERY_ISSUE = f"{LABEL_ISSUES}:all"  # Also those whose label a person has confirmed.
SUGGESTIONS = "suggestions"
MOST_USEFUL = f"{SUGGESTIONS}:useful"  # In the order in which labels help the model most.
WORTH = "worth"  # With a fit, its doubtful labels are those of the head.

# Word for word as in its partial index.
ISSUE = "g.is_issue = 1 AND s.verdict = 'label' AND s.class_id = g.given_class_id"
UNCONFIRMED_ISSUE = f"{ISSUE} AND s.is_reviewed = 0"
_HAS_SUGGESTION = "EXISTS (SELECT 1 FROM suggestion h WHERE h.image_id = {0})"
SUGGESTED_NAME = "(SELECT n.name FROM class n WHERE n.id = g.suggested_class_id)"
# Near duplicates with different labels are issues whatever the head says.
_CONFLICT = (
    "CASE WHEN g.suggested_class_id = g.given_class_id"
    " THEN 'a near duplicate has another label; ' ELSE '' END"
)
CONFIDENCE = printable.percent_sql("g.confidence")
LOOKS_LIKE = (
    f"{_CONFLICT} || 'looks like ' || {SUGGESTED_NAME} || ' (' || {CONFIDENCE} || ')'"
    " || CASE WHEN g.n_near > 0 THEN"
    f" printf(', %d of %d nearest images are ', g.n_near_suggested, g.n_near) || {SUGGESTED_NAME} ELSE '' END"
)
# The smallest of several imported splits is "test": an image that is also in a test folder is a test image.
SPLIT = (
    "COALESCE((SELECT a.split FROM split_assignment a WHERE a.seed = :seed AND a.image_id = s.image_id),"
    " (SELECT MIN(o.split) FROM origin o WHERE o.image_id = s.image_id), '')"
)
_IS_HIDDEN = f"{SPLIT} = 'test' AND s.judged_in IS NOT :queue"
_HIDDEN_REASON = "'test image: the suggestion is hidden until you judge it'"
# Test labels judged with the suggestion in view would agree with models like it and inflate their test score.
_REASON = f"CASE WHEN {_IS_HIDDEN} THEN {_HIDDEN_REASON} ELSE {LOOKS_LIKE} END"
_SHOWN = f"CASE WHEN {_IS_HIDDEN} THEN NULL ELSE {{}} END"


def fit_number(workspace: Workspace) -> int:
    """Return the number of the newest fit of the live head, which grows with each fit; 0 before the first."""
    row = workspace.one("SELECT number FROM head_fit")
    return row["number"] if row else 0


def fit_that_orders(workspace: Workspace, queue: str) -> int | None:
    """Return the number of the newest fit where the live head orders a queue, None where it does not.

    A queue that waits for the first fit has the number 0.
    """
    if queue.partition(":")[0] in (LABEL_ISSUES, SUGGESTIONS):
        return fit_number(workspace)
    return (fit_number(workspace) or None) if queue == WORTH or _is_of_errors(queue) else None


def is_error_order(workspace: Workspace, queue: str) -> bool:
    """Return whether the live head has a say in the order of a queue of errors: not for images of test."""
    return _is_of_errors(queue) and fit_number(workspace) > 0


def _is_of_errors(queue: str) -> bool:
    """Return whether a queue is `errors:RUN:SPLIT` without those of test and those that were judged."""
    return queue.startswith("errors:") and not queue.endswith((":test", ":all"))


def label_issues(workspace: Workspace, queue: str) -> Segment:
    """Return the labels that the live head doubts, the most doubtful first.

    A label that a person has confirmed is evidence, not an issue: it is left out, except in `EVERY_ISSUE`.
    """
    settled = "s.judged_in IS NOT :queue" if queue == EVERY_ISSUE else "s.is_reviewed = 0"
    return Segment(
        "suggestion g",
        "g.image_id",
        f"{ISSUE} AND {settled}",
        _REASON,
        score=_SHOWN.format("g.label_quality"),
        predicted=_SHOWN.format(SUGGESTED_NAME),
        key=("g.label_quality", "g.image_id"),
        index="suggestion_issue",
        hint=_HAS_SUGGESTION,
        parameters=_parameters(workspace, queue),
    )


def suggestions(workspace: Workspace, queue: str) -> Segment:
    """Return the images without a label, those whose suggested label is most likely first."""
    return Segment(
        "suggestion g",
        "g.image_id",
        "g.label_quality IS NULL AND s.verdict = 'clear'",
        _REASON,
        score=_SHOWN.format("g.confidence"),
        predicted=_SHOWN.format(SUGGESTED_NAME),
        key=("g.confidence", "g.image_id"),
        is_descending=True,
        index="suggestion_unlabelled",
        hint=_HAS_SUGGESTION,
        parameters=_parameters(workspace, queue),
    )


def most_useful(workspace: Workspace, queue: str) -> Segment:
    """Return the images without a label that the model would learn most from, the most useful first."""
    return replace(
        suggestions(workspace, queue),
        where="g.usefulness IS NOT NULL AND s.verdict = 'clear'",
        key=("g.usefulness", "g.image_id"),
        index="suggestion_useful",
    )


def is_hidden(workspace: Workspace, image_id: int, queue: str) -> bool:
    """Return whether a queue hides the suggestion for an image: a test image that was not judged there."""
    row = workspace.one(
        f"SELECT {_IS_HIDDEN} FROM image_state s WHERE s.image_id = :image_id",
        {**_parameters(workspace, queue), "image_id": image_id},
    )
    return row is None or bool(row[0])


def seed_of_splits(workspace: Workspace) -> int:
    """Return the seed of the newest snapshot, whose splits count; 0 before the first."""
    row = workspace.one("SELECT seed FROM snapshot ORDER BY frozen_at DESC, id DESC LIMIT 1")
    return row["seed"] if row else 0


def _parameters(workspace: Workspace, queue: str) -> dict[str, SqlValue]:
    return {"queue": queue, "seed": seed_of_splits(workspace)}
