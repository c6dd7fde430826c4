"""Count what a queue is made of: its classes, sources, splits and issues, and how its measures are spread."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.curate import image_issues
from peakid.curate.queues import ranges, review_queue
from peakid.curate.queues.filters import NO_FILTERS, Filters, SqlValue
from peakid.curate.queues.ranges import Range
from peakid.store.workspace import Workspace

MOST_COUNTED = 20_000  # Images: the first of a fuller queue are counted, in a fraction of a second.
N_BINS = 24
FIELDS = {"class": "class_name", "source": "source", "split": "split", "issue": "issue"}  # Of Filters.
MOST_VALUES = 200  # Of one facet, the most frequent first.


@dataclass(frozen=True)
class ValueCount:
    """How many images have a value, such as a class."""

    value: str
    n: int


@dataclass(frozen=True)
class Histogram:
    """How a measure is spread over the images that have it.

    Attributes:
        edges: N_BINS + 1 ends of bins, ascending. The first and the last bin reach to the extremes;
            the others share what lies between the 1st and the 99th percentile.
        counts: One count a bin.
    """

    measure: str
    title: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Facets:
    """What the first `n_images` of a queue are made of; `is_part`: there are more.

    Attributes:
        values: By the name of a filter: class, source, split, issue.
    """

    n_images: int
    is_part: bool
    values: dict[str, tuple[ValueCount, ...]]
    histograms: tuple[Histogram, ...]


def of_queue(workspace: Workspace, queue: str, *, filters: Filters = NO_FILTERS) -> Facets:
    """Count what the images of a queue are made of.

    Raises:
        NotFound: If there is no such queue, or a filter names a class or issue that does not exist.
        BadInput: If a filter has an invalid value.
    """

    def first(narrowed: Filters) -> list[int]:
        return review_queue.image_ids(workspace, queue, filters=narrowed, most=MOST_COUNTED + 1)

    found = first(filters)
    # Beside its own choice, a facet shows what else could be chosen.
    own = {name: first(_without(filters, name)) for name in filters.given() if name in FIELDS.values()}
    active = {each.measure for each in ranges.parse(filters.ranges)} if filters.ranges else set()
    own_ranges = {name: first(_without_range(filters, name)) for name in active}
    return Facets(
        n_images=min(len(found), MOST_COUNTED),
        is_part=len(found) > MOST_COUNTED,
        values={
            name: _values(workspace, own.get(FIELDS[name], found)[:MOST_COUNTED], sql, parameters)
            for name, (sql, parameters) in _facets(workspace).items()
        },
        histograms=tuple(
            histogram
            for name in ranges.MEASURES
            if (histogram := _histogram(workspace, name, own_ranges.get(name, found)[:MOST_COUNTED]))
        ),
    )


def _without(filters: Filters, field: str) -> Filters:
    return Filters(**{name: value for name, value in filters.given().items() if name != field})


def _without_range(filters: Filters, measure: str) -> Filters:
    rest = ranges.with_range(filters.ranges, Range(measure, None, None))
    return Filters(**{**filters.given(), "ranges": rest})


def _facets(workspace: Workspace) -> dict[str, tuple[str, dict[str, SqlValue]]]:
    """Return SELECT of value and number of images {ids}, with its parameters, by the name of a filter.

    CROSS JOIN: SQLite would read all other rows first, and the list of images again for each.
    """
    snapshot = workspace.one("SELECT id FROM snapshot ORDER BY frozen_at DESC, id DESC LIMIT 1")
    thresholds = image_issues.thresholds(workspace)
    below = " ".join(f"WHEN '{kind}' THEN {value!r}" for kind, value in thresholds.items())
    return {
        "class": (
            "SELECT c.name AS value, COUNT(*) AS n FROM {ids} f CROSS JOIN image_state s"
            " ON s.image_id = f.value JOIN class c ON c.id = s.class_id GROUP BY c.id",
            {},
        ),
        "source": (
            "SELECT o.source AS value, COUNT(DISTINCT o.image_id) AS n FROM {ids} f"
            " CROSS JOIN origin o ON o.image_id = f.value GROUP BY o.source",
            {},
        ),
        "split": (
            "SELECT t.split AS value, COUNT(*) AS n FROM {ids} f CROSS JOIN snapshot_item t"
            " ON t.snapshot_id = :snapshot AND t.image_id = f.value GROUP BY t.split",
            {"snapshot": snapshot["id"] if snapshot else -1},
        ),
        "issue": (
            "SELECT g.kind AS value, COUNT(*) AS n FROM {ids} f CROSS JOIN image_issue_score g"
            f" ON g.image_id = f.value AND g.score < CASE g.kind {below} END GROUP BY g.kind",
            {},
        ),
    }


def _values(
    workspace: Workspace, ids: Sequence[int], sql: str, parameters: dict[str, SqlValue]
) -> tuple[ValueCount, ...]:
    rows = workspace.query(
        f"SELECT * FROM ({sql.format(ids='json_each(:ids)')}) ORDER BY n DESC, value LIMIT {MOST_VALUES}",
        {**parameters, "ids": json.dumps(ids)},
    )
    return tuple(ValueCount(row["value"], row["n"]) for row in rows)


def _histogram(workspace: Workspace, name: str, ids: Sequence[int]) -> Histogram | None:
    """Return how a measure is spread, None where no image has it."""
    if not ranges.is_known(workspace, name):
        return None
    values = np.array(ranges.values(workspace, name, ids), dtype=np.float64)
    if not len(values):
        return None
    low, high = np.percentile(values, (1, 99))  # A single huge photo would leave one bin for all others.
    if low == high:
        low, high = values.min(), values.max()
    counts, _ = np.histogram(values.clip(low, high), bins=N_BINS, range=(low, high))
    edges = np.linspace(low, high, N_BINS + 1)
    edges[0], edges[-1] = values.min(), values.max()
    return Histogram(name, ranges.MEASURES[name].title, tuple(edges.tolist()), tuple(counts.tolist()))
