"""Which images wait for a judgement, in which order, and why each is there."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peakid.curate import image_issues
from peakid.errors import NotFound
from peakid.records import QueueItem
from peakid.workspace import Workspace


@dataclass(frozen=True)
class _Plan:
    """A queue as SQL: `where` over `source`, which has image_state as s; `reason` is an SQL expression.

    CROSS JOINs keep the order written: the first table's index gives the order of the page without sorting.
    Pages go on behind the image :after in the order of `order`; `behind` is that as a condition.
    """

    where: str
    reason: str
    score: str = "NULL"
    source: str = "image_state s"
    order: str = "s.image_id"
    behind: str = "s.image_id > :after"


_UNREVIEWED = "s.is_reviewed = 0 AND s.verdict IN ('label', 'clear')"  # Word for word as in its partial index.

_FIXED = {
    "unreviewed": _Plan(
        _UNREVIEWED,
        "CASE s.verdict WHEN 'clear' THEN 'no label yet' ELSE 'label from ' || s.actor END",
        source="image_state s INDEXED BY image_state_unreviewed",  # Left alone, SQLite takes another index and sorts a million.
    ),
    "flagged": _Plan("s.verdict = 'flag'", "s.reason"),
    "excluded": _Plan("s.verdict = 'exclude'", "s.reason"),
    "all": _Plan("1", "s.reason"),
}

FIXED_QUEUES = tuple(_FIXED)


def counts(workspace: Workspace) -> dict[str, int]:
    """Count what waits in every queue that has a fixed name."""
    return {name: count(workspace, name) for name in _FIXED}


def count(workspace: Workspace, queue: str) -> int:
    """Count the images of one queue.

    Raises:
        NotFound: If there is no such queue.
    """
    plan, parameters = _plan(workspace, queue)
    row = workspace.one(f"SELECT COUNT(*) FROM {plan.source} WHERE {plan.where}", parameters)
    return int(row[0]) if row else 0


def page(workspace: Workspace, queue: str, *, limit: int = 60, after: int | None = None) -> list[QueueItem]:
    """Answer a page of a queue, oldest image first; in the queue of an image issue, most severe first.

    Args:
        queue: `unreviewed`, `flagged`, `excluded`, `all`, `class:NAME`, `issue:KIND`, or
            `confusion:RUN:SPLIT:GIVEN:PREDICTED` with the two class names quoted as in a URL (`%3A` for a colon).
        after: The `image_id` of the last item of the page before; pages are by key, so a decision made meanwhile
            neither repeats nor skips an image.

    Raises:
        NotFound: If there is no such queue.
    """
    plan, parameters = _plan(workspace, queue)
    rows = workspace.query(_page_sql(plan), {**parameters, "after": after or 0, "limit": limit})
    return [_item(row) for row in rows]


def items(workspace: Workspace, digests: list[str]) -> list[QueueItem]:
    """Answer the named images as they are now, in the order given; unknown digests are left out."""
    marks = ", ".join("?" * len(digests))
    rows = workspace.query(
        f"{_select(_FIXED['all'])} FROM image i JOIN image_state s ON s.image_id = i.id {_LABEL} WHERE i.digest IN ({marks})", digests
    )
    found = {row["digest"]: _item(row) for row in rows}
    return [found[digest] for digest in digests if digest in found]


def waiting(workspace: Workspace, queue: str, digests: list[str]) -> set[str]:
    """Answer which of the named images are in the queue now.

    Raises:
        NotFound: If there is no such queue.
    """
    plan, parameters = _plan(workspace, queue)
    names = {f"digest_{n}": digest for n, digest in enumerate(digests)}
    marks = ", ".join(f":{name}" for name in names)
    sql = f"SELECT i.digest FROM {plan.source} JOIN image i ON i.id = s.image_id WHERE {plan.where} AND i.digest IN ({marks})"
    return {row["digest"] for row in workspace.query(sql, {**parameters, **names})}


def issue_queue(kind: str) -> str:
    """Name the queue of one kind of image issue."""
    return f"issue:{kind}"


def confusion_queue(run_id: int, split: str, given_label: str, predicted_label: str) -> str:
    """Name the queue of one confusion cell."""
    return ":".join(["confusion", str(run_id), split, _quoted(given_label), _quoted(predicted_label)])


_LABEL = "LEFT JOIN class c ON c.id = s.class_id"


def _select(plan: _Plan) -> str:
    return (
        "SELECT s.image_id, i.digest, c.name AS label, s.verdict, s.is_reviewed, s.decision_id,"
        f" {plan.reason} AS queue_reason, {plan.score} AS score,"
        " COALESCE((SELECT o.path FROM origin o WHERE o.image_id = s.image_id ORDER BY o.id LIMIT 1), i.digest) AS path"
    )


def _page_sql(plan: _Plan) -> str:
    return (
        f"{_select(plan)} FROM {plan.source} CROSS JOIN image i ON i.id = s.image_id {_LABEL}"
        f" WHERE {plan.where} AND {plan.behind} ORDER BY {plan.order} LIMIT :limit"
    )


def _plan(workspace: Workspace, queue: str) -> tuple[_Plan, Mapping[str, Any]]:
    if queue in _FIXED:
        return _FIXED[queue], {}
    kind, _, rest = queue.partition(":")
    if kind == "class" and rest:
        where = "s.class_id = (SELECT id FROM class WHERE name = :class_name) AND s.verdict IN ('label', 'flag')"
        return _Plan(where, "CASE s.is_reviewed WHEN 1 THEN 'reviewed' ELSE 'label from ' || s.actor END"), {"class_name": rest}
    if kind == "issue":
        return _issue_plan(workspace, queue, rest)
    if kind == "confusion":
        return _confusion_plan(queue, rest.split(":"))
    raise NotFound(
        f"There is no queue {queue!r}.", f"Use one of: {', '.join(_FIXED)}, class:NAME, issue:KIND, confusion:RUN:SPLIT:GIVEN:PREDICTED."
    )


def _issue_plan(workspace: Workspace, queue: str, name: str) -> tuple[_Plan, Mapping[str, Any]]:
    """Take what has the issue and was neither excluded nor judged in this very queue: that settles it, whatever was said."""
    kind = image_issues.known(name)
    plan = _Plan(
        "q.kind = :kind AND q.score < :threshold AND s.verdict <> 'exclude' AND NOT EXISTS"
        " (SELECT 1 FROM decision d WHERE d.id = s.decision_id AND d.basis ->> '$.queue' = :queue)",
        "printf(:told, q.score, :threshold)",
        score="q.score",
        source="image_issue_score q CROSS JOIN image_state s ON s.image_id = q.image_id",  # CROSS: in this order, through its index.
        order="q.score, q.image_id",
        behind="(q.score, q.image_id) > (COALESCE((SELECT b.score FROM image_issue_score b"
        " WHERE b.image_id = :after AND b.kind = :kind), -1), :after)",
    )
    threshold = image_issues.thresholds(workspace)[kind]
    return plan, {"kind": kind, "threshold": threshold, "told": image_issues.RULES[kind].told, "queue": queue}


def _confusion_plan(queue: str, parts: list[str]) -> tuple[_Plan, Mapping[str, Any]]:
    if len(parts) != 4 or not parts[0].isdigit():
        raise NotFound(
            f"{queue!r} names no confusion cell.", "Write confusion:RUN:SPLIT:GIVEN:PREDICTED, for instance confusion:3:valid:dom:eiger."
        )
    run_id, split, given, predicted = int(parts[0]), parts[1], _unquoted(parts[2]), _unquoted(parts[3])
    where = "p.run_id = :run_id AND p.split = :split AND p.given_label = :given AND p.predicted_label = :predicted"
    reason = "printf('run %d says %s, %.0f %% sure', p.run_id, p.predicted_label, 100 * p.confidence)"
    plan = _Plan(
        where,
        reason,
        score="p.confidence",
        source="prediction p CROSS JOIN image_state s ON s.image_id = p.image_id",
        order="p.image_id",
        behind="p.image_id > :after",
    )
    return plan, {"run_id": run_id, "split": split, "given": given, "predicted": predicted}


def _item(row: sqlite3.Row) -> QueueItem:
    return QueueItem(
        image_id=row["image_id"],
        digest=row["digest"],
        path=row["path"],
        label=row["label"],
        verdict=row["verdict"],
        is_reviewed=bool(row["is_reviewed"]),
        reason=row["queue_reason"] or "",
        score=row["score"],
        decision_id=row["decision_id"],
    )


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A")


def _unquoted(name: str) -> str:
    return name.replace("%3A", ":").replace("%25", "%")
