import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peakid.curate import classes, decisions
from peakid.curate.queues import review_queue
from peakid.errors import BadInput, NotFound, NothingToUndo
from peakid.records import Choice

ANNA, BEAT = "human:anna", "human:beat"


def state(workspace, digest):
    row = workspace.one(
        "SELECT s.verdict, c.name AS label, s.is_reviewed FROM image_state s"
        " JOIN image i ON i.id = s.image_id"
        " LEFT JOIN class c ON c.id = s.class_id WHERE i.digest = ?",
        (digest,),
    )
    return row["verdict"], row["label"], bool(row["is_reviewed"])


def test_a_label_from_a_person_counts_as_reviewed_and_one_from_a_folder_does_not(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    assert state(workspace, digests["a"]) == ("label", "dom", False)
    step = decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    assert state(workspace, digests["a"]) == ("label", "eiger", True)
    assert [(d.label, d.actor, d.path) for d in step.decisions] == [("eiger", ANNA, "dom/a.jpg")]


@pytest.mark.parametrize("verdict", ["label", "clear", "exclude", "flag"])
def test_a_decision_of_a_model_is_no_review_and_its_undo_neither(workspace, plant, verdict):
    digest = plant({"a": "dom", "b": "eiger"})["a"]
    choice = Choice(digest, verdict, "eiger" if verdict == "label" else None, reason="a map")
    decisions.decide(workspace, [choice], actor="model:7")
    assert not state(workspace, digest)[2]
    decisions.undo(workspace, actor="model:7")
    assert state(workspace, digest) == ("label", "dom", False)
    decisions.redo(workspace, actor="model:7")
    assert not state(workspace, digest)[2]


def test_excluding_and_flagging_keep_the_label(workspace, plant):
    digests = plant({"a": "dom", "b": "dom"})
    decisions.decide(
        workspace, [Choice(digests["a"], "exclude", reason="a map"), Choice(digests["b"], "flag")], actor=ANNA
    )
    assert state(workspace, digests["a"]) == ("exclude", "dom", True)
    assert state(workspace, digests["b"]) == ("flag", "dom", False)


def test_undo_restores_the_state_before_and_deletes_nothing(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    first = decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    undone = decisions.undo(workspace, actor=ANNA)
    assert state(workspace, digests["a"]) == ("label", "dom", False)
    assert undone.decisions[0].undoes == first.decisions[0].decision_id
    assert [d.actor for d in decisions.log(workspace)] == [ANNA, ANNA, "import:folder", "import:folder"]


def test_two_judgements_of_one_image_are_undone_one_by_one_and_redone(workspace, plant):
    digest = plant({"a": "dom", "b": "eiger"})["a"]
    decisions.decide(workspace, [Choice(digest, "label", "eiger")], actor=ANNA)
    decisions.decide(workspace, [Choice(digest, "exclude", reason="blurred")], actor=ANNA)
    for verb, stands in (
        (decisions.undo, ("label", "eiger", True)),
        (decisions.undo, ("label", "dom", False)),
        (decisions.redo, ("label", "eiger", True)),
        (decisions.redo, ("exclude", "eiger", True)),
        (decisions.undo, ("label", "eiger", True)),
        (decisions.undo, ("label", "dom", False)),
    ):
        assert verb(workspace, actor=ANNA).conflicts == []
        assert state(workspace, digest) == stands


def test_a_later_judgement_of_somebody_else_is_kept_even_if_equal(workspace, plant):
    digest = plant({"a": "dom", "b": "eiger"})["a"]
    decisions.decide(workspace, [Choice(digest, "label", "eiger")], actor=ANNA)
    decisions.decide(workspace, [Choice(digest, "label", "eiger")], actor=BEAT)
    assert decisions.undo(workspace, actor=ANNA).conflicts == [digest]
    assert state(workspace, digest) == ("label", "eiger", True)


def test_redo_reverses_undo_step_by_step(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "exclude", reason="blurred")], actor=ANNA)
    decisions.undo(workspace, actor=ANNA)
    decisions.undo(workspace, actor=ANNA)
    decisions.redo(workspace, actor=ANNA)
    assert state(workspace, digests["a"]) == ("label", "eiger", True)
    assert state(workspace, digests["b"]) == ("label", "eiger", False)
    decisions.redo(workspace, actor=ANNA)
    assert state(workspace, digests["b"]) == ("exclude", "eiger", True)
    decisions.undo(workspace, actor=ANNA)
    assert state(workspace, digests["b"]) == ("label", "eiger", False)


def test_a_new_decision_ends_the_steps_to_redo(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    decisions.undo(workspace, actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "label", "dom")], actor=ANNA)
    with pytest.raises(NothingToUndo, match="nothing to redo"):
        decisions.redo(workspace, actor=ANNA)


