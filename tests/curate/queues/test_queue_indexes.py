"""Queues and filters are read through indexes, so that a page of a million images takes milliseconds."""

import pytest

from peakid.curate.queues import queue_plans, queue_sql, selections
from peakid.curate.queues.filters import Filters, conditions

EVERY_QUEUE = [
    *("worth", "unreviewed", "flagged", "excluded", "all", "conflicts", "model-disagrees", "uncertain"),
    *("label-issues", "label-issues:all", "suggestions", "suggestions:useful", "audit:labels:100"),
    *("recent", "sample", "sample:7", "class:dom", "issue:dark", "confusion:1:valid:dom:eiger"),
    *("errors:1:valid", "errors:1:test:all", "won:1:2:valid"),
    *("selection:1", "image:1"),
    *("outliers", "outliers:dom", "alone", "irrelevant", f"similar:{'f' * 64}"),
]
EVERY_FILTER = [
    *(Filters(class_name="dom"), Filters(split="test"), Filters(source="zip")),
    *(
        Filters(ranges="sharpness=..0.5"),
        Filters(ranges="confidence=0.5..,megapixels=1..2,label_quality=..0.3"),
    ),
    *(Filters(issue="dark"), Filters(tag="x"), Filters(text="abcd")),
    *(Filters(**{name: date}) for name in ("added", "taken") for date in ("2026", "2026-11", "2026-11-21")),
]


@pytest.fixture(autouse=True)
def searched_file(workspace):
    """The list of images similar to a file."""
    with workspace.transaction() as connection:
        row = ("f" * 64, "upload.jpg", 1, 0, "now")
        connection.execute(
            "INSERT INTO ranked_list (digest, name, set_id, n_images, used_at) VALUES (?, ?, ?, ?, ?)", row
        )


def plans_of(workspace, sql, parameters):
    rows = workspace.query(f"EXPLAIN QUERY PLAN {sql}", {**parameters, "limit": 60, "most": 60})
    return [row["detail"] for row in rows]


def scans(details):
    """The lines of a query plan that read a whole table, except virtual and small tables."""
    return [
        line
        for line in details
        if line.startswith("SCAN")
        and "VIRTUAL TABLE INDEX" not in line
        and "USING COVERING INDEX" not in line
    ]


@pytest.mark.parametrize("has_fit", [False, True])
@pytest.mark.parametrize("queue", EVERY_QUEUE)
def test_every_queue_is_paged_through_an_index_and_never_sorted(workspace, plant, queue, has_fit):
    plant({"a": "dom"})
    selections.create(workspace, [1], actor="human:anna")
    if has_fit:  # "worth" then begins with the label issues of the live head.
        with workspace.transaction() as connection:
            connection.execute("INSERT INTO head_fit VALUES (1, 1, '', 1, 0, 0, 0, 0, 0, 0, '')")
    for segment in queue_plans.plan(workspace, queue):
        for key in ((), (1,) * len(segment.key or "1")):
            details = plans_of(workspace, *queue_sql.page_sql(segment, key=key))
            # SQLite also calls reading an index from its start a scan.
            walks = [
                line
                for line in scans(details)
                if line not in ("SCAN s", "SCAN k") and "USING INDEX" not in line
            ]
            assert not walks, details
            assert not [line for line in details if "TEMP B-TREE" in line], details


@pytest.mark.parametrize("filters", EVERY_FILTER, ids=lambda filters: "-".join(filters.given()))
def test_every_filter_uses_an_index_and_returns_images_in_order(workspace, plant, filters):
    plant({"a": "dom"})
    selections.create(workspace, [1], actor="human:anna")
    for queue in ("unreviewed", "all", "flagged"):  # The others have an order of their own.
        (segment,), made = queue_plans.plan(workspace, queue), conditions(workspace, filters)
        for key in ((), (1,)):
            details = plans_of(workspace, *queue_sql.page_sql(segment, made, lead=made[0], key=key))
            assert not scans(details), details
            # The images in a range are at most `ranges.MOST_LISTED`, which are sorted.
            assert filters.ranges or not [line for line in details if "TEMP B-TREE" in line], details
    for queue in EVERY_QUEUE:  # Checked for the images of a queue, a filter reads rows by their key.
        for segment in queue_plans.plan(workspace, queue):
            details = plans_of(workspace, *queue_sql.page_sql(segment, conditions(workspace, filters)))
            assert not [line for line in details[1:] if line in scans(details)], details
