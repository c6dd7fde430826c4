"""Sets of decisions: what is offered, and which steps each means."""

from collections.abc import Callable

import pytest

from peakid.curate import decision_sets, decisions
from peakid.curate.decision_sets import DecisionSet
from peakid.errors import BadInput
from peakid.records import Choice
from peakid.store.workspace import Workspace


@pytest.fixture
def digests(plant: Callable[..., dict[str, str]]) -> dict[str, str]:
    return plant({"a": "dom", "b": "dom", "c": "eiger"})


@pytest.fixture
def steps(workspace: Workspace, digests: dict[str, str]) -> list[int]:
    """Anna relabels two images at once in a queue, then one; Ben excludes one."""
    basis = {"queue": "label-issues"}
    made = [
        decisions.decide(
            workspace,
            [Choice(digests[name], "label", "eiger", basis=basis) for name in "ab"],
            actor="human:anna",
        ),
        decisions.decide(workspace, [Choice(digests["c"], "label", "dom")], actor="human:anna"),
        decisions.decide(workspace, [Choice(digests["c"], "exclude", reason="a map")], actor="human:ben"),
    ]
    return [each.step_id or 0 for each in made]


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        (DecisionSet(person="anna"), [0, 1]),
        (DecisionSet(person="human:ben"), [2]),
        (DecisionSet(queue="label-issues"), [0]),
        (DecisionSet(after="2000-01-01"), [0, 1, 2]),  # Not the import before them.
    ],
)
def test_a_set_means_its_steps(
    workspace: Workspace, steps: list[int], chosen: DecisionSet, places: list[int]
) -> None:
    assert decision_sets.steps_of(workspace, chosen) == [steps[place] for place in places]


def test_people_queues_and_actions_on_several_images_are_offered(
    workspace: Workspace, steps: list[int]
) -> None:
    found = decision_sets.offered(workspace)
    assert [(each.kind, each.value, each.n_images) for each in found] == [
        ("person", "anna", 3),
        ("person", "ben", 1),
        ("queue", "label-issues", 2),
        ("step", str(steps[0]), 2),
    ]
    assert found[3].title == "reviewed 2 images"
    assert decision_sets.steps_of(workspace, found[3].chosen()) == [steps[0]]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (DecisionSet(), "Choose one set"),
        (DecisionSet(steps=(1,), person="anna"), "Choose one set"),
        (DecisionSet(person="carl"), "the decisions of carl judged no image"),
        (DecisionSet(queue="worth"), "the decisions in the queue worth judged no image"),
        (DecisionSet(steps=(999,)), "No image was judged in step 999"),
    ],
)
def test_an_empty_or_unclear_set_is_explained(
    workspace: Workspace, steps: list[int], chosen: DecisionSet, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        decision_sets.steps_of(workspace, chosen)