def test_undo_reverses_ones_own_step_and_never_an_import(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    with pytest.raises(NothingToUndo, match="human:beat"):
        decisions.undo(workspace, actor=BEAT)
    import_step = decisions.log(workspace)[-1].step_id
    undone = decisions.undo(workspace, actor=BEAT, step_id=import_step)
    assert state(workspace, digests["b"]) == ("clear", None, False)
    assert undone.conflicts == [digests["a"]]  # Anna judged it after the import.
    assert state(workspace, digests["a"]) == ("label", "eiger", True)


def test_a_step_is_undone_once(workspace, plant):
    digests = plant({"a": "dom"})
    step = decisions.decide(workspace, [Choice(digests["a"], "flag")], actor=ANNA)
    decisions.undo(workspace, actor=ANNA)
    with pytest.raises(NothingToUndo, match="already undone"):
        decisions.undo(workspace, actor=ANNA, step_id=step.step_id)


def test_a_decision_from_an_outdated_page_is_a_conflict_and_not_written(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    seen = review_queue.items(workspace, [digests["a"]])[0].decision_id
    decisions.decide(
        workspace, [Choice(digests["a"], "exclude", reason="a map", base_decision_id=seen)], actor=ANNA
    )
    late = decisions.decide(
        workspace, [Choice(digests["a"], "label", "eiger", base_decision_id=seen)], actor=BEAT
    )
    assert (late.step_id, late.conflicts) == (None, [digests["a"]])
    assert state(workspace, digests["a"])[0] == "exclude"


def test_ones_own_fast_second_key_is_no_conflict(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    seen = review_queue.items(workspace, [digests["a"]])[0].decision_id
    for label in ("eiger", "dom"):
        decisions.decide(workspace, [Choice(digests["a"], "label", label, base_decision_id=seen)], actor=ANNA)
    assert state(workspace, digests["a"]) == ("label", "dom", True)


def test_the_same_event_delivered_twice_is_one_decision(workspace, plant):
    digests = plant({"a": "dom"})
    choice = Choice(digests["a"], "flag", event_id="tab-1-17")
    decisions.decide(workspace, [choice], actor=ANNA)
    again = decisions.decide(workspace, [choice], actor=ANNA)
    assert again.decisions == []
    assert len(decisions.log(workspace)) == 2  # The import and one flag.


def test_one_invalid_choice_leaves_the_whole_step_unwritten(workspace, plant):
    digests = plant({"a": "dom"})
    with pytest.raises(NotFound, match="no class 'dohm'"):
        decisions.decide(
            workspace, [Choice(digests["a"], "flag"), Choice(digests["a"], "label", "dohm")], actor=ANNA
        )
    with pytest.raises(BadInput, match="needs a reason"):
        decisions.decide(workspace, [Choice(digests["a"], "exclude")], actor=ANNA)
    assert state(workspace, digests["a"]) == ("label", "dom", False)


def test_a_retired_class_cannot_be_a_label(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    classes.retire(workspace, "eiger")
    with pytest.raises(BadInput, match="retired"):
        decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE decision SET reason = 'x'",
        "DELETE FROM decision",
        "INSERT OR REPLACE INTO decision SELECT * FROM decision",
    ],
)
def test_the_log_cannot_be_changed(workspace, plant, sql):
    plant({"a": "dom"})
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        workspace.connection().execute(sql)


def test_an_undo_delivered_twice_undoes_one_step_even_if_it_changed_nothing(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    decisions.decide(workspace, [Choice(digests["a"], "flag")], actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "flag")], actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "label", "dom")], actor=BEAT)
    first = decisions.undo(workspace, actor=ANNA, event_id="tab-1-5")
    assert (first.decisions, first.conflicts) == ([], [digests["b"]])
    assert decisions.undo(workspace, actor=ANNA, event_id="tab-1-5").conflicts == []
    assert state(workspace, digests["a"]) == ("flag", "dom", False)


def test_the_history_shows_an_import_of_many_labels_as_one_step(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": "eiger"})
    decisions.decide(workspace, [Choice(digests["b"], "exclude", reason="a map")], actor=ANNA)
    newest, import_ = decisions.steps(workspace)
    assert (newest.kind, newest.actor, newest.n_images, newest.first.reason) == ("decide", ANNA, 1, "a map")
    assert (import_.kind, import_.n_images, import_.first.path) == ("import", 3, "dom/a.jpg")


ACTS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["dom", "eiger", "exclude", "flag", "clear", "undo", "redo"]),
        st.sampled_from([ANNA, BEAT]),
    ),
    max_size=25,
)


@given(acts=ACTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_state_is_what_replaying_the_log_gives(workspace, plant, acts):
    if workspace.one("SELECT 1 FROM image") is None:  # One workspace serves all examples: the log only grows.
        plant({"a": "dom", "b": "eiger"})
    digests = _digests(workspace)
    for name, act, actor in acts:
        _act(workspace, digests[name], act, actor)
    replayed = {}
    for row in workspace.query("SELECT * FROM decision ORDER BY id"):
        replayed[row["image_id"]] = (
            row["id"],
            row["verdict"],
            row["class_id"],
            row["is_reviewed"],
            row["reason"],
        )
    kept = {
        row["image_id"]: (
            row["decision_id"],
            row["verdict"],
            row["class_id"],
            row["is_reviewed"],
            row["reason"],
        )
        for row in workspace.query("SELECT * FROM image_state")
    }
    assert kept == replayed


def _digests(workspace):
    rows = workspace.query("SELECT i.digest, o.path FROM image i JOIN origin o ON o.image_id = i.id")
    return {row["path"].split("/")[1][0]: row["digest"] for row in rows}


def _act(workspace, digest, act, actor):
    try:
        if act in ("undo", "redo"):
            getattr(decisions, act)(workspace, actor=actor)
        elif act in ("exclude", "flag", "clear"):
            decisions.decide(workspace, [Choice(digest, act, reason="why")], actor=actor)
        else:
            decisions.decide(workspace, [Choice(digest, "label", act)], actor=actor)
    except NothingToUndo:
        pass
