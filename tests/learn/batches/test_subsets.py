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


def test_near_duplicates_are_in_one_fold_and_classes_are_spread(twins):
    fold = subsets.assign_folds(twins, 3, seed=0)
    assert all(fold[i] == fold[i + 1] for i in range(0, 24, 2))
    assert [Counter(twins.labels[fold == k].tolist()) for k in range(3)] == [{0: 4, 1: 4}] * 3
    assert (
        fold.tolist()
        == subsets.assign_folds(twins, 3, seed=0).tolist()
        != subsets.assign_folds(twins, 3, seed=1).tolist()
    )


def test_a_fold_is_predicted_by_a_model_whose_epoch_was_chosen_on_another(twins):
    fold = subsets.assign_folds(twins, 3, seed=0)
    splits = np.array(subsets.with_fold_splits(twins, fold, 2).splits)
    assert [set(splits[fold == k]) for k in range(3)] == [{"valid"}, {"train"}, {"test"}]


def test_a_class_with_fewer_groups_than_folds_is_refused(twins):
    with pytest.raises(
        ClassTooSmall,
        match="Class 'moss' has 6 images that are not near duplicates; training with 7 folds needs",
    ):
        subsets.assign_folds(twins, 7, seed=0)


@pytest.mark.slow
def test_cross_validation_predicts_every_image_by_a_model_that_has_not_seen_it(
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
def test_cross_validation_continues_with_the_fold_that_was_cut_short(twins, fit):
    settings = {"folds": 3, "arch": "small_resnet", "scratch_epochs": 2}
    straight, reported = fit(twins, name="straight", **settings)
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
        (each.epoch, each.phase, each.valid_loss) for each in reported
    ]
    assert [each.epoch for each in again] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_progress_covers_all_folds(twins, fit):
    reported = []
    fit(
        twins,
        folds=3,
        arch="small_resnet",
        scratch_epochs=2,
        report=lambda phase, step, total, message: reported.append((phase, step, total)),
    )
    training = [each for each in reported if each[0].startswith("Training")]
    assert [training[0][0], training[-1][0]] == [
        "Training fold 1 of 3, epoch 1 of 2",
        "Training fold 3 of 3, epoch 2 of 2",
    ]
    steps = [(step, total) for _phase, step, total in training]
    # 24 images in 3 folds: 8 learn in each, 4 at once: 2 batches, 2 epochs, 3 folds.
    assert {total for _step, total in steps} == {12}
    assert [step for step, _total in steps] == sorted(step for step, _total in steps)
    assert steps[-1][0] == 12


@pytest.fixture
def many():
    """40 train images of moss, 8 of rust; 4 of each in valid and in test."""
    sizes = [("moss", "train", 40), ("rust", "train", 8)] + [
        (name, split, 4) for name in ("moss", "rust") for split in ("valid", "test")
    ]
    return images_of([(name, split) for name, split, n in sizes for _ in range(n)])


def counts(images):
    return {
        (images.class_names[k], split): int(
            ((images.labels == k) & (np.asarray(images.splits) == split)).sum()
        )
        for k in (0, 1)
        for split in ("train", "valid", "test")
    }


def test_a_quarter_keeps_a_quarter_of_every_class_and_all_of_valid_and_test(many):
    part = subsets.take_share(many, 0.25, seed=0)
    assert counts(part) == {
        ("moss", "train"): 10, ("rust", "train"): 2,
        ("moss", "valid"): 4, ("rust", "valid"): 4, ("moss", "test"): 4, ("rust", "test"): 4,
    }  # fmt: skip
    whole = dict(zip(many.digests, many.labels, strict=True))
    assert all(whole[digest] == label for digest, label in zip(part.digests, part.labels, strict=True))


def test_a_larger_share_holds_the_smaller_one_and_another_seed_takes_others(many):
    tenth, half = (set(subsets.take_share(many, share, seed=0).digests) for share in (0.1, 0.5))
    assert tenth < half < set(many.digests)
    assert set(subsets.take_share(many, 0.1, seed=1).digests) != tenth


def test_no_class_is_lost_to_a_small_share(many):
    assert counts(subsets.take_share(many, 0.01, seed=0))["rust", "train"] == 1


def test_near_duplicates_are_kept_or_left_out_together(many):
    pairs = [f"group-{row // 2}" for row in range(len(many.digests))]
    part = subsets.take_share(dataclasses.replace(many, groups=pairs), 0.3, seed=0)
    of_group = [part.groups.count(group) for group in part.groups]
    assert set(of_group) == {2}
    assert len(part.groups) == len(part.digests) == len(part.labels) == len(part.splits)


def test_cross_validation_takes_a_share_of_all_images(many):
    part = subsets.take_share(many, 0.5, seed=0, is_folded=True)
    assert len(part.digests) == 32  # Half of 48 moss and of 16 rust.


def test_a_share_of_one_is_the_whole_dataset(many):
    assert subsets.take_share(many, 1.0, seed=0) is many
