"""The history of decisions, and undoing everything that one person did since a moment."""

import csv
from datetime import UTC, datetime, timedelta, timezone

import pytest

from peakid.curate import classes, decisions, history, remarks, step_text, undo_since
from peakid.curate.duplicates import pair_judgements
from peakid.errors import BadInput, NothingToUndo
from peakid.records import Choice

ANNA, BEAT = "human:anna", "human:beat"
EVER = "2000"


def label(workspace, digest):
    row = workspace.one(
        "SELECT c.name FROM image_state s JOIN image i ON i.id = s.image_id"
        " LEFT JOIN class c ON c.id = s.class_id WHERE i.digest = ?",
        (digest,),
    )
    return row["name"]


def give(workspace, digest, name, actor=ANNA):
    return decisions.decide(
        workspace, [Choice(digest, "label", name, basis={"queue": "unreviewed"})], actor=actor
    ).step_id


@pytest.fixture
def three(workspace, plant):
    digests = plant({"a": "dom", "b": "dom", "c": "dom"})
    classes.add(workspace, "eiger")
    classes.add(workspace, "lyskamm")
    return digests


def test_a_step_has_the_state_before_and_after_its_actor_and_its_basis(workspace, three):
    give(workspace, three["a"], "eiger")
    newest, imported = history.page(workspace)
    assert (newest.actor, newest.first.from_label, newest.first.label, newest.first.basis) == (
        ANNA,
        "dom",
        "eiger",
        {"queue": "unreviewed"},
    )
    assert (imported.kind, imported.n_images, imported.first.from_verdict, imported.first.from_label) == (
        "import",
        3,
        "clear",
        None,
    )


def test_pages_of_the_log_are_stable_when_steps_are_added(workspace, three):
    for name in ("eiger", "dom", "lyskamm"):
        give(workspace, three["a"], name)
    first = history.page(workspace, limit=2)
    give(workspace, three["b"], "eiger")
    second = history.page(workspace, limit=2, before=first[-1].step_id)
    assert [step.first.label for step in [*first, *second]] == ["lyskamm", "dom", "eiger", "dom"]


def test_the_log_can_be_filtered_by_person_class_or_image(workspace, three):
    give(workspace, three["a"], "eiger")
    give(workspace, three["b"], "lyskamm", BEAT)
    assert [step.first.label for step in history.page(workspace, by=BEAT)] == ["lyskamm"]
    assert [step.first.digest for step in history.page(workspace, class_name="eiger")] == [three["a"]]
    of_b = history.page(workspace, digest=three["b"])
    assert [(step.kind, step.first.digest) for step in of_b] == [
        ("decide", three["b"]),
        ("import", three["b"]),
    ]
    assert history.actors(workspace) == [ANNA, BEAT, "import:folder"]


def test_undone_steps_are_marked_and_the_undo_is_a_step_of_its_own(workspace, three):
    give(workspace, three["a"], "eiger")
    decisions.undo(workspace, actor=ANNA)
    undo, given, imported = history.page(workspace)
    assert (undo.kind, undo.first.from_label, undo.first.label) == ("undo", "eiger", "dom")
    assert [step.is_undone for step in (undo, given, imported)] == [False, True, False]


def test_the_history_of_an_image_has_all_its_decisions(workspace, three):
    give(workspace, three["a"], "eiger")
    decisions.decide(workspace, [Choice(three["a"], "exclude", reason="a map")], actor=BEAT)
    found = [
        (each.actor, each.from_verdict, each.from_label, each.verdict, each.label, each.reason)
        for each in history.of_image(workspace, three["a"])
    ]
    assert found == [
        (BEAT, "label", "eiger", "exclude", "eiger", "a map"),
        (ANNA, "label", "dom", "label", "eiger", ""),
        ("import:folder", "clear", None, "label", "dom", ""),
    ]


def test_every_filter_of_the_log_uses_an_index(workspace, three):
    details = []
    for asked in ({"by": ANNA}, {"digest": three["a"]}, {"by": ANNA, "class_name": "dom"}):
        conditions = " AND ".join(history._CONDITIONS[name] for name in asked)
        plan = workspace.query(
            f"EXPLAIN QUERY PLAN SELECT s.id FROM step s WHERE {conditions} ORDER BY s.id DESC LIMIT 20",
            asked,
        )
        details += [row["detail"] for row in plan]
    asked = {"class_name": "dom", "before": None, "limit": 20}
    details += [
        row["detail"] for row in workspace.query(f"EXPLAIN QUERY PLAN {history._STEPS_OF_CLASS}", asked)
    ]
    assert not [line for line in details if line.startswith("SCAN") and line != "SCAN each"], details


