"""The arrays that every figure of evaluation is computed from."""

import numpy as np
import pytest

from peakid.curate import classes, decisions, remarks
from peakid.dataset import snapshot
from peakid.evaluate import scored_images
from peakid.evaluate.scored_images import NO_CLASS
from peakid.records import Choice
from peakid.store import run_predictions, runs
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def run(workspace, plant):
    """A run on fourteen images of two classes, with one dom of each split taken for an eiger."""
    plant({**{f"d{i}": "dom" for i in range(8)}, **{f"e{i}": "eiger" for i in range(6)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


def test_rows_are_the_stored_predictions_in_the_order_of_the_images(workspace, run):
    images = scored_images.load(workspace, run, "train")
    rows = run_predictions.rows(workspace, run.run_id, "train")
    assert list(images.digests) == [row.digest for row in rows]
    assert [images.class_names[each] for each in images.given] == [row.given_label for row in rows]
    assert [images.class_names[each] for each in images.predicted] == [row.predicted_label for row in rows]
    assert images.confidence == pytest.approx([row.confidence for row in rows])
    assert np.array_equal(images.newest, images.given)
    assert (np.diff(images.image_ids) > 0).all()
    assert images.is_right.sum() == len(images) - 1
    assert len(set(images.groups.tolist())) == len(images)


def test_the_newest_labels_follow_decisions_and_renamed_classes(workspace, run):
    before = scored_images.load(workspace, run, "train")
    wrong, other, third = (before.digests[n] for n in [*np.flatnonzero(~before.is_right), -1, -2])
    choices = [Choice(wrong, "label", "eiger"), Choice(other, "exclude", reason="blurred")]
    decisions.decide(workspace, choices, actor=ANNA)
    classes.rename(workspace, "eiger", "Eiger (BE)")
    images = scored_images.load(workspace, run, "train")
    newest = dict(zip(images.digests, images.newest.tolist(), strict=True))
    assert (newest[wrong], newest[other], newest[third]) == (1, NO_CLASS, 1)
    assert images.has_changed.sum() == 2
    assert images.is_reviewed.sum() == 2


def test_an_image_that_also_shows_the_predicted_class_is_right(workspace, run):
    before = scored_images.load(workspace, run, "train")
    [wrong] = np.flatnonzero(~before.is_right)
    remarks.also(workspace, before.digests[wrong], "eiger", actor=ANNA)
    assert scored_images.load(workspace, run, "train").is_right.all()


def test_a_part_keeps_rows_together(workspace, run):
    images = scored_images.load(workspace, run, "train")
    part = scored_images.subset(images, ~images.is_right)
    assert (len(part), part.predicted[0], part.given[0]) == (1, 1, 0)
    assert part.digests[0] == images.digests[int(np.flatnonzero(~images.is_right)[0])]
