"""Decide how a queue with filters is read: by which index, and in which order the filters are checked."""

import functools
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace

from peakid.curate.queues import filters as filtering
from peakid.curate.queues import queue_plans
from peakid.curate.queues.filters import Condition, Filters, SqlValue
from peakid.curate.queues.queue_plans import Segment
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace

_PAGE = 240  # Images of a page, which a ranked queue finds in its own order among N / share of a filter.
_LEAST_SORTED = 15_000  # Images of a filter up to which they are sorted; of very many images, more.
_ROWS_SORTED = 2  # Images of a filter that are read and sorted in the time of checking one of the queue,
_ROWS_NOTED = 15  # or whose ids alone are noted for a look-up.
_MOST_LISTED = 5_000  # Images of a filter that are looked up once for all segments of a queue.
_MOST_PEEKED = 1_000  # Images of a queue that are counted to see whether it is smaller than a filter,
_PEEKED_SHARE = 0.05  # or this share of the images of the filter.
_MOST_READ = 300_000  # Beyond it a filter passes so many images that the queue's own order soon fills a page.


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
    tables, where, parameters = joined(segment, conditions, lead)
    columns = segment.key or ((lead or segment).image_id,)
    names = [f"key_{n}" for n in range(len(columns))]
    if key:
        bounds = ", ".join(f":{name}" for name in names)
        where += f" AND ({', '.join(columns)}) {'<' if segment.is_descending else '>'} ({bounds})"
    keys = ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
    sql = (
        f"SELECT {keys}, {segment.reason} AS queue_reason, {segment.score} AS score,"
        f" {segment.predicted} AS predicted, {_COLUMNS} FROM {tables}"
    )
    parameters |= dict(zip(names, key, strict=False))
    return f"{sql} WHERE {where} ORDER BY {_order(segment, columns)} LIMIT :limit", parameters


def ids_sql(
    segment: Segment, conditions: Sequence[Condition], *, lead: Condition | None
) -> tuple[str, dict[str, SqlValue]]:
    """Return the SQL of the image ids of a segment in its order, and its parameters, except `limit`."""
    tables, where, parameters = joined(segment, conditions, lead, is_shown=False)
    order = _order(segment, segment.key or ((lead or segment).image_id,))
    return f"SELECT s.image_id FROM {tables} WHERE {where} ORDER BY {order} LIMIT :limit", parameters


def _order(segment: Segment, columns: Sequence[str]) -> str:
    return ", ".join(f"{column} DESC" if segment.is_descending else column for column in columns)


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


