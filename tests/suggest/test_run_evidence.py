"""Predictions of the newest run as evidence: only out of sample, and only of a run that knows the classes."""

import numpy as np
import pytest

from peakid.curate import class_merges, classes
from peakid.dataset import snapshot as snapshots
from peakid.errors import NotFound
from peakid.suggest import issues, live, run_evidence


def test_probabilities_are_in_the_order_of_images_and_classes_and_none_are_in_sample(
    workspace, frozen, add_run
):
    add_run(frozen, n_wrong=0)
    ids = np.array([row["id"] for row in workspace.query("SELECT id FROM image ORDER BY id")])
    [found] = run_evidence.of_newest(workspace, ids, ["sea", "river"])
    of = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    for item in snapshots.items(workspace, frozen.digest):
        row = found[ids.tolist().index(of[item.digest])]
        if item.split == "train":
            assert np.isnan(row).all()
        else:  # The planted run is right with .9.
            assert np.allclose(row, [0.9, 0.1] if item.label == "sea" else [0.1, 0.9])


def test_a_run_that_does_not_know_a_class_is_no_evidence(workspace, frozen, add_run):
    ids = np.array([1, 2])
    assert run_evidence.of_newest(workspace, ids, ["river", "sea"]) == []  # No run yet.
    add_run(frozen)
    assert run_evidence.of_newest(workspace, ids, ["river", "lake"]) == []


def test_a_run_is_evidence_of_classes_that_were_renamed_or_merged_since(workspace, frozen, add_run):
    add_run(frozen, n_wrong=0)
    ids = np.array([row["id"] for row in workspace.query("SELECT id FROM image ORDER BY id")])
    before = run_evidence.of_newest(workspace, ids, ["sea", "river"])
    classes.rename(workspace, "sea", "lake")
    assert np.array_equal(run_evidence.of_newest(workspace, ids, ["lake", "river"]), before, equal_nan=True)
    class_merges.merge(workspace, "lake", "river", actor="human:anna")
    [merged] = run_evidence.of_newest(workspace, ids, ["river"])
    assert np.allclose(merged[np.isfinite(merged)], 1.0)  # Both probabilities of the run.


def test_labels_are_scored_by_a_run_that_knows_their_class_by_an_earlier_name(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=1)
    before = issues.by_run(workspace, run_id)
    assert (before[0].given_label, before[0].is_issue) == ("river", True)
    classes.rename(workspace, "river", "stream")
    after = issues.by_run(workspace, run_id)
    assert [each.digest for each in after] == [each.digest for each in before]
    assert (after[0].given_label, after[0].is_issue) == ("stream", True)


def test_a_run_whose_classes_are_one_by_now_doubts_no_label(workspace, frozen, add_run):
    run_id = add_run(frozen)
    class_merges.merge(workspace, "sea", "river", actor="human:anna")
    with pytest.raises(NotFound, match="knows one class, 'river'"):
        issues.by_run(workspace, run_id)


def test_a_new_run_makes_a_fit_outdated_and_is_used(workspace, frozen, add_run, embed_as):
    items = snapshots.items(workspace, frozen.digest)
    digests = {item.digest: item.digest for item in items}
    embed_as(digests, {item.digest: item.label for item in items}, noise=3.0)
    head = live.Live(workspace)
    head.refresh()
    before = qualities(workspace)
    add_run(frozen, n_wrong=0)
    assert head.is_outdated()
    head.refresh()
    assert qualities(workspace) != before
    assert not head.is_outdated()


def qualities(workspace):
    return [row[0] for row in workspace.query("SELECT label_quality FROM suggestion ORDER BY image_id")]
