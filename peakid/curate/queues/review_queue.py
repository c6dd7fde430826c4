"""Read the review queues: their pages and counts, and which images are in them."""

import functools
import json
import math
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from peakid.curate import image_issues
from peakid.curate.queues import cursors, queue_plans, suggested
from peakid.curate.queues import filters as filtering
from peakid.curate.queues.filters import NO_FILTERS, Condition, Filters, SqlValue
from peakid.curate.queues.queue_plans import (
    FIXED_QUEUES,
    WORTH,
    Segment,
    class_queue,
    issue_queue,
)
from peakid.curate.queues.run_errors import confusion_queue, errors_queue
from peakid.errors import NotFound
from peakid.records import QueueItem
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace

__all__ = ["FIXED_QUEUES", "WORTH", "class_queue", "confusion_queue", "errors_queue", "issue_queue"]

MOST_COUNTED = 10_000  # Counting further takes longer than reading a page.
MOST_ON_A_CHIP = 1_000  # A dozen queues are counted after every keystroke.
_PAGE = 240  # Images of a page, which a ranked queue finds in its own order among N / share of a filter.
_LEAST_SORTED = 15_000  # Images of a filter up to which they are sorted; of very many images, more.
_ROWS_SORTED = 2  # Images of a filter that are read and sorted in the time of checking one of the queue.
_MOST_LISTED = 5_000  # Images of a filter that are looked up once for all segments of a queue.
_MOST_PEEKED = 1_000  # Images of a queue that are counted to see whether it is smaller than a filter,
_PEEKED_SHARE = 0.05  # or this share of the images of the filter.
_MOST_READ_TO_COUNT = 5_000  # About 50 ms.
_MOST_READ = 300_000  # Beyond it a filter passes so many images that the queue's own order soon fills a page.


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
    conditions = _narrowed(workspace, segments, filters)
    if not conditions and segments[0].kept:
        return QueueCount(queue, _kept(workspace, segments[0]))
    found, left = 0, _MOST_READ_TO_COUNT if conditions else most
    for segment in segments:
        n, n_read = _count_segment(workspace, segment, conditions, left)
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
    conditions = _narrowed(workspace, segments, filters)
    first, key = cursors.position(segments, after)
    found: list[QueueItem] = []
    for n, segment in enumerate(segments[first:], first):
        sql, parameters = page_sql(segment, conditions, lead=_lead(workspace, segment, conditions), key=key)
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
    conditions = _narrowed(workspace, segments, filters)
    found: list[int] = []
    for segment in segments:
        lead = _lead(workspace, segment, conditions)
        tables, where, parameters = _joined(segment, conditions, lead, is_shown=False)
        sql = f"SELECT s.image_id FROM {tables} WHERE {where} LIMIT :most"
        found += [row[0] for row in workspace.query(sql, {**parameters, "most": most - len(found)})]
    return found


def items(workspace: Workspace, digests: Sequence[str]) -> list[QueueItem]:
    """Return these images in their present state, in the given order. Unknown digests are left out."""
    named = _with_digest(digests)
    sql, parameters = page_sql(queue_plans.plan(workspace, "all")[0], [named], lead=named)
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
        tables, where, parameters = _joined(segment, conditions, conditions[0])
        found |= {
            row["digest"]
            for row in workspace.query(f"SELECT i.digest FROM {tables} WHERE {where}", parameters)
        }
    return found


