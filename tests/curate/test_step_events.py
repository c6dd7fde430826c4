"""What an action wrote is found by the id of its event."""

from collections.abc import Callable

import pytest

from peakid.curate import decisions, remarks, step_events
from peakid.curate.duplicates import resolve
from peakid.errors import NothingToUndo
from peakid.records import Choice
from peakid.store.workspace import Workspace

ANNA = "human:anna"


def test_the_step_of_every_kind_of_action_is_found_by_its_event(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    a, b, c = fill(river=3)
    one = decisions.decide(workspace, [Choice(a, "flag", event_id="one")], actor=ANNA)
    several = decisions.decide(workspace, [Choice(a, "flag"), Choice(b, "flag")], actor=ANNA, event_id="more")
    tag = remarks.tag(workspace, [a], "dusk", actor=ANNA, event_id="tag")
    kept = resolve.keep(workspace, a, {b: None, c: None}, actor=ANNA, event_id="keep")
    undo = decisions.undo(workspace, actor=ANNA, event_id="undo")
    found = {
        name: step_events.step_of(workspace, name, actor=ANNA)
        for name in ("one", "more", "tag", "keep", "undo")
    }
    steps = {"one": one, "more": several, "tag": tag, "keep": kept, "undo": undo}
    assert found == {name: step.step_id for name, step in steps.items()}
    assert step_events.is_undone(workspace, "keep", actor=ANNA)
    assert not step_events.is_undone(workspace, "one", actor=ANNA)


def test_a_step_of_somebody_else_or_one_that_was_not_saved_cannot_be_taken_back(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    (a,) = fill(river=1)
    decisions.decide(workspace, [Choice(a, "flag", event_id="one")], actor=ANNA)
    for event_id, actor in [("one", "human:ben"), ("two", ANNA), ("", ANNA), ("o", ANNA)]:
        with pytest.raises(NothingToUndo, match="not saved"):
            step_events.step_of(workspace, event_id, actor=actor)
