"""Classes: keys, names, colours, guides, and merging as one step that undo reverses."""

import pytest

from peakid.acquire import folder
from peakid.curate import class_merges, classes, decisions, remarks
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput, NotFound, NothingToUndo
from peakid.records import Choice
from peakid.store import decision_log

ANNA, BEAT = "human:anna", "human:beat"


def labels(workspace):
    rows = workspace.query(
        "SELECT i.digest, c.name FROM image_state s JOIN image i ON i.id = s.image_id"
        " LEFT JOIN class c ON c.id = s.class_id"
    )
    return {row["digest"]: row["name"] for row in rows}


def test_a_merge_is_previewed_changes_all_labels_and_is_reversed_by_one_undo(workspace, plant):
    digests = plant({"a": "moench", "b": "moench", "c": "moench", "d": "mönch"})
    decisions.decide(
        workspace,
        [Choice(digests["a"], "label", "moench"), Choice(digests["b"], "exclude", reason="a map")],
        actor=ANNA,
    )
    planned = class_merges.plan(workspace, "moench", "mönch")
    assert (planned.n_images, planned.n_reviewed, planned.n_set_aside) == (
        3,
        2,
        1,
    )  # a and b judged; b excluded.
    before = workspace.query(
        "SELECT verdict, class_id, is_reviewed, reason FROM image_state ORDER BY image_id"
    )
    done = class_merges.merge(workspace, "moench", "mönch", actor=ANNA)
    assert (done.n_images, done.step_id) == (3, decisions.steps(workspace)[0].step_id)
    assert set(labels(workspace).values()) == {"mönch"}
    assert [
        tuple(row)
        for row in workspace.query("SELECT verdict, is_reviewed, reason FROM image_state ORDER BY image_id")
    ] == [(row["verdict"], row["is_reviewed"], row["reason"]) for row in before]
    assert classes.names(workspace) == ["mönch"]
    assert classes.show(workspace, "moench").merged_into == "mönch"
    decisions.undo(workspace, actor=ANNA)
    assert [
        tuple(row)
        for row in workspace.query(
            "SELECT verdict, class_id, is_reviewed, reason FROM image_state ORDER BY image_id"
        )
    ] == [tuple(row) for row in before]
    assert classes.names(workspace) == ["moench", "mönch"]
    assert classes.show(workspace, "moench").merged_into is None
    decisions.redo(workspace, actor=ANNA)
    assert classes.names(workspace) == ["mönch"]
    assert set(labels(workspace).values()) == {"mönch"}


def test_undoing_a_merge_keeps_later_judgements(workspace, plant):
    digests = plant({"a": "moench", "b": "moench", "c": "mönch"})
    class_merges.merge(workspace, "moench", "mönch", actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "label", "mönch")], actor=BEAT)
    undone = decisions.undo(workspace, actor=ANNA)
    assert undone.conflicts == [digests["b"]]
    assert labels(workspace) == {digests["a"]: "moench", digests["b"]: "mönch", digests["c"]: "mönch"}


def test_an_empty_class_can_be_merged_and_the_merge_undone(workspace, plant):
    plant({"a": "dom"})
    classes.add(workspace, "eiger")
    class_merges.merge(workspace, "eiger", "dom", actor=ANNA)
    assert classes.names(workspace) == ["dom"]
    decisions.undo(workspace, actor=ANNA)
    assert classes.names(workspace) == ["dom", "eiger"]


def test_merges_never_form_a_cycle(workspace, plant):
    plant({"a": "dom", "b": "eiger"})
    first = class_merges.merge(workspace, "dom", "eiger", actor=ANNA)
    undone = decisions.undo(workspace, actor=ANNA)
    class_merges.merge(workspace, "eiger", "dom", actor=ANNA)
    decisions.undo(
        workspace, actor=BEAT, step_id=undone.step_id
    )  # Would merge dom into eiger again, which is merged into dom.
    with workspace.transaction() as connection:
        assert decision_log.class_id(connection, "eiger") == decision_log.class_id(connection, "dom")
    assert classes.names(workspace) == ["dom"]
    with pytest.raises(NothingToUndo):
        decisions.undo(workspace, actor=ANNA, step_id=first.step_id)


@pytest.mark.parametrize(
    ("name", "into", "error"),
    [("dom", "dom", BadInput), ("dom", "nobody", NotFound), ("eiger", "old", BadInput)],
)
def test_an_invalid_merge_is_an_error(workspace, plant, name, into, error):
    plant({"a": "dom", "b": "eiger", "c": "old"})
    classes.retire(workspace, "old")
    with pytest.raises(error):
        class_merges.merge(workspace, name, into, actor=ANNA)
    assert len(decisions.steps(workspace)) == 1  # The import alone.