def page_sql(
    segment: Segment,
    conditions: Sequence[Condition] = (),
    *,
    lead: Condition | None = None,
    key: Sequence[SqlValue] = (),
) -> tuple[str, dict[str, SqlValue]]:
    """Return the SQL of one page of a segment and its parameters, except `limit`.

    Args:
        lead: The filter among `conditions` whose index is read; None for the queue's own index.
        key: Key of the last image of the previous page; empty for the first page.
    """
    tables, where, parameters = _joined(segment, conditions, lead)
    columns = segment.key or ((lead or segment).image_id,)
    names = [f"key_{n}" for n in range(len(columns))]
    if key:
        bounds = ", ".join(f":{name}" for name in names)
        where += f" AND ({', '.join(columns)}) {'<' if segment.is_descending else '>'} ({bounds})"
    order = ", ".join(f"{column} DESC" if segment.is_descending else column for column in columns)
    keys = ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
    sql = (
        f"SELECT {keys}, {segment.reason} AS queue_reason, {segment.score} AS score,"
        f" {segment.predicted} AS predicted, {_COLUMNS} FROM {tables}"
    )
    parameters |= dict(zip(names, key, strict=False))
    return f"{sql} WHERE {where} ORDER BY {order} LIMIT :limit", parameters


# Only read for the rows of the page.
_COLUMNS = (
    "s.image_id, i.digest, c.name AS label, s.verdict, s.is_reviewed, s.decision_id,"
    f" {FIRST_PATH} AS path,"
    " (SELECT json_group_array(g.tag) FROM image_tag g WHERE g.image_id = s.image_id) AS tags,"
    " (SELECT note FROM image_note n WHERE n.image_id = s.image_id) AS note,"
    " EXISTS (SELECT 1 FROM class_example e WHERE e.image_id = s.image_id AND e.class_id = s.class_id)"
    " AS is_typical,"
    " (SELECT json_group_array(b.name) FROM also_shows a JOIN class b ON b.id = a.class_id"
    " WHERE a.image_id = s.image_id) AS also_shows,"
    " (SELECT COALESCE(o.page_url, o.path) FROM origin o WHERE o.image_id = s.image_id"
    " AND (o.page_url IS NOT NULL OR o.path GLOB 'http://*' OR o.path GLOB 'https://*')"
    " ORDER BY o.id LIMIT 1) AS origin_url,"
    " (SELECT o.licence FROM origin o WHERE o.image_id = s.image_id AND o.licence IS NOT NULL"
    " ORDER BY o.id LIMIT 1) AS licence,"
    " (SELECT o.author FROM origin o WHERE o.image_id = s.image_id AND o.author IS NOT NULL"
    " ORDER BY o.id LIMIT 1) AS author"
)


def _joined(
    segment: Segment, conditions: Sequence[Condition], lead: Condition | None, *, is_shown: bool = True
) -> tuple[str, str, dict[str, SqlValue]]:
    """Return FROM, WHERE and the parameters. CROSS JOIN makes SQLite read the first table first."""
    index = f" INDEXED BY {segment.index}" if segment.index and lead is None else ""
    tables = [(segment.table + index, segment.image_id)]
    if lead is not None:
        tables.insert(0, (lead.table, lead.image_id))
    aliases = {name.split()[1] for name, _ in tables}
    needed = [("image_state s", "s.image_id")]
    if is_shown or conditions:
        needed.append(("image i", "i.id"))
    tables += [each for each in needed if each[0].split()[1] not in aliases]
    (first, first_id), *others = tables
    joined = first + "".join(f" CROSS JOIN {table} ON {image_id} = {first_id}" for table, image_id in others)
    checked = [each for each in conditions if each is not lead]
    where = [segment.where, *_checks(segment, checked), *([] if lead is None else [lead.where])]
    parameters = {name: value for each in (segment, *conditions) for name, value in each.parameters.items()}
    return f"{joined} LEFT JOIN class c ON c.id = s.class_id", " AND ".join(where), parameters


def _checks(segment: Segment, conditions: Sequence[Condition]) -> list[str]:
    return [each.check_in(segment.table, segment.parameters) for each in conditions]


def _lead(workspace: Workspace, segment: Segment, conditions: Sequence[Condition]) -> Condition | None:
    """Return the filter whose index is read: the rarest, if the queue is fuller; None for the queue's own.

    For a ranked queue the filter must be rare enough, because its images have to be sorted.
    """
    if not conditions:
        return None
    n_least, rarest = min(((_size(workspace, each), each) for each in conditions), key=lambda each: each[0])
    if n_least >= (_most_sorted(workspace) if segment.key else _MOST_READ):
        return None
    if segment.kept:
        return None if _kept(workspace, segment) <= n_least else rarest
    most = min(n_least, max(_MOST_PEEKED, int(_PEEKED_SHARE * n_least)))
    n_queue, _ = _count_segment(workspace, segment, (), most + 1)
    return None if n_queue <= most else rarest