def test_the_steps_of_a_class_are_the_same_with_and_without_a_person(workspace, three):
    for n, name in enumerate(("a", "b", "a", "c")):
        give(workspace, three[name], "eiger" if n != 2 else "lyskamm")
    of_class = [step.step_id for step in history.page(workspace, class_name="eiger")]
    assert of_class == [step.step_id for step in history.page(workspace, class_name="eiger", by=ANNA)]
    assert len(of_class) == 3
    assert [
        step.step_id for step in history.page(workspace, class_name="eiger", limit=1, before=of_class[0])
    ] == of_class[1:2]


def test_everything_a_person_did_since_a_moment_is_undone_as_one_step(workspace, three):
    give(workspace, three["a"], "eiger")
    give(workspace, three["a"], "lyskamm")
    give(workspace, three["b"], "eiger")
    planned = undo_since.plan(workspace, by=ANNA, since=EVER)
    assert (planned.n_steps, planned.n_images, planned.conflicts) == (3, 2, [])
    undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=BEAT)
    assert [label(workspace, three[name]) for name in "abc"] == ["dom", "dom", "dom"]
    with pytest.raises(NothingToUndo):
        undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=BEAT)
    with pytest.raises(NothingToUndo):
        decisions.undo(workspace, actor=ANNA)  # Nothing is left to undo.
    decisions.redo(workspace, actor=BEAT)
    assert [label(workspace, three[name]) for name in "abc"] == ["lyskamm", "eiger", "dom"]
    undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=BEAT)
    assert [label(workspace, three[name]) for name in "abc"] == ["dom", "dom", "dom"]


def test_only_steps_after_the_moment_are_undone(workspace, three):
    give(workspace, three["a"], "eiger")
    step = give(workspace, three["a"], "lyskamm")
    workspace.connection().execute(
        "UPDATE step SET made_at = '2026-01-01T10:00:00.000Z' WHERE id < ?", (step,)
    )
    workspace.connection().execute(
        "UPDATE step SET made_at = '2026-01-01T12:00:00.000Z' WHERE id = ?", (step,)
    )
    undo_since.undo_since(workspace, by=ANNA, since="2026-01-01T11", actor=ANNA)
    assert label(workspace, three["a"]) == "eiger"


def test_a_step_made_at_the_very_moment_is_undone(workspace, three):
    step = give(workspace, three["a"], "eiger")
    workspace.connection().execute(
        "UPDATE step SET made_at = '2026-01-01T10:00:00.000Z' WHERE id = ?", (step,)
    )
    assert undo_since.plan(workspace, by=ANNA, since="2026-01-01T10:00:00.000Z").n_steps == 1
    assert undo_since.plan(workspace, by=ANNA, since="2026-01-01T10:00:00.001Z").n_steps == 0


def test_later_judgements_of_others_are_kept_and_reported(workspace, three):
    give(workspace, three["a"], "eiger")
    give(workspace, three["b"], "eiger")
    give(workspace, three["a"], "lyskamm", BEAT)
    planned = undo_since.plan(workspace, by=ANNA, since=EVER)
    assert (planned.n_images, planned.conflicts) == (1, [three["a"]])
    assert (planned.standing[three["a"]].actor, planned.standing[three["a"]].label) == (BEAT, "lyskamm")
    undone = undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=BEAT)
    assert undone.conflicts == [three["a"]]
    assert [label(workspace, three[name]) for name in "ab"] == ["lyskamm", "dom"]


def test_a_later_judgement_without_a_class_is_reported_too(workspace, three):
    give(workspace, three["a"], "eiger")
    decisions.decide(workspace, [Choice(three["a"], "clear")], actor=BEAT)
    standing = undo_since.plan(workspace, by=ANNA, since=EVER).standing
    assert [(each.verdict, each.label) for each in standing.values()] == [("clear", None)]