def joined(
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


def lead_of(workspace: Workspace, segment: Segment, conditions: Sequence[Condition]) -> Condition | None:
    """Return the filter whose index is read: the rarest, if the queue is fuller; None for the queue's own.

    For a ranked queue the filter must be rare enough, because its images have to be sorted.
    """
    if not conditions:
        return None
    n_least, rarest = min(((_size(workspace, each), each) for each in conditions), key=lambda each: each[0])
    if n_least >= (most_sorted(workspace) if segment.key else _MOST_READ):
        return None
    if segment.kept:
        return None if kept(workspace, segment) <= n_least else rarest
    most = min(n_least, max(_MOST_PEEKED, int(_PEEKED_SHARE * n_least)))
    n_queue, _ = count_segment(workspace, segment, (), most + 1)
    return None if n_queue <= most else rarest


def with_noted(
    workspace: Workspace, segment: Segment, conditions: Sequence[Condition], lead: Condition | None
) -> Sequence[Condition]:
    """Return the conditions for a ranked queue that is read in its own order.

    The ids that pass the rarest filter are noted first: an image that does not pass costs one look-up in
    memory, instead of the rows that the queue and the filter have of it.
    """
    is_of_state = segment.table.startswith("image_state ")  # Whose row is read in any case.
    if lead is not None or not conditions or not segment.key or is_of_state:
        return conditions
    n, rarest = min(((_size(workspace, each), each) for each in conditions), key=lambda each: each[0])
    if n > _most(workspace, _ROWS_NOTED):
        return conditions
    # The plus keeps SQLite from reading the noted images one by one and sorting them.
    passing = f"SELECT {rarest.image_id} FROM {_counted(rarest)}"
    check = rarest.check_in(segment.table, segment.parameters)  # Few of them may not pass.
    noted = replace(rarest, check=f"+{segment.image_id} IN ({passing}) AND {check}", own_check={})
    return [noted if each is rarest else each for each in conditions]


def most_sorted(workspace: Workspace) -> int:
    """Return the images of a filter up to which sorting them is faster than a ranked queue's own order."""
    return max(_LEAST_SORTED, _most(workspace, _ROWS_SORTED))


def _most(workspace: Workspace, n_at_once: int) -> int:
    """Return up to how many images of a filter reading all of them is faster than checking a queue.

    A page is found among `_PAGE` N / n images of the queue, where n of N images pass the filter.

    Args:
        n_at_once: Images of the filter that are read in the time of checking one of the queue.
    """
    row = workspace.one("SELECT COALESCE(SUM(n), 0) FROM state_count")
    return math.isqrt(n_at_once * _PAGE * (row[0] if row else 0))


def narrowed(workspace: Workspace, segments: Sequence[Segment], filters: Filters) -> list[Condition]:
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
    tables, where, parameters = joined(queue_plans.plan(workspace, "all")[0], conditions, rarest)
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
    parameters = tuple(sorted(condition.parameters.items()))
    return _estimated(workspace, _counted(condition), parameters, int(time.monotonic() / 60))


def _counted(condition: Condition) -> str:
    return condition.counted or f"{condition.table} WHERE {condition.where}"


@functools.lru_cache(64)
def _estimated(
    workspace: Workspace, counted: str, parameters: tuple[tuple[str, SqlValue], ...], _minute: int
) -> int:
    """Count the images that pass a filter, cached for a minute: it only decides which index is read."""
    row = workspace.one(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {counted} LIMIT {_MOST_READ})", dict(parameters)
    )
    return int(row[0]) if row else 0


def kept(workspace: Workspace, segment: Segment) -> int:
    """Return how many images a segment has, where `state_count` counts it."""
    row = workspace.one(
        f"SELECT COALESCE(SUM(n), 0) FROM state_count WHERE {segment.kept}", segment.parameters
    )
    return int(row[0]) if row else 0


def count_segment(
    workspace: Workspace,
    segment: Segment,
    conditions: Sequence[Condition],
    most_read: int,
    *,
    most: int | None = None,
) -> tuple[int, int]:
    """Count the images of a segment; return (count, rows read).

    Args:
        most_read: Rows of its index, or of that of a filter, after which counting stops.
        most: Images after which it stops; None = as many as there are rows.
    """
    lead = lead_of(workspace, segment, conditions)
    tables, _, parameters = joined(segment, conditions, lead, is_shown=False)
    checks = _checks(segment, [each for each in conditions if each is not lead])
    read = [segment.where] if lead is None else [lead.where, segment.where]
    if lead is not None and segment.kept:  # The rows of the filter alone are counted as read.
        read, checks = [lead.where], [segment.where, *checks]
    # CASE, because SQLite computes both sides of an AND that is not a condition.
    is_in = f"CASE WHEN {' AND '.join(checks or ['1'])} THEN 1 ELSE 0 END"
    rows_read = f"SELECT {is_in} AS is_in FROM {tables} WHERE {' AND '.join(read)} LIMIT :most_read"
    parameters = {**parameters, "most_read": most_read}
    if most is None or most >= most_read:  # It cannot stop earlier.
        counted = workspace.one(f"SELECT COALESCE(SUM(is_in), 0), COUNT(*) FROM ({rows_read})", parameters)
        return (int(counted[0]), int(counted[1])) if counted else (0, 0)
    rows = workspace.connection().execute(rows_read, parameters)
    n = n_read = 0
    for (is_one,) in rows:
        n, n_read = n + is_one, n_read + 1
        if n == most:
            break
    return n, n_read
