"""Read the review queues: their pages and counts, and which images are in them."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from peakid.curate import image_issues
from peakid.curate.queues import cursors, queue_plans, queue_sql, suggested
from peakid.curate.queues import filters as filtering
from peakid.curate.queues.filters import NO_FILTERS, Condition, Filters
from peakid.curate.queues.queue_plans import FIXED_QUEUES, WORTH, class_queue, issue_queue
from peakid.curate.queues.run_errors import confusion_queue, errors_queue
from peakid.errors import NotFound
from peakid.records import QueueItem
from peakid.store.workspace import Workspace

__all__ = ["FIXED_QUEUES", "WORTH", "class_queue", "confusion_queue", "errors_queue", "issue_queue"]

MOST_COUNTED = 10_000  # Counting further takes longer than reading a page.
_MOST_READ_TO_COUNT = 5_000  # About 25 ms.
MOST_ON_A_CHIP = 1_000  # A dozen queues are counted after every keystroke.


@dataclass(frozen=True)
class QueueCount:
    """How many images are in a queue. With `is_more`, counting stopped at `n`."""

    queue: str
    n: int
    is_more: bool = False


def counts(workspace: Workspace) -> dict[str, int]:
    """Return the number of images in each of the fixed queues, by name."""
    return {name: count(workspace, name) for name in FIXED_QUEUES}


def count(
    workspace: Workspace, queue: str, *, filters: Filters = NO_FILTERS, most: int = MOST_COUNTED
) -> int:
    """Return the number of images in one queue, counted as far as `count_up_to` does.

    Raises:
        NotFound: If there is no such queue, or a filter names a class or issue that does not exist.
        BadInput: If a filter has an invalid value.
    """
    return count_up_to(workspace, queue, filters=filters, most=most).n


def count_up_to(
    workspace: Workspace, queue: str, *, filters: Filters = NO_FILTERS, most: int = MOST_COUNTED
) -> QueueCount:
    """Count the images in one queue: exactly where a count is stored, else up to `most`, in limited time.

    Raises:
        NotFound: If there is no such queue, or a filter names a class or issue that does not exist.
        BadInput: If a filter has an invalid value.
    """
    segments = queue_plans.plan(workspace, queue)
    conditions = queue_sql.narrowed(workspace, segments, filters)
    if not conditions and segments[0].kept:
        return QueueCount(queue, queue_sql.kept(workspace, segments[0]))
    found, left = 0, _MOST_READ_TO_COUNT if conditions else most
    for segment in segments:
        n, n_read = queue_sql.count_segment(workspace, segment, conditions, left, most=most - found)
        found, left = found + n, left - n_read
        if found >= most or left <= 0:
            return QueueCount(queue, min(found, most), is_more=True)
    return QueueCount(queue, found)


def offered(workspace: Workspace) -> list[QueueCount]:
    """Return the queues that are not empty: "worth" first, then the fullest first."""
    names = [*FIXED_QUEUES[:3], "conflicts", "model-disagrees", "uncertain"]
    names += [suggested.LABEL_ISSUES, suggested.SUGGESTIONS]
    names += [issue_queue(kind) for kind, n in image_issues.counts(workspace).items() if n]
    found = [count_up_to(workspace, queue, most=MOST_ON_A_CHIP) for queue in [WORTH, *names]]
    found[1:] = sorted(found[1:], key=lambda each: -each.n)
    return [each for each in found if each.n]


def first_offered(workspace: Workspace) -> str:
    """Return the queue to open first: "worth" unless it is empty, else "unreviewed"."""
    return WORTH if page(workspace, WORTH, limit=1) else "unreviewed"


def exists(workspace: Workspace, queue: str) -> bool:
    """Return whether there is a queue of this name; it may be empty."""
    try:
        queue_plans.plan(workspace, queue)
    except NotFound:
        return False
    return True


def by_class(workspace: Workspace) -> list[QueueCount]:
    """Count the images of every class that is not retired, in key order."""
    rows = workspace.query(
        "SELECT c.name, COALESCE((SELECT SUM(n) FROM state_count k"
        " WHERE k.class_id = c.id AND k.verdict IN ('label', 'flag')), 0) AS n"
        " FROM class c WHERE c.is_retired = 0 ORDER BY c.position, c.id"
    )
    return [QueueCount(class_queue(row["name"]), row["n"]) for row in rows]


def page(
    workspace: Workspace,
    queue: str,
    *,
    limit: int = 60,
    after: str | int | None = None,
    filters: Filters = NO_FILTERS,
) -> list[QueueItem]:
    """Return a page of a queue: oldest image first, or most urgent first where the queue ranks them.

    Args:
        queue: `worth`, `unreviewed`, `flagged`, `excluded`, `conflicts`, `model-disagrees`, `uncertain`,
            `label-issues`, `label-issues:all`, `suggestions`, `suggestions:useful`, `audit:labels:N`,
            `audit:STEP`, `recent`, `sample` or `sample:SEED`, `all`,
            `class:NAME`, `issue:KIND`, `errors:RUN:SPLIT`, `errors:RUN:SPLIT:all`, or
            `confusion:RUN:SPLIT:GIVEN:PREDICTED` with the class names quoted as in a URL (`%3A` for a colon).
        after: The `cursor` of the last item of the previous page. Pages are by key, so a decision made
            meanwhile neither repeats nor skips an image. An invalid cursor returns the first page.

    Raises:
        NotFound: If there is no such queue, or a filter names a class or issue that does not exist.
        BadInput: If a filter has an invalid value.
    """
    segments = queue_plans.plan(workspace, queue)
    conditions = queue_sql.narrowed(workspace, segments, filters)
    first, key = cursors.position(segments, after)
    found: list[QueueItem] = []
    for n, segment in enumerate(segments[first:], first):
        lead = queue_sql.lead_of(workspace, segment, conditions)
        checked = queue_sql.with_noted(workspace, segment, conditions, lead)
        sql, parameters = queue_sql.page_sql(segment, checked, lead=lead, key=key)
        rows = workspace.query(sql, {**parameters, "limit": limit - len(found)})
        found += [_item(row, cursors.text(n, segment, row)) for row in rows]
        key = ()
        if len(found) >= limit:
            break
    return found


def image_ids(
    workspace: Workspace, queue: str, *, filters: Filters = NO_FILTERS, most: int = MOST_COUNTED
) -> list[int]:
    """Return the ids of the first `most` images of a queue, in its order.

    Raises:
        NotFound: If there is no such queue, or a filter names a class or issue that does not exist.
        BadInput: If a filter has an invalid value.
    """
    segments = queue_plans.plan(workspace, queue)
    conditions = queue_sql.narrowed(workspace, segments, filters)
    found: list[int] = []
    for segment in segments:
        lead = queue_sql.lead_of(workspace, segment, conditions)
        checked = queue_sql.with_noted(workspace, segment, conditions, lead)
        sql, parameters = queue_sql.ids_sql(segment, checked, lead=lead)
        found += [row[0] for row in workspace.query(sql, {**parameters, "limit": most - len(found)})]
    return found


def items(workspace: Workspace, digests: Sequence[str]) -> list[QueueItem]:
    """Return these images in their present state, in the given order. Unknown digests are left out."""
    named = _with_digest(digests)
    sql, parameters = queue_sql.page_sql(queue_plans.plan(workspace, "all")[0], [named], lead=named)
    found = {row["digest"]: _item(row) for row in workspace.query(sql, {**parameters, "limit": len(digests)})}
    return [found[digest] for digest in digests if digest in found]


def waiting(
    workspace: Workspace, queue: str, digests: Sequence[str], *, filters: Filters = NO_FILTERS
) -> set[str]:
    """Return which of these images are in the queue now.

    Raises:
        NotFound: If there is no such queue.
    """
    conditions = [_with_digest(digests), *filtering.conditions(workspace, filters)]
    found: set[str] = set()
    for segment in queue_plans.plan(workspace, queue):
        tables, where, parameters = queue_sql.joined(segment, conditions, conditions[0])
        found |= {
            row["digest"]
            for row in workspace.query(f"SELECT i.digest FROM {tables} WHERE {where}", parameters)
        }
    return found


def _with_digest(digests: Sequence[str]) -> Condition:
    parameters = {f"digest_{n}": digest for n, digest in enumerate(digests)}
    where, n_images = f"digest IN ({', '.join(f':{name}' for name in parameters)})", len(parameters)
    return Condition(f"i.{where}", "image f", "f.id", f"f.{where}", n_images=n_images, parameters=parameters)


def _item(row: sqlite3.Row, cursor: str = "") -> QueueItem:
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
        cursor=cursor,
        tags=tuple(json.loads(row["tags"])),
        note=row["note"],
        also_shows=tuple(json.loads(row["also_shows"])),
        origin_url=row["origin_url"],
        licence=row["licence"],
        author=row["author"],
        is_typical=bool(row["is_typical"]),
        predicted=row["predicted"],
    )
