"""Slices are computed once and stored; judging, tags and embeddings make them out of date."""

import numpy as np
import pytest

from peakid.curate import decisions, remarks
from peakid.dataset import snapshot
from peakid.evaluate import figures, scored_images
from peakid.evaluate.slices import slicing, stored_slices
from peakid.records import Choice
from peakid.store import runs
from tests import planted_embeddings, planted_runs

ANNA = "human:anna"


@pytest.fixture
def run(workspace, plant):
    """A run on eighty images of two classes; four doms of each split are taken for an eiger."""
    plant({**{f"d{i}": "dom" for i in range(40)}, **{f"e{i}": "eiger" for i in range(40)}})
    frozen = snapshot.create(workspace, actor=ANNA, fractions={"train": 0.2, "valid": 0.6, "test": 0.2})
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}, per_class=4))


def test_what_is_read_is_what_was_computed_with_the_errors_of_each_slice(workspace, run):
    images = scored_images.load(workspace, run, "valid")
    remarks.tag(workspace, images.digests[::2], "fog", actor=ANNA)
    assert stored_slices.stored(workspace, run, "valid") is None
    stored_slices.compute(workspace, run, "valid")
    found = stored_slices.stored(workspace, run, "valid")
    wanted = slicing.slices(workspace, images)
    assert found.is_current
    assert found.report == wanted
    assert found.report.to_json() == wanted.to_json()
    for each, other in zip(found.report.properties, wanted.properties, strict=True):
        for one, same in zip(each.slices, other.slices, strict=True):
            assert one.error_ids.tolist() == same.error_ids.tolist()
            assert one.examples == same.examples
    assert any(len(one.error_ids) for each in found.report.properties for one in each.slices)


@pytest.mark.parametrize("what", ["judged", "tagged", "embedded"])
def test_a_change_makes_them_out_of_date_and_small_splits_are_computed_again(
    workspace, run, monkeypatch, what
):
    before = stored_slices.compute(workspace, run, "valid")
    images = scored_images.load(workspace, run, "valid")
    if what == "judged":
        decisions.decide(workspace, [Choice(images.digests[0], "label", "dom")], actor=ANNA)
    elif what == "tagged":
        remarks.tag(workspace, images.digests[:9], "fog", actor=ANNA)
    else:
        planted_embeddings.plant(workspace, {each: [1.0, 0.0] for each in images.digests})
    assert not stored_slices.stored(workspace, run, "valid").is_current
    monkeypatch.setattr(figures, "MAX_INLINE", 1)  # A large split keeps the old ones until the job has run.
    assert stored_slices.of_run(workspace, run, "valid").report == before.report
    monkeypatch.undo()
    renewed = stored_slices.of_run(workspace, run, "valid")
    assert renewed.is_current
    assert renewed.report != before.report


def test_errors_of_other_figures_and_other_versions_are_not_read(workspace, run, monkeypatch):
    stored_slices.compute(workspace, run, "valid")
    errors = runs.folder(workspace, run.run_id) / "slices_valid.npz"
    before = errors.read_bytes()
    stored_slices.compute(workspace, run, "valid")
    errors.write_bytes(before)
    assert stored_slices.stored(workspace, run, "valid") is None
    stored_slices.compute(workspace, run, "valid")
    monkeypatch.setattr(stored_slices, "VERSION", 99)
    assert stored_slices.stored(workspace, run, "valid") is None


def test_two_properties_of_many_images_are_those_of_a_sample(workspace, run, monkeypatch):
    images = scored_images.load(workspace, run, "valid")
    remarks.tag(workspace, images.digests[::2], "fog", actor=ANNA)
    monkeypatch.setattr(stored_slices, "MOST_CROSSED", 30)
    found = stored_slices.crossed(workspace, images, ("tag", "class"))
    assert found.n_images == 30
    assert {"tag", "class", "tag,class"} <= {each.key for each in found.properties}
    drawn = np.concatenate([one.error_ids for each in found.properties for one in each.slices])
    assert set(drawn.tolist()) <= set(images.image_ids[~images.is_right].tolist())
