"""The labels that the live head fits on: what is read after a decision is what reading everything gives."""

import numpy as np
import pytest

from peakid.curate import class_merges, classes, decisions
from peakid.records import Choice
from peakid.suggest.known_labels import KnownLabels

ANNA = "human:anna"


@pytest.fixture
def digests(plant):
    return plant({**{f"d{n}": "dom" for n in range(4)}, **{f"e{n}": "eiger" for n in range(4)}, "u": None})


@pytest.fixture
def ids(workspace, digests):
    """All images but the last: it has no embedding."""
    return np.array([row["id"] for row in workspace.query("SELECT id FROM image ORDER BY id")][:-1])


def newest(workspace):
    return workspace.one("SELECT MAX(id) FROM decision")[0]


def same(found, expected):
    return all(np.array_equal(value, getattr(expected, name)) for name, value in vars(found).items())


def test_after_each_kind_of_change_the_labels_are_those_of_a_first_reading(workspace, digests, ids):
    known = KnownLabels(ids)
    first = known.read(workspace, newest(workspace))
    assert first.columns.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]

    def exclude():
        decisions.decide(workspace, [Choice(digests["d0"], "exclude", reason="unsuitable")], actor=ANNA)

    changes = (
        exclude,
        lambda: decisions.undo(workspace, actor=ANNA),
        lambda: decisions.decide(workspace, [Choice(digests["d1"], "label", "eiger")], actor=ANNA),
        lambda: decisions.decide(workspace, [Choice(digests["e1"], "flag")], actor=ANNA),
        lambda: decisions.decide(workspace, [Choice(digests["u"], "label", "dom")], actor=ANNA),
        lambda: classes.retire(workspace, "eiger"),
        lambda: classes.add(workspace, "eiger"),
        lambda: class_merges.merge(workspace, "eiger", "dom", actor=ANNA),
    )
    for change in changes:
        change()
        assert same(
            known.read(workspace, newest(workspace)), KnownLabels(ids).read(workspace, newest(workspace))
        )
    assert first.columns.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]  # What was returned does not change.


def test_only_images_with_new_decisions_are_read_again(workspace, digests, ids):
    known = KnownLabels(ids)
    known.read(workspace, newest(workspace))
    decisions.decide(workspace, [Choice(digests["d1"], "label", "eiger")], actor=ANNA)
    # Changed behind the log: it is not seen, because no decision names it.
    workspace.connection().execute("UPDATE image_state SET class_id = 2 WHERE image_id = ?", (int(ids[0]),))
    assert known.read(workspace, newest(workspace)).columns.tolist() == [0, 1, 0, 0, 1, 1, 1, 1]


def test_a_decision_that_comes_while_labels_are_read_is_read_the_next_time(workspace, digests, ids):
    known, before = KnownLabels(ids), newest(workspace)
    decisions.decide(workspace, [Choice(digests["d1"], "label", "eiger")], actor=ANNA)
    assert known.read(workspace, before).columns[1] == 1
    decisions.undo(workspace, actor=ANNA)
    assert known.read(workspace, before).columns[1] == 0
