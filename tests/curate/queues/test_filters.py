"""Filters select the right images, alone and combined, whichever index is read."""

import itertools

import pytest

from peakid.curate import remarks
from peakid.curate.queues import queue_plans, queue_sql, ranges, review_queue
from peakid.curate.queues.filters import Filters, conditions
from peakid.errors import BadInput, NotFound
from peakid.records import QueueItem

ANNA = "human:anna"


@pytest.fixture
def nine(workspace, plant):
    """Images a-i: three per class, half with each property, so that no two filters select the same."""
    digests = plant({name: ("dom", "eiger", "monch")[n // 3] for n, name in enumerate("abcdefghi")})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks,"
            " n_unreviewed, actor, created_at, frozen_at)"
            " VALUES (?, 's', 0, '{}', '[]', 2, 2, 0, 2, 'x', 'now', 'now')",
            ("0" * 64,),
        )
        for image_id in range(1, 10):
            split = ("train", "test")[image_id % 2]
            connection.execute("INSERT INTO snapshot_item VALUES (1, ?, 'dom', ?, '')", (image_id, split))
            connection.execute(
                "UPDATE image SET added_at = ? WHERE id = ?", (f"2026-0{image_id}-05T10:00:00.000Z", image_id)
            )
            if image_id % 3:
                connection.execute(
                    "INSERT INTO image_measure VALUES (?, .5, .9, .1, .2, .5, 7, 40, 1, 0, ?, NULL, 1, NULL)",
                    (image_id, f"201{image_id}-01-02T03:04:05"),
                )
                connection.execute(
                    "INSERT INTO image_issue_score VALUES ('dark', ?, ?)", (image_id / 20, image_id)
                )
        # Image i has two more origins in a zip.
        for path in ("first.jpg", "second.jpg"):
            connection.execute(
                "INSERT INTO origin (image_id, acquisition_id, source, path, created_at)"
                " VALUES (9, 1, 'zip', ?, 'now')",
                (path,),
            )
    remarks.tag(workspace, [digests[name] for name in "cdh"], "glacier", actor=ANNA)
    remarks.note(workspace, digests["e"], "A 100% sure Note", actor=ANNA)
    return digests


ALONE = [
    (Filters(class_name="eiger"), "def"),
    (Filters(split="test"), "acegi"),
    (Filters(source="zip"), "i"),
    (Filters(added="2026"), "abcdefghi"),
    (Filters(added="2026-04"), "d"),
    (Filters(added="2026-04-05"), "d"),
    (Filters(taken="2014"), "d"),
    (Filters(taken="2014-01-02"), "d"),
    (Filters(issue="dark"), "abde"),  # Scores .05 .1 .2 .25 below .32; .35 and .4 are not.
    (Filters(tag="glacier"), "cdh"),
    (Filters(text="eiger"), "def"),
    (Filters(text="EIGER/D"), "d"),
    (Filters(text="100% sure"), "e"),
    (Filters(text="second.j"), "i"),
    (Filters(ranges="sharpness=0.5..0.5"), "abdegh"),
    (Filters(ranges="sharpness=..0.4"), ""),
    (Filters(ranges="megapixels=..1,brightness=0.1..0.9,contrast=..0.2"), "abdegh"),
    (Filters(text="100_ sure"), ""),  # Wildcards of SQL are plain characters here.
]


@pytest.mark.parametrize(("filters", "expected"), ALONE)
def test_each_filter_selects_the_same_images_in_every_queue(workspace, nine, filters, expected):
    found = review_queue.page(workspace, "unreviewed", filters=filters)
    assert [item.digest for item in found] == [nine[name] for name in expected]
    assert review_queue.count(workspace, "unreviewed", filters=filters) == len(expected)
    assert {item.digest for item in review_queue.page(workspace, "worth", filters=filters)} == {
        nine[n] for n in expected if n in "abde"
    }


def test_filters_combine_whichever_index_is_read(workspace, nine):
    for (one, first), (two, second) in itertools.combinations(ALONE, 2):
        if set(one.given()) & set(two.given()):
            continue
        both = Filters(**one.given(), **two.given())
        expected = [nine[name] for name in first if name in second]
        for queue in ("unreviewed", "all"):
            assert [item.digest for item in review_queue.page(workspace, queue, filters=both)] == expected
        (segment,) = queue_plans.plan(workspace, "unreviewed")
        made = conditions(workspace, both)
        for lead in (None, *made):
            sql, parameters = queue_sql.page_sql(segment, made, lead=lead)
            assert [row["digest"] for row in workspace.query(sql, {**parameters, "limit": 9})] == expected


def test_filtered_pages_continue_after_the_last_image(workspace, nine):
    def paged(queue: str, filters: Filters) -> list[QueueItem]:
        found, after = [], None
        while page := review_queue.page(workspace, queue, limit=1, after=after, filters=filters):
            found += page
            after = page[-1].cursor
        return found

    assert [item.digest for item in paged("unreviewed", Filters(split="test"))] == [
        nine[name] for name in "acegi"
    ]
    assert [item.digest for item in paged("issue:dark", Filters(split="test"))] == [
        nine[name] for name in "ae"
    ]
    assert [item.digest for item in paged("worth", Filters(split="test"))] == [nine[name] for name in "ae"]


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        (Filters(class_name="k2"), NotFound),
        (Filters(split="dev"), BadInput),
        (Filters(added="last week"), BadInput),
        (Filters(taken="2026-1"), BadInput),
        (Filters(issue="ugly"), NotFound),
        (Filters(text="ab"), BadInput),
        *(
            (Filters(ranges=text), BadInput)
            for text in ("beauty=1..2", "sharpness", "sharpness=1", "brightness=a..")
        ),
        (Filters(ranges="sharpness=nan..1"), BadInput),
    ],
)
def test_an_invalid_filter_is_an_error(workspace, filters, error):
    with pytest.raises(error):
        review_queue.page(workspace, "all", filters=filters)


