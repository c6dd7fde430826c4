"""Typical images of a class: marked by a person, or those that the newest run recognises best."""

import sqlite3

import pytest

from peakid import resources
from peakid.curate import class_merges, classes, decisions, remarks, typical
from peakid.curate.queues import review_queue
from peakid.errors import BadInput, NotFound
from peakid.keep import forget
from peakid.records import Choice

ANNA = "human:anna"


def examples(workspace, class_name="dom"):
    return next(each.examples for each in classes.guide(workspace) if each.class_name == class_name)


def test_a_mark_is_one_step_that_undo_takes_back_and_redo_sets_again(workspace, plant):
    a, _ = plant({"a": "dom", "b": "eiger"}).values()
    step = remarks.typical(workspace, a, actor=ANNA, event_id="once")
    assert remarks.typical(workspace, a, actor=ANNA, event_id="once").step_id is None  # Delivered twice.
    assert (step.remarked, examples(workspace), examples(workspace, "eiger")) == ([a], [a], [])
    assert [item.is_typical for item in review_queue.page(workspace, "all")] == [True, False]
    assert decisions.undo(workspace, actor=ANNA).remarked == [a]
    assert examples(workspace) == []
    decisions.redo(workspace, actor=ANNA)
    assert examples(workspace) == [a]
    remarks.typical(workspace, a, is_on=False, actor=ANNA)
    assert examples(workspace) == []


def test_a_fourth_mark_takes_the_place_of_the_first_until_it_is_undone(workspace, plant):
    digests = list(plant(dict.fromkeys("abcd", "dom")).values())
    for digest in digests[:3]:
        remarks.typical(workspace, digest, actor=ANNA)
    step = remarks.typical(workspace, digests[3], actor=ANNA)
    assert (set(step.remarked), examples(workspace)) == ({digests[0], digests[3]}, digests[1:])
    decisions.undo(workspace, actor=ANNA)
    assert set(examples(workspace)) == set(digests[:3])


def test_only_a_labelled_image_is_typical_and_only_of_its_label(workspace, plant):
    a, b, c = plant({"a": "dom", "b": "eiger", "c": None}).values()
    with pytest.raises(BadInput, match="not labelled"):
        remarks.typical(workspace, c, actor=ANNA)
    with pytest.raises(NotFound):
        remarks.typical(workspace, "f" * 64, actor=ANNA)
    remarks.typical(workspace, a, actor=ANNA)
    decisions.decide(workspace, [Choice(a, "label", "eiger")], actor=ANNA)
    assert (examples(workspace), examples(workspace, "eiger")) == ([], [])
    assert not review_queue.items(workspace, [a])[0].is_typical
    decisions.undo(workspace, actor=ANNA)
    assert examples(workspace) == [a]
    decisions.decide(workspace, [Choice(a, "exclude", reason="map")], actor=ANNA)
    assert examples(workspace) == []
    with pytest.raises(BadInput):
        remarks.typical(workspace, a, actor=ANNA)
    class_merges.merge(workspace, "eiger", "dom", actor=ANNA)
    remarks.typical(workspace, b, actor=ANNA)
    assert examples(workspace) == [b]


def test_the_mark_of_a_forgotten_image_is_removed_and_it_cannot_be_marked(workspace, fill):
    gone, kept = fill(river=2)
    remarks.typical(workspace, gone, actor=ANNA)
    forget.forget(workspace, gone, reason="asked for", actor=ANNA)
    assert examples(workspace, "river") == []
    for act in (remarks.typical, lambda *args, **rest: remarks.tag(args[0], [gone], "x", **rest)):
        with pytest.raises(NotFound):
            act(workspace, gone, actor=ANNA)
    remarks.set_typical(workspace, "river", [kept], actor=ANNA)
    assert examples(workspace, "river") == [kept]


def test_the_best_recognised_images_stand_in_for_typical_ones(workspace, plant, add_run):
    digests = plant(dict.fromkeys("abcdefgh", "dom") | {"x": "eiger", "y": "eiger"})
    assert typical.best_recognised(workspace, ["dom"]) == {}  # No run.
    add_run(
        digests,
        ("a", "valid", "dom", "dom", 0.7),
        ("b", "valid", "dom", "dom", 0.9),
        ("c", "valid", "dom", "eiger", 0.95),
        ("d", "test", "dom", "dom", 0.99),  # Hidden until it is judged.
        ("e", "train", "dom", "dom", 0.8),
        ("f", "train", "dom", "dom", 0.98),
        ("g", "valid", "dom", "dom", 0.99),
        ("h", "valid", "dom", "dom", 0.99),
        ("x", "valid", "eiger", "dom", 0.9),
    )
    decisions.decide(workspace, [Choice(digests["g"], "exclude", reason="map")], actor=ANNA)
    with workspace.transaction() as connection:
        sql = "INSERT INTO image_issue_score SELECT 'dark', 0.01, id FROM image WHERE digest = ?"
        connection.execute(sql, (digests["h"],))
    found = typical.best_recognised(workspace, ["dom", "eiger"])
    assert found == {"dom": [digests[name] for name in "baf"]}
    classes.rename(workspace, "dom", "Dom")  # The run knows it as dom.
    assert typical.best_recognised(workspace, ["Dom"]) == {"Dom": found["dom"]}
    class_merges.merge(workspace, "eiger", "Dom", actor=ANNA)
    assert typical.best_recognised(workspace, ["Dom"]) == {"Dom": [digests[name] for name in "cbx"]}


def test_examples_of_an_earlier_version_stay_and_can_be_taken_off(workspace, plant):
    """The migration, run on a workspace as it was before it."""
    a, b = plant({"a": "dom", "b": "dom"}).values()
    remarks.tag(workspace, [a], "snow", actor=ANNA)
    sql = (resources.path("db/migrations") / "0016_typical.sql").read_text(encoding="utf-8")
    with sqlite3.connect(workspace.path / "peakid.db") as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("INSERT INTO class_example SELECT 1, 0, id FROM image WHERE digest = ?", (b,))
        connection.executescript(sql)
    connection.close()
    assert examples(workspace) == [b]
    assert remarks.names(workspace) == ["snow"]
    remarks.typical(workspace, a, actor=ANNA)
    remarks.typical(workspace, b, is_on=False, actor=ANNA)
    assert examples(workspace) == [a]
    decisions.undo(workspace, actor=ANNA)
    assert examples(workspace) == [a, b]
    with pytest.raises(sqlite3.Error, match="append-only"), workspace.transaction() as connection:
        connection.execute("UPDATE remark SET value = 'x'")