def test_an_import_under_a_merged_or_former_name_adds_to_the_current_class(workspace, fill, draw, tmp_path):
    fill(moench=1, dom=1)
    classes.add(workspace, "Mönch")
    class_merges.merge(workspace, "moench", "Mönch", actor=ANNA)
    classes.rename(workspace, "dom", "Dom")
    for n, name in enumerate(("moench", "dom")):
        (tmp_path / "more" / name).mkdir(parents=True)
        (tmp_path / "more" / name / "x.jpg").write_bytes(draw(77 + n))
    folder.import_folder(workspace, tmp_path / "more", actor=ANNA)
    assert [(row.class_name, row.n_images) for row in classes.list_classes(workspace)] == [
        ("moench", 0),
        ("Dom", 2),
        ("Mönch", 2),
    ]


def test_a_former_name_can_be_taken_by_another_class(workspace, plant):
    plant({"a": "dom"})
    classes.rename(workspace, "dom", "Dom")
    assert classes.current_names(workspace) == {"dom": "Dom", "Dom": "Dom"}
    classes.add(workspace, "dom")
    assert classes.current_names(workspace) == {"dom": "dom", "Dom": "Dom"}
    classes.rename(workspace, "dom", "Grenzgipfel")
    classes.rename(workspace, "Dom", "dom")
    assert classes.current_names(workspace) == {"dom": "dom", "Dom": "dom", "Grenzgipfel": "Grenzgipfel"}


def test_labelling_from_a_page_that_still_shows_the_old_name_works(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    classes.rename(workspace, "eiger", "Eiger")
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    assert labels(workspace)[digests["a"]] == "Eiger"


def test_snapshots_keep_the_names_of_their_time(workspace, fill):
    fill(river=6, sea=6)
    frozen = snapshots.create(workspace, name="first", actor=ANNA)
    classes.rename(workspace, "river", "stream")
    class_merges.merge(workspace, "sea", "stream", actor=ANNA)
    assert snapshots.verify(workspace, frozen.digest)
    assert {item.label for item in snapshots.items(workspace, frozen.digest)} == {"river", "sea"}


def test_a_new_class_gets_the_key_after_all_others(workspace):
    for name in ("dom", "eiger", "lyskamm", "weisshorn"):
        classes.add(workspace, name)
    assert classes.names(workspace) == ["dom", "eiger", "lyskamm", "weisshorn"]
    assert [row.position for row in classes.list_classes(workspace)] == [1, 2, 3, 4]


def test_the_key_order_can_be_set_and_other_classes_follow(workspace, plant):
    plant({"a": "dom", "b": "eiger", "c": "liskamm"})
    classes.order(workspace, ["liskamm", "dom"])
    assert classes.names(workspace) == ["liskamm", "dom", "eiger"]
    with pytest.raises(BadInput):
        classes.order(workspace, ["dom", "dom"])
    with pytest.raises(NotFound):
        classes.order(workspace, ["dom", "nobody"])
    assert classes.names(workspace) == ["liskamm", "dom", "eiger"]


def test_a_class_has_a_colour_a_note_and_at_most_three_examples(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": "dom", "d": "dom"})
    classes.describe(workspace, "dom", note="  a flat top ", colour="#aa11ee")
    remarks.set_typical(workspace, "dom", [digests["c"], digests["a"]], actor=ANNA)
    assert classes.show(workspace, "dom").colour == "#AA11EE"
    assert classes.colours(workspace) == {"dom": "#AA11EE", "eiger": None}
    first, second = classes.guide(workspace)
    assert (first.class_name, first.key, first.note, first.examples) == (
        "dom",
        "1",
        "a flat top",
        [digests["c"], digests["a"]],
    )
    assert (second.key, second.note, second.examples) == ("2", "", [])
    classes.describe(workspace, "dom", colour="")
    remarks.set_typical(workspace, "dom", [], actor=ANNA)
    assert classes.show(workspace, "dom").note == "a flat top"  # Values that are not given stay.
    assert (classes.show(workspace, "dom").colour, classes.guide(workspace)[0].examples) == (None, [])
    for wrong in ({"colour": "red"}, {"note": "x" * 501}):
        with pytest.raises(BadInput):
            classes.describe(workspace, "dom", **wrong)
    with pytest.raises(BadInput, match="4 typical images"):
        remarks.set_typical(workspace, "dom", list(digests.values()), actor=ANNA)


def test_adding_a_retired_or_merged_class_restores_it(workspace, plant):
    plant({"a": "dom", "b": "eiger"})
    classes.retire(workspace, "dom")
    assert classes.names(workspace) == ["eiger"]
    assert not classes.add(workspace, "dom").is_retired
    class_merges.merge(workspace, "dom", "eiger", actor=ANNA)
    assert classes.add(workspace, "dom").merged_into is None


def test_a_class_stored_decomposed_by_an_earlier_version_is_found_by_its_composed_name(workspace):
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO class (name, position, created_at) VALUES (?, 1, '2026-01-01T00:00:00.000Z')",
            ("Sa\u0308ntis",),
        )
        assert decision_log.class_id(connection, "S\u00e4ntis") == 1
