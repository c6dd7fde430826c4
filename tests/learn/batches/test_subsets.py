import dataclasses
from collections import Counter

import numpy as np
import pytest

from peakid.errors import ClassTooSmall
from peakid.learn.batches import subsets
from tests.learn.colours import images_of
from tests.learn.test_resume import Killed


@pytest.fixture
def twins():
    """Twelve images of each of two classes, every two of which look alike."""
    images = images_of([(name, "train") for name in ("moss", "rust") for _ in range(12)])
    return dataclasses.replace(images, groups=[f"group-{i // 2}" for i in range(24)])


def test_images_that_look_alike_never_lie_in_different_folds_and_classes_are_spread(twins):
    fold = subsets.deal(twins, 3, seed=0)
    assert all(fold[i] == fold[i + 1] for i in range(0, 24, 2))
    assert [Counter(twins.labels[fold == k].tolist()) for k in range(3)] == [{0: 4, 1: 4}] * 3
    assert fold.tolist() == subsets.deal(twins, 3, seed=0).tolist() != subsets.deal(twins, 3, seed=1).tolist()


def test_a_fold_is_predicted_by_a_model_whose_epoch_was_chosen_on_another(twins):
    fold = subsets.deal(twins, 3, seed=0)
    splits = np.array(subsets.part(twins, fold, 2).splits)
    assert [set(splits[fold == k]) for k in range(3)] == [{"valid"}, {"train"}, {"test"}]


def test_a_class_with_fewer_groups_than_folds_is_told_with_a_number_that_works(twins):
    with pytest.raises(
        ClassTooSmall,
        match=r"Class 'moss' has 6 images that do not look alike; training with 7 folds needs at least 7",
    ):
        subsets.deal(twins, 7, seed=0)


@pytest.mark.slow
def test_cross_validation_answers_for_every_image_by_a_model_that_never_saw_it(
    twins, fit, tmp_path, pretrained
):
    result, epochs = fit(twins, folds=3, method="linear-head", pretrained=pretrained)
    digests, probabilities = result.pred_probs["cv"]
    assert (digests, probabilities.shape, set(result.pred_probs)) == (twins.digests, (24, 2), {"cv"})
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert result.metrics["accuracy"] == np.mean(probabilities.argmax(axis=1) == twins.labels)
    assert (result.best_epoch, result.is_cancelled) == (None, False)
    assert [epoch.phase for epoch in epochs] == [f"fold {k} of 3 linear head" for k in (1, 2, 3)]
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert not list((tmp_path / "run").glob("*"))  # No model, no left-overs.

    # A label that is wrong is not learned by heart: its image is answered by models that never saw it.
    wrong = dataclasses.replace(twins, labels=np.where(np.arange(24) < 2, 1, twins.labels))
    answered = fit(wrong, name="wrong", folds=3, method="linear-head", pretrained=pretrained)[0].pred_probs[
        "cv"
    ][1]
    assert answered[:2].argmax(axis=1).tolist() == [0, 0]


@pytest.mark.slow
def test_cross_validation_goes_on_with_the_fold_that_was_cut_short(twins, fit):
    settings = {"folds": 3, "arch": "small_resnet", "scratch_epochs": 2}
    straight, told = fit(twins, name="straight", **settings)
    seen = []

    def dies_in_fold_2(metrics):
        seen.append(metrics)
        if len(seen) == 4:
            raise Killed

    with pytest.raises(Killed):
        fit(twins, name="cut", on_epoch=dies_in_fold_2, **settings)
    resumed, again = fit(twins, name="cut", **settings)
    assert np.array_equal(resumed.pred_probs["cv"][1], straight.pred_probs["cv"][1])
    assert [(each.epoch, each.phase, each.valid_loss) for each in again] == [
        (each.epoch, each.phase, each.valid_loss) for each in told
    ]
    assert [each.epoch for each in again] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_progress_goes_over_all_folds(twins, fit):
    told = []
    fit(
        twins,
        folds=3,
        arch="small_resnet",
        scratch_epochs=2,
        report=lambda phase, step, total, message: told.append((phase, step, total)),
    )
    steps = [(step, total) for phase, step, total in told if phase == "Training"]
    # 24 images in 3 folds: 8 learn in each, 4 at once: 2 batches, 2 epochs, 3 folds.
    assert {total for _step, total in steps} == {12}
    assert [step for step, _total in steps] == sorted(step for step, _total in steps)
    assert steps[-1][0] == 12
