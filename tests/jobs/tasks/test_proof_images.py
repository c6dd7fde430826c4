"""An export is proven on all validation images, of very many on the same sample of each class."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from peakid.jobs.tasks import proof_images
from peakid.keep import forget
from peakid.records import Snapshot
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace


def test_a_sample_has_the_same_share_of_every_class_each_time() -> None:
    labels = ["rare"] * 30 + ["common"] * 900 + ["usual"] * 70
    rows = proof_images.stratified(labels, 100)
    assert Counter(labels[row] for row in rows) == {"rare": 3, "common": 90, "usual": 7}
    assert rows.tolist() == sorted(set(rows.tolist())) == proof_images.stratified(labels, 100).tolist()
    assert rows.tolist() != list(range(0, 1000, 10))
    assert proof_images.stratified(labels[:100], 100).tolist() == list(range(100))


def test_all_validation_images_are_compared_with_their_labels(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    run = runs.show(workspace, add_run(frozen))
    digests, pred_probs = run_predictions.of_saved_model(workspace, run.run_id)
    found = proof_images.of(workspace, run)
    assert (list(found.digests), found.n_valid) == (digests, len(digests))
    assert np.array_equal(found.pred_probs, pred_probs)
    given = {row.digest: row.given_label for row in run_predictions.rows(workspace, run.run_id, "valid")}
    assert list(found.given_labels) == [given[digest] for digest in digests]
    few = proof_images.of(workspace, run, most=2)
    assert (len(few.digests), few.pred_probs.shape[0], few.n_valid) == (2, 2, len(digests))
    row = digests.index(few.digests[1])
    assert np.array_equal(few.pred_probs[1], pred_probs[row])


def test_a_refitted_model_has_no_score_on_the_images_it_was_fitted_to(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    run = runs.show(workspace, add_run(frozen))
    digests, pred_probs = run_predictions.of_saved_model(workspace, run.run_id)
    run_predictions.add_refit(workspace, run.run_id, digests, np.asarray(pred_probs))
    assert proof_images.of(workspace, run).given_labels == ()


def test_forgotten_images_are_left_out_and_the_run_can_still_be_exported(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    run = runs.show(workspace, add_run(frozen))
    before = proof_images.of(workspace, run)
    learned, _ = proof_images.learned(workspace, run)
    for digest in (before.digests[0], learned[0]):
        forget.forget(workspace, digest, actor="human:anna")
    found = proof_images.of(workspace, run)
    assert list(found.digests) == list(before.digests)[1:]
    assert found.n_valid == before.n_valid - 1
    assert learned[0] not in proof_images.learned(workspace, run)[0]
    assert len(list(proof_images.read(workspace, found.digests))) == found.n_valid


def test_training_images_come_with_their_labels(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    run = runs.show(workspace, add_run(frozen))
    digests, labels = proof_images.learned(workspace, run)
    assert len(digests) == len(labels) == frozen.splits["train"]
    assert set(labels) == set(frozen.class_names)
    assert len(proof_images.learned(workspace, run, most=2)[0]) == 2
