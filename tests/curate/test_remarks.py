"""Tags, notes and further classes: undo, and their effect on snapshots."""

import sqlite3

import pytest

from peakid.curate import decisions, remarks
from peakid.curate.queues import pace, review_queue, saved_views
from peakid.curate.queues.filters import Filters
from peakid.dataset import snapshot
from peakid.errors import BadInput, NotFound, NothingToUndo
from peakid.records import Choice

ANNA, BEAT = "human:anna", "human:beat"


def item(workspace, digest):
    return review_queue.items(workspace, [digest])[0]


def test_a_tag_on_many_images_is_one_step_and_one_undo(workspace, plant):
    a, b, c = plant({"a": "dom", "b": "dom", "c": "dom"}).values()
    remarks.tag(workspace, [a], "snow", actor=ANNA)
    step = remarks.tag(workspace, [a, b, c], " snow ", actor=ANNA)
    assert (step.remarked, step.n_images) == ([b, c], 2)  # a already has it.
    undone = decisions.undo(workspace, actor=ANNA)
    assert (undone.remarked, undone.n_images) == ([b, c], 2)
    assert [item(workspace, digest).tags for digest in (a, b, c)] == [("snow",), (), ()]
    decisions.redo(workspace, actor=ANNA)
    assert item(workspace, c).tags == ("snow",)
    remarks.tag(workspace, [c], "snow", is_on=False, actor=ANNA)
    assert remarks.names(workspace) == ["snow"]
    assert item(workspace, c).tags == ()
    decisions.undo(workspace, actor=ANNA)
    assert item(workspace, c).tags == ("snow",)


def test_undoing_a_note_restores_the_previous_one(workspace, plant):
    (a,) = plant({"a": "dom"}).values()
    for text in ("first", "second", ""):
        remarks.note(workspace, a, text, actor=ANNA)
    assert item(workspace, a).note is None
    for expected in ("second", "first", None):
        decisions.undo(workspace, actor=ANNA)
        assert item(workspace, a).note == expected
    with pytest.raises(NothingToUndo):
        decisions.undo(workspace, actor=ANNA)


def test_undo_keeps_a_later_note_and_reports_the_conflict(workspace, plant):
    (a,) = plant({"a": "dom"}).values()
    remarks.note(workspace, a, "mine", actor=ANNA)
    remarks.note(workspace, a, "theirs", actor=BEAT)
    assert decisions.undo(workspace, actor=ANNA).conflicts == [a]
    assert item(workspace, a).note == "theirs"


def test_undo_reverses_the_newest_step_of_any_kind(workspace, plant):
    (a,) = plant({"a": "dom"}).values()
    decisions.decide(workspace, [Choice(a, "exclude", reason="map")], actor=ANNA)
    remarks.tag(workspace, [a], "map", actor=ANNA)
    decisions.undo(workspace, actor=ANNA)
    assert (item(workspace, a).tags, item(workspace, a).verdict) == ((), "exclude")
    decisions.undo(workspace, actor=ANNA)
    assert item(workspace, a).verdict == "label"


def test_an_action_delivered_twice_is_written_once(workspace, plant):
    (a,) = plant({"a": "dom"}).values()
    for _ in range(2):
        remarks.tag(workspace, [a], "snow", actor=ANNA, event_id="key 1")
    assert workspace.one("SELECT COUNT(*) FROM remark")[0] == 1
    decisions.undo(workspace, actor=ANNA, event_id="key 2")
    assert decisions.undo(workspace, actor=ANNA, event_id="key 2").step_id is None


def test_remarks_cannot_be_changed(workspace, plant):
    (a,) = plant({"a": "dom"}).values()
    remarks.tag(workspace, [a], "snow", actor=ANNA)
    for sql in ("UPDATE remark SET value = 'ice'", "DELETE FROM remark"):
        with (
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
            workspace.transaction() as connection,
        ):
            connection.execute(sql)


def test_images_with_several_classes_are_left_out_of_snapshots_by_default(workspace, fill):
    a, *_ = fill(river=6, lake=6)
    remarks.also(workspace, a, "lake", actor=ANNA)
    assert a not in {
        each.digest for each in snapshot.items(workspace, snapshot.create(workspace, actor=ANNA).digest)
    }
    whole = snapshot.create(workspace, has_several=True, actor=ANNA)
    assert a in {each.digest for each in snapshot.items(workspace, whole.digest)}
    decisions.undo(workspace, actor=ANNA)
    assert snapshot.create(workspace, actor=ANNA).digest == whole.digest


def test_invalid_remarks_are_errors(workspace, plant):
    (a,) = plant({"a": "dom"}).values()
    for name in ("", " ", "two\nlines", "x" * 61):
        with pytest.raises(BadInput):
            remarks.tag(workspace, [a], name, actor=ANNA)
    with pytest.raises(BadInput, match="too long"):
        remarks.note(workspace, a, "x" * 2001, actor=ANNA)
    with pytest.raises(BadInput, match="is already the label"):
        remarks.also(workspace, a, "dom", actor=ANNA)
    with pytest.raises(NotFound, match="no class"):
        remarks.also(workspace, a, "eiger", actor=ANNA)
    with pytest.raises(NotFound, match="digest"):
        remarks.tag(workspace, ["f" * 64], "snow", actor=ANNA)
    assert workspace.one("SELECT COUNT(*) FROM step WHERE actor = ?", (ANNA,))[0] == 0


def test_a_saved_view_is_a_queue_with_its_filters(workspace, plant):
    plant({"a": "dom", "b": "eiger"})
    saved_views.save(
        workspace, "north faces", "unreviewed", filters=Filters(class_name="eiger", text="eig"), actor=ANNA
    )
    saved_views.save(workspace, "north faces", "flagged", filters=Filters(class_name="eiger"), actor=BEAT)
    (view,) = saved_views.list_views(workspace)
    assert (view.queue, view.filters, view.actor) == ("flagged", Filters(class_name="eiger"), BEAT)
    with pytest.raises(NotFound):
        saved_views.save(workspace, "broken", "no such queue", actor=ANNA)
    saved_views.remove(workspace, "north faces")
    with pytest.raises(NotFound):
        saved_views.find(workspace, "north faces")


def test_the_pace_is_the_median_of_ones_own_gaps_without_breaks(workspace):
    def judged_at(*seconds, actor=ANNA):
        with workspace.transaction() as connection:
            for each in seconds:
                moment = f"2026-11-21T10:{each // 60:02}:{each % 60:02}.000Z"
                connection.execute(
                    "INSERT INTO step (actor, kind, made_at) VALUES (?, 'decide', ?)", (actor, moment)
                )

    judged_at(0, 3, 6)
    assert pace.seconds_an_image(workspace, actor=ANNA) == pace.DEFAULT_S  # Too few gaps for an estimate.
    judged_at(*range(9, 39, 3), 600, 603)  # Three seconds each, and a break of nine minutes.
    judged_at(*range(0, 600, 20), actor=BEAT)
    assert pace.seconds_an_image(workspace, actor=ANNA) == 3
    assert pace.seconds_an_image(workspace, actor=BEAT) == 20
    assert [pace.minutes(n, 3) for n in (1, 20, 21)] == [1, 1, 2]
