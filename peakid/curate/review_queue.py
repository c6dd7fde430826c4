"""Which images wait for a judgement, in which order, and why each is there."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peakid.errors import NotFound
from peakid.records import QueueItem
from peakid.workspace import Workspace


@dataclass(frozen=True)
class _Plan:
    """A queue as SQL: `where` over image_state s (joined to `join`), ordered by image; `reason` is an SQL expression."""

    where: str
    reason: str
    join: str = ""
    score: str = "NULL"


_UNREVIEWED = "s.is_reviewed = 0 AND s.verdict IN ('label', 'clear')"  # Word for word as in its partial index.

_FIXED = {
    "unreviewed": _Plan(_UNREVIEWED, "CASE s.verdict WHEN 'clear' THEN 'no label yet' ELSE 'label from ' || s.actor END"),
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
    plan, parameters = _plan(queue)
    row = workspace.one(f"SELECT COUNT(*) FROM image_state s {plan.join} WHERE {plan.where}", parameters)
    return int(row[0]) if row else 0


def page(workspace: Workspace, queue: str, *, limit: int = 60, after: int | None = None) -> list[QueueItem]:
    """Answer a page of a queue, oldest image first.

    Args:
        queue: `unreviewed`, `flagged`, `excluded`, `all`, `class:NAME`, or `confusion:RUN:SPLIT:GIVEN:PREDICTED`
            with the two class names quoted as in a URL (`%3A` for a colon).
        after: The `image_id` of the last item of the page before; pages are by key, so a decision made meanwhile
            neither repeats nor skips an image.

    Raises:
        NotFound: If there is no such queue.
    """
    plan, parameters = _plan(queue)
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
        f"{_select(plan)} FROM image_state s JOIN image i ON i.id = s.image_id {_LABEL} {plan.join}"
        f" WHERE {plan.where} AND s.image_id > :after ORDER BY s.image_id LIMIT :limit"
    )


def _plan(queue: str) -> tuple[_Plan, Mapping[str, Any]]:
    if queue in _FIXED:
        return _FIXED[queue], {}
    kind, _, rest = queue.partition(":")
    if kind == "class" and rest:
        where = "s.class_id = (SELECT id FROM class WHERE name = :class_name) AND s.verdict IN ('label', 'flag')"
        return _Plan(where, "CASE s.is_reviewed WHEN 1 THEN 'reviewed' ELSE 'label from ' || s.actor END"), {"class_name": rest}
    if kind == "confusion":
        return _confusion_plan(queue, rest.split(":"))
    raise NotFound(f"There is no queue {queue!r}.", f"Use one of: {', '.join(_FIXED)}, class:NAME, confusion:RUN:SPLIT:GIVEN:PREDICTED.")


def _confusion_plan(queue: str, parts: list[str]) -> tuple[_Plan, Mapping[str, Any]]:
    if len(parts) != 4 or not parts[0].isdigit():
        raise NotFound(
            f"{queue!r} names no confusion cell.", "Write confusion:RUN:SPLIT:GIVEN:PREDICTED, for instance confusion:3:valid:dom:eiger."
        )
    run_id, split, given, predicted = int(parts[0]), parts[1], _unquoted(parts[2]), _unquoted(parts[3])
    join = (
        "JOIN prediction p ON p.run_id = :run_id AND p.split = :split AND p.given_label = :given"
        " AND p.predicted_label = :predicted AND p.image_id = s.image_id"
    )
    reason = "printf('run %d says %s, %.0f %% sure', p.run_id, p.predicted_label, 100 * p.confidence)"
    return _Plan("1", reason, join, "p.confidence"), {"run_id": run_id, "split": split, "given": given, "predicted": predicted}


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