def test_ranges_that_most_images_pass_are_read_in_the_order_of_the_queue(workspace, nine, monkeypatch):
    monkeypatch.setattr(ranges, "MOST_LISTED", 2)
    wide = Filters(ranges="sharpness=0.1..0.9,colourfulness=30..")
    for queue in ("all", "unreviewed"):
        found = [item.digest for item in review_queue.page(workspace, queue, filters=wide)]
        assert found == [nine[name] for name in "abdegh"]
    assert review_queue.count(workspace, "all", filters=wide) == 6
    assert review_queue.image_ids(workspace, "all", filters=wide, most=3) == [1, 2, 4]


def test_a_range_of_confidence_is_of_the_newest_run(workspace, nine, add_run):
    for confidence in (0.9, 0.2):
        add_run(nine, ("a", "valid", "dom", "dom", confidence), ("b", "train", "dom", "dom", 0.2))
    found = review_queue.page(workspace, "all", filters=Filters(ranges="confidence=..0.5"))
    assert [item.digest for item in found] == [nine["a"]]
    assert review_queue.page(workspace, "all", filters=Filters(ranges="confidence=0.5..")) == []


def test_ranges_are_written_as_they_are_read():
    text = "sharpness=..0.3,megapixels=1.5.."
    assert ranges.text_of(ranges.parse(text)) == text
    assert ranges.parse("sharpness=1..2,sharpness=0..3") == (ranges.Range("sharpness", 0, 3),)


def test_an_unused_source_or_tag_selects_no_image(workspace, nine):
    assert review_queue.page(workspace, "all", filters=Filters(source="csv")) == []
    assert review_queue.page(workspace, "all", filters=Filters(tag="glaciers", text="eiger")) == []


def test_text_follows_a_file_that_moved(workspace, nine):
    with workspace.transaction() as connection:
        connection.execute("UPDATE origin SET path = 'elsewhere/new.jpg' WHERE image_id = 4")
    assert [
        item.digest for item in review_queue.page(workspace, "all", filters=Filters(text="elsewhere"))
    ] == [nine["d"]]
    assert review_queue.page(workspace, "all", filters=Filters(text="eiger/d")) == []


