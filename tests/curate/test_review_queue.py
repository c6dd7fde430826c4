import pytest

from peakid.curate import classes, decisions, review_queue
from peakid.errors import BadInput, NotFound
from peakid.records import Choice

ANNA = "human:anna"


def test_an_image_leaves_unreviewed_when_a_person_judges_it(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": None})
    assert review_queue.counts(workspace) == {"unreviewed": 3, "flagged": 0, "excluded": 0, "all": 3}
    decisions.decide(workspace, [Choice(digests["a"], "label", "dom")], actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "flag", reason="two peaks")], actor=ANNA)
    assert review_queue.counts(workspace) == {"unreviewed": 1, "flagged": 1, "excluded": 0, "all": 3}
    (waiting,) = review_queue.page(workspace, "unreviewed")
    assert (waiting.digest, waiting.label, waiting.reason) == (digests["c"], None, "no label yet")
    assert review_queue.page(workspace, "flagged")[0].reason == "two peaks"


def test_pages_neither_repeat_nor_skip_an_image_judged_meanwhile(workspace, plant):
    digests = plant(dict.fromkeys("abcdef", "dom"))
    first = review_queue.page(workspace, "unreviewed", limit=3)
    decisions.decide(workspace, [Choice(first[0].digest, "label", "dom")], actor=ANNA)
    second = review_queue.page(workspace, "unreviewed", limit=3, after=first[-1].image_id)
    assert [item.digest for item in first + second] == [digests[name] for name in "abcdef"]


def test_a_class_queue_holds_the_images_of_that_class(workspace, plant):
    digests = plant({"a": "dom", "b": "piz: bernina"})
    assert [item.digest for item in review_queue.page(workspace, "class:piz: bernina")] == [digests["b"]]


def test_a_confusion_cell_is_a_queue_even_for_a_class_with_a_colon(workspace, plant):
    digests = plant({"a": "dom", "b": "dom"})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks, n_unreviewed, actor, created_at, frozen_at)"
            " VALUES (?, 's', 0, '{}', '[]', 2, 2, 0, 2, 'x', 'now', 'now')",
            ("0" * 64,),
        )
        connection.execute(
            "INSERT INTO run (snapshot_id, state, recipe, class_names, seed, code_version, libraries, created_at)"
            " VALUES (1, 'done', '{}', '[]', 0, '', '{}', 'now')"
        )
        connection.execute("INSERT INTO prediction VALUES (1, 2, 'valid', 'dom', 'piz: x', 0.75, 1)")
    cell = review_queue.confusion_queue(1, "valid", "dom", "piz: x")
    (item,) = review_queue.page(workspace, cell)
    assert (item.digest, item.score, item.reason) == (digests["b"], 0.75, "run 1 says piz: x, 75 % sure")


@pytest.mark.parametrize("name", ["", "unreviewd", "class:", "confusion:1:valid"])
def test_an_unknown_queue_is_named_with_those_that_exist(workspace, name):
    with pytest.raises(NotFound):
        review_queue.page(workspace, name)


@pytest.mark.parametrize("queue", ["unreviewed", "flagged", "excluded", "all", "class:dom", "issue:dark", "confusion:1:valid:dom:eiger"])
def test_every_queue_is_paged_through_an_index(workspace, queue):
    plan, parameters = review_queue._plan(workspace, queue)
    rows = workspace.query("EXPLAIN QUERY PLAN " + review_queue._page_sql(plan), {**parameters, "after": 0, "limit": 60})
    details = [row["detail"] for row in rows]
    assert not [line for line in details if line.startswith("SCAN")], details
    # A class holds two verdicts, each in order; those two are merged by sorting.
    assert queue.startswith("class:") or not [line for line in details if "TEMP B-TREE" in line], details


def test_classes_keep_their_key_order_when_renamed_and_retired(workspace, plant):
    plant({"a": "dom", "b": "eiger", "c": "monch"})
    classes.rename(workspace, "monch", "moench")
    classes.retire(workspace, "eiger")
    assert classes.names(workspace) == ["dom", "moench"]
    classes.add(workspace, "eiger")
    assert classes.names(workspace) == ["dom", "eiger", "moench"]
    with pytest.raises(BadInput, match="already"):
        classes.rename(workspace, "dom", "eiger")
    with pytest.raises(BadInput, match="cannot be a class name"):
        classes.add(workspace, "  ")
    assert review_queue.page(workspace, "class:moench")[0].label == "moench"