def test_judgements_of_others_in_between_are_restored(workspace, three):
    give(workspace, three["a"], "eiger")
    give(workspace, three["a"], "dom", BEAT)
    give(workspace, three["a"], "lyskamm")
    undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=ANNA)
    assert (label(workspace, three["a"]), history.of_image(workspace, three["a"])[0].label) == ("dom", "dom")


def test_an_undo_of_an_older_step_counts_as_a_step_of_its_own(workspace, three):
    """It is in force although another undo of the same person is not."""
    early = give(workspace, three["a"], "eiger")
    workspace.connection().execute("UPDATE step SET made_at = '2020' WHERE id = ?", (early,))
    undo_since.undo_since(workspace, by=ANNA, since="2019", actor=BEAT)
    decisions.redo(workspace, actor=BEAT)
    undone = undo_since.undo_since(workspace, by=ANNA, since="2019", actor=ANNA)
    assert label(workspace, three["a"]) == "dom"
    planned = undo_since.plan(workspace, by=ANNA, since="2021")
    assert (planned.n_steps, undone.conflicts) == (1, [])  # The undo itself, made after 2021.
    undo_since.undo_since(workspace, by=ANNA, since="2021", actor=BEAT)
    assert label(workspace, three["a"]) == "eiger"


def test_an_undo_by_somebody_else_does_not_prevent_undoing_the_rest(workspace, three):
    give(workspace, three["a"], "eiger")
    give(workspace, three["a"], "lyskamm")
    newest = decisions.steps(workspace)[0].step_id
    decisions.undo(workspace, actor=BEAT, step_id=newest)
    assert label(workspace, three["a"]) == "eiger"
    undone = undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=BEAT)
    assert (undone.conflicts, label(workspace, three["a"])) == ([], "dom")


def test_pairs_judged_as_different_are_open_again(workspace, three):
    pair_judgements.judge(workspace, [(1, 2)], "different", actor=ANNA)
    pair_judgements.judge(workspace, [(1, 2)], "both", actor=ANNA)
    undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=ANNA)
    assert pair_judgements.newest(workspace) == {(1, 2): "open"}


def test_an_import_cannot_be_undone_by_its_actor(workspace, three):
    with pytest.raises(BadInput):
        undo_since.plan(workspace, by="import:folder", since=EVER)


def test_the_pace_counts_today_and_the_week_without_breaks(workspace, three):
    zone = timezone(timedelta(hours=2))
    at = datetime(2026, 5, 10, 12, tzinfo=zone)
    # In that zone: three at 9:00:00, :10, :20 today, one yesterday, one two weeks ago.
    moments = [
        "2026-05-10T07:00:00",
        "2026-05-10T07:00:10",
        "2026-05-10T07:00:20",
        "2026-05-09T07:00:00",
        "2026-04-20T07:00:00",
    ]
    for moment in sorted(moments):
        step = give(workspace, three["a"], "eiger")
        workspace.connection().execute("UPDATE step SET made_at = ? WHERE id = ?", (f"{moment}.000Z", step))
    give(workspace, three["b"], "eiger", BEAT)
    pace = history.pace(workspace, ANNA, at=at)
    assert (pace.n_today, pace.n_week, pace.per_hour[9]) == (3, 4, 3)
    assert pace.images_a_minute == 6.0  # Two gaps of 10 s; the night between is a pause.
    assert history.pace(workspace, "human:nobody", at=datetime.now(UTC)).images_a_minute is None


def test_the_log_is_written_as_csv_with_every_decision(workspace, three, tmp_path):
    give(workspace, three["a"], "eiger")
    assert history.write_csv(workspace, tmp_path / "log.csv") == 4
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["dom", "dom", "dom", "eiger"]
    assert (rows[3]["from_label"], rows[3]["queue"], rows[3]["actor"]) == ("dom", "unreviewed", ANNA)
    with pytest.raises(BadInput):
        history.write_csv(workspace, tmp_path / "nowhere" / "log.csv")


def test_the_second_of_two_people_sees_the_conflicting_decision(workspace, three):
    give(workspace, three["a"], "eiger")
    stale = decisions.decide(
        workspace, [Choice(three["a"], "label", "lyskamm", base_decision_id=1)], actor=BEAT
    )
    standing = stale.standing[three["a"]]
    assert (stale.conflicts, standing.actor, standing.label) == ([three["a"]], ANNA, "eiger")
    again = decisions.decide(
        workspace, [Choice(three["a"], "label", "lyskamm", base_decision_id=standing.decision_id)], actor=BEAT
    )
    assert (again.conflicts, again.n_images) == ([], 1)