@pytest.mark.parametrize("queue", ["all", "model-disagrees", "uncertain", "errors:1:valid", "errors:2:valid"])
def test_a_range_of_confidence_passes_the_same_images_where_very_many_do(
    workspace, nine, add_run, monkeypatch, queue
):
    # The older run was wrong about c, the newer one about a, b and d.
    add_run(nine, *((name, "valid", "dom", "eiger" if name == "c" else "dom", 0.45) for name in "abcd"))
    rows = (("a", 0.9), ("b", 0.4), ("c", 0.3), ("d", 0.2))
    add_run(nine, *((name, "valid", "dom", "dom" if name == "c" else "eiger", sure) for name, sure in rows))
    wanted = Filters(ranges="confidence=0.25..0.5,megapixels=0..9")
    listed = review_queue.page(workspace, queue, filters=wanted)
    monkeypatch.setattr(ranges, "MOST_LISTED", 0)
    checked = review_queue.page(workspace, queue, filters=wanted)
    assert [each.digest for each in checked] == [each.digest for each in listed]
    assert listed or queue == "uncertain"


def test_more_images_of_a_filter_are_sorted_the_more_images_there_are(workspace, nine):
    assert queue_sql.most_sorted(workspace) == 15_000
    workspace.connection().execute("UPDATE state_count SET n = 2000000")
    assert 30_000 < queue_sql.most_sorted(workspace) < 100_000


RANKED = ["model-disagrees", "uncertain", "worth", "issue:dark", "errors:1:valid", "conflicts"]


@pytest.mark.parametrize("queue", RANKED)
def test_a_ranked_queue_has_the_same_images_whether_those_of_a_filter_are_noted_or_not(
    workspace, nine, add_run, monkeypatch, queue
):
    rows = zip("abcdeg", (0.9, 0.4, 0.3, 0.2, 0.35, 0.45), strict=True)
    add_run(nine, *((name, "valid", "dom", "eiger", confidence) for name, confidence in rows))
    monkeypatch.setattr(queue_sql, "_LEAST_SORTED", 0)
    for filters, _ in ALONE:
        found = []
        for n_sorted, n_noted in ((9, 0), (0, 0), (0, 9)):  # By the index of the filter, checked, noted.
            monkeypatch.setattr(queue_sql, "_ROWS_SORTED", n_sorted)
            monkeypatch.setattr(queue_sql, "_ROWS_NOTED", n_noted)
            page = review_queue.page(workspace, queue, filters=filters)
            found.append([each.digest for each in page])
            assert review_queue.image_ids(workspace, queue, filters=filters) == [e.image_id for e in page]
        assert found[0] == found[1] == found[2], filters


def test_noted_images_are_checked_before_any_row_of_a_prediction_is_read(workspace, nine, monkeypatch):
    monkeypatch.setattr(queue_sql, "_LEAST_SORTED", 0)
    monkeypatch.setattr(queue_sql, "_ROWS_SORTED", 0)
    made = conditions(workspace, Filters(class_name="dom"))
    for queue in ("model-disagrees", "uncertain"):
        (segment,) = queue_plans.plan(workspace, queue)
        noted = queue_sql.with_noted(workspace, segment, made, None)
        sql, parameters = queue_sql.page_sql(segment, noted)
        plan = workspace.query(f"EXPLAIN QUERY PLAN {sql}", {**parameters, "limit": 9})
        steps = [row["detail"] for row in plan]
        assert steps[0].startswith("SEARCH p USING COVERING INDEX prediction_"), steps
        assert any(step.startswith("LIST SUBQUERY") for step in steps[:2]), steps
        assert not [step for step in steps if "TEMP B-TREE" in step], steps


def test_counting_stops_at_the_number_that_is_shown(workspace, nine):
    (segment,) = queue_plans.plan(workspace, "all")
    made = conditions(workspace, Filters(ranges="megapixels=0..9"))
    every = queue_sql.count_segment(workspace, segment, made, 9)
    assert queue_sql.count_segment(workspace, segment, made, 9, most=2) == (2, 2)
    assert queue_sql.count_segment(workspace, segment, made, 3) == (3, 3)
    assert every == (9, 9)
    rare = conditions(workspace, Filters(ranges="sharpness=0.5..0.5"))
    n, n_read = queue_sql.count_segment(workspace, segment, rare, 9)
    assert n == 6
    assert n_read <= 9
