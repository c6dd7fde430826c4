"""The queue "worth your time": which images change a model most when a person looks at them, and how many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from peakid.curate import image_issues
from peakid.curate.queues import segments
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import Segment
from peakid.store.workspace import Workspace

UNCERTAIN_BELOW = 0.5  # Confidence below which the predicted label is more likely wrong than right.
MOST_UNSURE = 50  # Of a weak model with many classes, nearly every prediction is unsure.
MOST_OF_AN_ISSUE = (
    50  # A kind of issue that most images have tells more about the collection than about them.
)
MOST_COSMETIC = 10  # Of each kind that hardly changes a model: enough to see whether it is meant to be so.
LEAST_LABELS = 200  # Images without a label are in the queue until so many are labelled by a person,
LABELS_A_CLASS = 20  # or so many for each class.

_UNSEEN = (
    "s.is_reviewed = 0 AND s.verdict IN ('label', 'clear') AND s.judged_in IS NOT 'worth'"
    " AND NOT EXISTS (SELECT 1 FROM label_conflict k WHERE k.image_id = s.image_id)"
)
_OUT_OF_SAMPLE = "p.run_id = :run_id AND p.is_out_of_sample = 1"
_HAS_PREDICTION = "EXISTS (SELECT 1 FROM prediction h WHERE h.run_id = :run_id AND h.image_id = {0})"
_HAS_NO_LABEL = "EXISTS (SELECT 1 FROM image_state h WHERE h.image_id = {0} AND h.verdict = 'clear')"


@dataclass(frozen=True)
class Last:
    """The last image of a range in the order of its index: `(value, image_id)`."""

    value: float
    image_id: int


def plan(
    workspace: Workspace, conflicts: Sequence[Segment], doubtful: Segment, uncertain: Segment
) -> list[Segment]:
    """Return the segments of the queue, those that change a model most first; no image is in two of them.

    Duplicates with different labels come first, then the labels that a model contradicts, the least sure
    predictions, images without a label, and image issues from damaged to cosmetic. Each range but the first
    two is limited. A limit counts judged images too, so that the queue ends.

    Args:
        conflicts: The queue of conflicting labels.
        doubtful: The labels that the live head doubts, or without it, that the newest run contradicts; its
            `where` is complete.
        uncertain: The unsure predictions of the newest run; its order and reason are used.
    """
    run_id = uncertain.parameters["run_id"]
    last = last_unsure(workspace, run_id)
    is_suspect = (
        f"EXISTS (SELECT 1 FROM {doubtful.table} WHERE {doubtful.image_id} = s.image_id AND {doubtful.where})"
    )
    is_unsure = f"{_OUT_OF_SAMPLE} AND (p.confidence, p.image_id) <= (:last_unsure, :last_unsure_id)"
    has_unsure = f"EXISTS (SELECT 1 FROM prediction p WHERE p.image_id = s.image_id AND {is_unsure})"
    of_model: dict[str, SqlValue] = {
        "run_id": run_id,
        "last_unsure": last.value,
        "last_unsure_id": last.image_id,
    }
    others = f"{_UNSEEN} AND NOT {is_suspect} AND NOT {has_unsure}"
    return [
        *conflicts,
        replace(doubtful, where=f"{doubtful.where} AND {_UNSEEN}"),
        replace(
            uncertain,
            where=f"{is_unsure} AND {_UNSEEN} AND NOT {is_suspect}",
            hint=_HAS_PREDICTION,
            parameters={**uncertain.parameters, **of_model},
        ),
        Segment(
            "image_state s",
            "s.image_id",
            f"s.verdict = 'clear' AND s.image_id <= :last_unlabelled AND {others}",
            "'no label yet'",
            index="image_state_verdict",
            hint=_HAS_NO_LABEL,
            parameters={**of_model, "last_unlabelled": _last_unlabelled(workspace)},
        ),
        *_issues(workspace, others, of_model),
    ]


def last_unsure(workspace: Workspace, run_id: SqlValue) -> Last:
    """Return the last of the `MOST_UNSURE` least sure predictions of a run below `UNCERTAIN_BELOW`."""
    return _last(
        workspace,
        "SELECT confidence AS value, image_id FROM prediction INDEXED BY prediction_unsure WHERE run_id = ?"
        " AND is_out_of_sample = 1 AND confidence < ? ORDER BY confidence, image_id",
        (run_id,),
        most=MOST_UNSURE,
        below=UNCERTAIN_BELOW,
    )


def _issues(workspace: Workspace, where: str, parameters: dict[str, SqlValue]) -> list[Segment]:
    """Return a segment for each kind of issue; an image is in that of its first kind."""
    found: list[Segment] = []
    earlier: list[str] = []
    thresholds = image_issues.thresholds(workspace)
    for kind in image_issues.WORST_FIRST:
        most = MOST_COSMETIC if image_issues.RULES[kind].is_cosmetic else MOST_OF_AN_ISSUE
        last = _last(
            workspace,
            "SELECT score AS value, image_id FROM image_issue_score WHERE kind = ? AND score < ?"
            " ORDER BY score, image_id",
            (kind,),
            most=most,
            below=thresholds[kind],
        )
        # One condition for all earlier kinds: with many, SQLite expects so few rows that it sorts them.
        has_earlier = (
            "EXISTS (SELECT 1 FROM image_issue_score e WHERE e.image_id = s.image_id"
            f" AND ({' OR '.join(earlier) or '0'}))"
        )
        bounded = f"(q.score, q.image_id) <= (:last_score, :last_id) AND {where} AND NOT {has_earlier}"
        bounds: dict[str, SqlValue] = {"last_score": last.value, "last_id": last.image_id}
        found.append(segments.of_issue(kind, thresholds[kind], bounded, {**parameters, **bounds}))
        earlier.append(f"e.kind = '{kind}' AND (e.score, e.image_id) <= ({last.value!r}, {last.image_id})")
    return found


def _last_unlabelled(workspace: Workspace) -> int:
    """Return the last image that is in the queue because it has no label: fewer, the more are labelled."""
    row = workspace.query(
        "SELECT (SELECT COALESCE(SUM(n), 0) FROM state_count WHERE is_reviewed = 1 AND verdict = 'label')"
        " AS n_reviewed, (SELECT COUNT(*) FROM class WHERE is_retired = 0) AS n_classes"
    )[0]
    n_left = max(LEAST_LABELS, LABELS_A_CLASS * row["n_classes"]) - row["n_reviewed"]
    if n_left <= 0:
        return -1
    last = workspace.query(
        "SELECT MAX(image_id) AS image_id FROM (SELECT image_id FROM image_state"
        " INDEXED BY image_state_verdict WHERE verdict = 'clear' AND is_reviewed = 0"
        " ORDER BY image_id LIMIT ?)",
        (n_left,),
    )[0]["image_id"]
    return -1 if last is None else last


def _last(
    workspace: Workspace, sql: str, parameters: tuple[SqlValue, ...], *, most: int, below: float
) -> Last:
    """Return the image number `most` of an ordered query; where it has fewer, the end of the range."""
    row = workspace.one(f"{sql} LIMIT 1 OFFSET {most - 1}", (*parameters, below))
    # No id is below 0, so that the range has all values below `below`.
    return Last(below, -1) if row is None else Last(row["value"], row["image_id"])
