"""Snapshots with and without decisions: the same scored images, other training images, never the newest."""

from collections.abc import Callable

import pytest

from peakid.curate import classes, decisions
from peakid.dataset import attributed, snapshot
from peakid.errors import BadInput
from peakid.records import Choice, Snapshot, SnapshotItem
from peakid.store.workspace import Workspace

ANNA = "human:anna"


@pytest.fixture
def digests(plant: Callable[..., dict[str, str]]) -> dict[str, str]:
    return plant({f"{name}{n:02}": name for name in ("dom", "eiger") for n in range(20)})


@pytest.fixture
def first(workspace: Workspace, digests: dict[str, str]) -> Snapshot:
    return snapshot.create(workspace, name="first", actor=ANNA)


def items(workspace: Workspace, frozen: Snapshot) -> dict[str, SnapshotItem]:
    return {item.digest: item for item in snapshot.items(workspace, frozen.digest)}


def test_training_labels_are_those_without_the_decisions_and_scored_labels_the_newest(
    workspace: Workspace, digests: dict[str, str], first: Snapshot
) -> None:
    before = items(workspace, first)
    doms = [item for item in before.values() if item.label == "dom"]
    train = [item.digest for item in doms if item.split == "train"][:3]
    valid = next(item.digest for item in doms if item.split == "valid")
    made = decisions.decide(
        workspace,
        [
            *(Choice(each, "label", "eiger") for each in (*train[:2], valid)),
            Choice(train[2], "exclude", reason="x"),
        ],
        actor=ANNA,
    )
    arms = attributed.freeze(workspace, [made.step_id or 0], like=first, name="step 2", actor=ANNA)
    with_them, without = items(workspace, arms.with_them), items(workspace, arms.without)
    assert (arms.n_relabelled, arms.n_added, arms.n_removed) == (2, 0, 1)
    assert {with_them[each].label for each in train[:2]} == {"eiger"}
    assert {without[each].label for each in train} == {"dom"}
    assert train[2] not in with_them
    assert with_them[valid].label == without[valid].label == "eiger"  # The same truth for both.
    scored = [{d: i.label for d, i in each.items() if i.split != "train"} for each in (with_them, without)]
    assert scored[0] == scored[1]
    assert all(before[digest].split == item.split for digest, item in without.items())


def test_the_snapshots_are_not_listed_and_not_the_newest(
    workspace: Workspace, digests: dict[str, str], first: Snapshot
) -> None:
    train = [item.digest for item in items(workspace, first).values() if item.split == "train"]
    made = decisions.decide(workspace, [Choice(train[0], "exclude", reason="a map")], actor=ANNA)
    arms = attributed.freeze(workspace, [made.step_id or 0], like=first, name="step 2", actor=ANNA)
    assert arms.without.digest == first.digest  # What the person froze before the decision.
    assert [each.digest for each in snapshot.list_snapshots(workspace)] == [first.digest]
    assert snapshot.show(workspace).digest == first.digest
    assert snapshot.show(workspace, arms.with_them.digest).name == "with step 2"
    frozen = snapshot.create(workspace, name="cleaned", actor=ANNA)
    assert (frozen.digest, frozen.name) == (arms.with_them.digest, "cleaned")  # Now a person froze it.
    assert snapshot.show(workspace).digest == frozen.digest


def test_images_that_the_decisions_labelled_are_added(
    workspace: Workspace, digests: dict[str, str], first: Snapshot, plant: Callable[..., dict[str, str]]
) -> None:
    more = plant({f"new{n}": None for n in range(20)})
    made = decisions.decide(workspace, [Choice(each, "label", "dom") for each in more.values()], actor=ANNA)
    arms = attributed.freeze(workspace, [made.step_id or 0], like=first, name="step", actor=ANNA)
    n_train = sum(
        item.split == "train" for d, item in items(workspace, arms.with_them).items() if d in more.values()
    )
    assert 0 < n_train < 20  # The others are for scoring, in both.
    assert arms.n_added == n_train
    assert arms.with_them.splits["valid"] == arms.without.splits["valid"]


def test_decisions_without_effect_on_training_are_refused(
    workspace: Workspace, digests: dict[str, str], first: Snapshot
) -> None:
    valid = next(item.digest for item in items(workspace, first).values() if item.split == "valid")
    made = decisions.decide(workspace, [Choice(valid, "exclude", reason="a map")], actor=ANNA)
    with pytest.raises(BadInput, match="are the same without these decisions"):
        attributed.freeze(workspace, [made.step_id or 0], like=first, name="step", actor=ANNA)


def test_a_class_that_only_the_decisions_know_is_left_out_of_both(
    workspace: Workspace, digests: dict[str, str], first: Snapshot
) -> None:
    train = [i for i in items(workspace, first).values() if i.split == "train" and i.label == "dom"]
    choices = [Choice(each.digest, "label", "lyskamm") for each in train[:4]]
    classes.add(workspace, "lyskamm")
    made = decisions.decide(workspace, choices, actor=ANNA)
    arms = attributed.freeze(workspace, [made.step_id or 0], like=first, name="step", actor=ANNA)
    assert arms.dropped_classes == ("lyskamm",)
    assert arms.with_them.class_names == ["dom", "eiger"]
    assert arms.n_removed == 4  # As dom, they are training images only without the decisions.