def _most_sorted(workspace: Workspace) -> int:
    """Return the images of a filter up to which sorting them is faster than a ranked queue's own order.

    A page is found among `_PAGE` N / n images of the queue, where n of N images pass the filter.
    """
    row = workspace.one("SELECT COALESCE(SUM(n), 0) FROM state_count")
    return max(_LEAST_SORTED, math.isqrt(_ROWS_SORTED * _PAGE * (row[0] if row else 0)))


def _narrowed(workspace: Workspace, segments: Sequence[Segment], filters: Filters) -> list[Condition]:
    """Return the conditions of the filters.

    For a queue of several segments and filters that few images pass, return one condition that lists these
    images. Otherwise each segment would search for them again.
    """
    conditions = filtering.conditions(workspace, filters)
    if not conditions or len(segments) == 1:
        return conditions
    rarest = min(conditions, key=lambda each: _size(workspace, each))
    if _size(workspace, rarest) > _MOST_LISTED:
        return conditions
    tables, where, parameters = _joined(queue_plans.plan(workspace, "all")[0], conditions, rarest)
    parameters |= {name: value for segment in segments for name, value in segment.parameters.items()}
    hints = " OR ".join(dict.fromkeys(segment.hint.format("s.image_id") for segment in segments))
    ids = [
        row["image_id"]
        for row in workspace.query(f"SELECT s.image_id FROM {tables} WHERE {where} AND ({hints})", parameters)
    ]
    check, parameters = "s.image_id IN (SELECT value FROM json_each(:f_ids))", {"f_ids": json.dumps(ids)}
    return [Condition(check, "json_each(:f_ids) f", "f.value", "1", n_images=len(ids), parameters=parameters)]


def _size(workspace: Workspace, condition: Condition) -> int:
    if condition.n_images is not None:
        return condition.n_images
    counted = condition.counted or f"{condition.table} WHERE {condition.where}"
    parameters = tuple(sorted(condition.parameters.items()))
    return _estimated(workspace, counted, parameters, int(time.monotonic() / 60))


@functools.lru_cache(64)
def _estimated(
    workspace: Workspace, counted: str, parameters: tuple[tuple[str, SqlValue], ...], _minute: int
) -> int:
    """Count the images that pass a filter, cached for a minute: it only decides which index is read."""
    row = workspace.one(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {counted} LIMIT {_MOST_READ})", dict(parameters)
    )
    return int(row[0]) if row else 0


def _kept(workspace: Workspace, segment: Segment) -> int:
    row = workspace.one(
        f"SELECT COALESCE(SUM(n), 0) FROM state_count WHERE {segment.kept}", segment.parameters
    )
    return int(row[0]) if row else 0


def _count_segment(
    workspace: Workspace, segment: Segment, conditions: Sequence[Condition], most: int
) -> tuple[int, int]:
    """Count the images of a segment among the first `most` rows of its index; return (count, rows read)."""
    lead = _lead(workspace, segment, conditions)
    tables, _, parameters = _joined(segment, conditions, lead, is_shown=False)
    checked = [each for each in conditions if each is not lead]
    where = " AND ".join([segment.where, *_checks(segment, checked)])
    found = [segment.where] if lead is None else [lead.where] if segment.kept else [lead.where, segment.where]
    row = workspace.one(
        "SELECT COUNT(*), COALESCE(SUM(is_in), 0) FROM"
        f" (SELECT {where} AS is_in FROM {tables} WHERE {' AND '.join(found)} LIMIT :most)",
        {**parameters, "most": most},
    )
    return (row[1], row[0]) if row else (0, 0)


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