def texts(workspace):
    return [step_text.describe(step) for step in history.page(workspace)]


def test_a_step_of_remarks_says_which_and_on_which_images(workspace, three):
    remarks.tag(workspace, [three["a"], three["b"]], "snow", actor=ANNA)
    remarks.tag(workspace, [three["a"]], "snow", is_on=False, actor=ANNA)
    remarks.note(workspace, three["a"], "Taken from the hut.\nIn June.", actor=ANNA)
    remarks.note(workspace, three["a"], "", actor=ANNA)
    remarks.also(workspace, three["c"], "eiger", actor=ANNA)
    remarks.also(workspace, three["c"], "eiger", is_on=False, actor=ANNA)
    steps = history.page(workspace)
    assert [(step_text.describe(step), step.n_images, step.n_judged) for step in steps] == [
        ("removed eiger from what dom/c.jpg also shows", 1, 0),
        ("added eiger to what dom/c.jpg also shows", 1, 0),
        ("removed the note of dom/a.jpg", 1, 0),
        ("wrote the note of dom/a.jpg: Taken from the hut. In June.", 1, 0),
        ("removed the tag snow from dom/a.jpg", 1, 0),
        ("added the tag snow to 2 images", 2, 0),
        ("labelled 3 images", 3, 3),
    ]


def test_a_typical_image_is_named_with_its_class(workspace, three):
    remarks.typical(workspace, three["a"], actor=ANNA)
    remarks.typical(workspace, three["a"], is_on=False, actor=ANNA)
    assert texts(workspace)[:2] == [
        "no longer marked dom/a.jpg as typical of dom",
        "marked dom/a.jpg as typical of dom",
    ]


def test_an_undo_of_remarks_says_what_it_took_back_and_a_redo_what_it_did_again(workspace, three):
    remarks.tag(workspace, [three["a"]], "snow", actor=ANNA)
    undone = decisions.undo(workspace, actor=ANNA).step_id
    decisions.redo(workspace, actor=ANNA)
    assert texts(workspace)[:2] == [
        "redid: added the tag snow to dom/a.jpg",
        "undid: added the tag snow to dom/a.jpg",
    ]
    decisions.undo(workspace, actor=ANNA)
    assert texts(workspace)[0] == "undid: added the tag snow to dom/a.jpg"
    assert undone


def test_undoing_an_undo_is_called_doing_again(workspace, three):
    remarks.note(workspace, three["a"], "good", actor=ANNA)
    first = decisions.undo(workspace, actor=ANNA).step_id
    decisions.undo(workspace, actor=BEAT, step_id=first)
    assert texts(workspace)[0] == "redid: wrote the note of dom/a.jpg: good"


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("different", "called dom/a.jpg and dom/b.jpg different pictures"),
        ("both", "kept both dom/a.jpg and dom/b.jpg"),
    ],
)
def test_a_step_of_pairs_says_what_was_decided_about_which_images(workspace, three, verdict, text):
    pair_judgements.judge(workspace, [(1, 2)], verdict, actor=ANNA)
    assert texts(workspace)[0] == text
    decisions.undo(workspace, actor=ANNA)
    assert texts(workspace)[0] == f"undid: {text}"
    pair_judgements.judge(workspace, [(1, 2), (1, 3), (2, 3)], verdict, actor=ANNA)
    more = {"different": "called 3 images different pictures", "both": "kept all of 3 duplicates"}
    assert texts(workspace)[0] == more[verdict]


def test_undoing_everything_counts_the_images_of_remarks_and_pairs(workspace, three):
    remarks.tag(workspace, [three["a"]], "snow", actor=ANNA)
    pair_judgements.judge(workspace, [(2, 3)], "different", actor=ANNA)
    planned = undo_since.plan(workspace, by=ANNA, since=EVER)
    assert (planned.n_steps, planned.n_images) == (2, 3)
    undo_since.undo_since(workspace, by=ANNA, since=EVER, actor=ANNA)
    assert texts(workspace)[0] == "undid 2 steps"
