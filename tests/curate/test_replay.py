"""The log without some of its steps: later decisions stay, an undo brings back nothing that is left out."""

from collections.abc import Callable

import pytest

from peakid.curate import class_merges, decisions, remarks, replay, undo_since
from peakid.records import Choice
from peakid.store.workspace import Workspace

ANNA, BEN = "human:anna", "human:ben"


@pytest.fixture
def digests(plant: Callable[..., dict[str, str]]) -> dict[str, str]:
    return plant({"a": "dom", "b": "dom", "c": "eiger", "d": "jungfrau", "e": "lyskamm"})


def label(workspace: Workspace, digest: str, name: str, actor: str = ANNA) -> int:
    made = decisions.decide(workspace, [Choice(digest, "label", name)], actor=actor)
    assert made.step_id is not None
    return made.step_id


def without(workspace: Workspace, *steps: int) -> dict[str, str | None]:
    """Return the label that each image would have, by digest."""
    names = {row["id"]: row["name"] for row in workspace.query("SELECT id, name FROM class")}
    of = {row["id"]: row["digest"] for row in workspace.query("SELECT id, digest FROM image")}
    return {
        of[image]: names.get(state.class_id or 0) if state.verdict == "label" else state.verdict
        for image, state in replay.states_without(workspace, steps).items()
    }


def test_the_label_before_is_back(workspace: Workspace, digests: dict[str, str]) -> None:
    step = label(workspace, digests["a"], "eiger")
    assert without(workspace, step) == {digests["a"]: "dom"}


def test_a_later_decision_of_another_step_stays(workspace: Workspace, digests: dict[str, str]) -> None:
    first = label(workspace, digests["a"], "eiger")
    label(workspace, digests["a"], "jungfrau", BEN)
    assert without(workspace, first) == {digests["a"]: "jungfrau"}


def test_an_undo_does_not_bring_back_what_is_left_out(workspace: Workspace, digests: dict[str, str]) -> None:
    first = label(workspace, digests["a"], "eiger")
    second = label(workspace, digests["a"], "jungfrau", BEN)
    decisions.undo(workspace, actor=BEN, step_id=second)  # Restores eiger, which step `first` gave.
    assert without(workspace, first) == {digests["a"]: "dom"}
    assert without(workspace, second) == {digests["a"]: "eiger"}


def test_leaving_out_an_undo_keeps_what_it_took_back(workspace: Workspace, digests: dict[str, str]) -> None:
    first = label(workspace, digests["a"], "eiger")
    undone = decisions.undo(workspace, actor=ANNA, step_id=first)
    assert undone.step_id is not None
    assert without(workspace, undone.step_id) == {digests["a"]: "eiger"}


def test_a_redo_is_followed(workspace: Workspace, digests: dict[str, str]) -> None:
    first = label(workspace, digests["a"], "eiger")
    decisions.undo(workspace, actor=ANNA)
    decisions.redo(workspace, actor=ANNA)
    assert without(workspace, first) == {digests["a"]: "dom"}
    other = label(workspace, digests["b"], "eiger")
    assert without(workspace, first, other) == {digests["a"]: "dom", digests["b"]: "dom"}


def test_an_undo_of_many_steps_restores_the_state_before_all_of_them(
    workspace: Workspace, digests: dict[str, str]
) -> None:
    label(workspace, digests["a"], "jungfrau", BEN)
    first = label(workspace, digests["a"], "eiger")
    label(workspace, digests["a"], "lyskamm")
    undo_since.undo_since(workspace, by=ANNA, since="2000", actor=BEN)
    assert without(workspace, first) == {digests["a"]: "jungfrau"}


def test_the_replay_of_nothing_left_out_is_the_state_now(
    workspace: Workspace, digests: dict[str, str]
) -> None:
    """Each step is left out alone: images it did not decide last keep their state."""
    steps = [label(workspace, digests[name], "eiger") for name in "ab"]
    decisions.decide(workspace, [Choice(digests["b"], "exclude", reason="a map")], actor=BEN)
    assert without(workspace, steps[1]) == {digests["b"]: "exclude"}


def test_merged_classes_stay_merged(workspace: Workspace, digests: dict[str, str]) -> None:
    step = label(workspace, digests["a"], "eiger")
    class_merges.merge(workspace, "dom", "eiger", actor=ANNA)
    assert without(workspace, step) == {digests["a"]: "eiger"}


def test_further_classes_of_an_image_are_replayed(workspace: Workspace, digests: dict[str, str]) -> None:
    step = remarks.also(workspace, digests["a"], "eiger", actor=ANNA).step_id
    assert step is not None
    image_id = workspace.query("SELECT id FROM image WHERE digest = ?", (digests["a"],))[0]["id"]
    assert replay.remarked_in(workspace, [step]) == {image_id}
    assert replay.also_shown_without(workspace, [step]) == set()
    off = remarks.also(workspace, digests["a"], "eiger", is_on=False, actor=BEN).step_id
    assert off is not None
    assert replay.also_shown_without(workspace, [off]) == {image_id}
