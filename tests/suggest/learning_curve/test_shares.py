"""Fits of the linear head to parts of the training images."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from peakid.evaluate.learning_curve.measured import MIXED
from peakid.suggest import head
from peakid.suggest.learning_curve import shares
from peakid.suggest.learning_curve.shares import Probe


@pytest.fixture
def collection():
    """Three classes of 12, 20 and 28 images in 40 dimensions; every other image has a near duplicate."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [12, 20, 28])
    features = rng.normal(size=(60, 40)) + 0.5 * rng.normal(size=(3, 40))[labels]
    groups = np.arange(60) // 2
    is_train = groups % 3 > 0
    return features, labels, groups, is_train


def test_parts_of_a_draw_are_nested_and_have_the_same_share_of_each_class():
    labels, groups = np.repeat([0, 1], [40, 80]), np.arange(120)
    parts = shares.common_parts(labels, groups, n_draws=3)
    assert [len(part.rows) for part in parts if part.draw == 0] == [15, 21, 30, 42, 60, 84]
    for draw in range(3):
        rows = [set(part.rows.tolist()) for part in parts if part.draw == draw]
        assert all(a < b for a, b in pairwise(rows))
    assert np.bincount(labels[parts[4].rows]).tolist() == [20, 40]
    assert (parts[-1].draw, len(parts[-1].rows)) == (3, 120)
    assert set(parts[0].rows.tolist()) != set(parts[6].rows.tolist())


def test_near_duplicates_are_taken_together():
    labels, groups = np.zeros(80, dtype=int), np.arange(80) // 4
    for part in shares.common_parts(labels, groups):
        _, counts = np.unique(groups[part.rows], return_counts=True)
        assert (counts < 4).sum() <= 1  # The last one may be cut.


def test_a_class_keeps_at_least_one_image():
    labels = np.array([0] * 50 + [1])
    every = [*shares.common_parts(labels, np.arange(51)), *shares.mixed_parts(labels, np.arange(51))]
    assert all(np.bincount(labels[part.rows], minlength=2).min() == 1 for part in every)


def test_mixed_parts_differ_between_classes():
    labels = np.repeat([0, 1, 2], 40)
    parts = shares.mixed_parts(labels, np.arange(120))
    counts = np.array([np.bincount(labels[part.rows]) for part in parts])
    assert len(parts) == 52
    assert counts.min() >= 14
    assert abs(np.corrcoef(counts.T)[0, 1]) < 0.4
    assert all(part.draw == MIXED for part in parts)


@pytest.mark.parametrize("n_dimensions", [40, 8])  # More and fewer than images.
def test_a_fit_predicts_as_a_ridge_regression_of_scikit_learn(collection, n_dimensions, monkeypatch):
    features, labels, groups, is_train = collection
    features = features[:, :n_dimensions]
    monkeypatch.setattr(shares, "PENALTIES", (3.0,))
    probe = Probe(features, labels, groups, is_train)
    rows = np.arange(0, is_train.sum(), 2)
    x = head.prepared(features, np.arange(60))
    chosen = np.flatnonzero(is_train)[rows]
    n, whole = np.bincount(labels[chosen]), np.bincount(labels[is_train])
    weights = (whole / n * len(rows) / whole.sum())[labels[chosen]]
    ridge = Ridge(alpha=3.0, fit_intercept=False)
    ridge.fit(x[chosen], np.eye(3)[labels[chosen]] - 1 / 3, sample_weight=weights)
    expected = ridge.predict(x[~is_train]).argmax(axis=1) == labels[~is_train]
    assert probe.correct(rows).tolist() == expected.tolist()
    assert 0 < expected.mean() < 1


def test_the_penalty_is_chosen_with_each_group_left_out(collection):
    features, labels, groups, is_train = collection
    x, y = features[is_train], np.eye(3)[labels[is_train]] - 1 / 3
    values, vectors = np.linalg.eigh(x @ x.T)
    ours = shares._left_out_loss(values, vectors, y, groups[is_train], 5.0)
    predicted = cross_val_predict(
        Ridge(alpha=5.0, fit_intercept=False), x, y, groups=groups[is_train], cv=LeaveOneGroupOut()
    )
    assert ours == pytest.approx(((y - predicted) ** 2).sum(), rel=1e-5)


def test_more_images_of_one_class_do_not_make_it_more_frequent(collection):
    # Without information, what is predicted follows the balance of the classes alone.
    _, labels, groups, is_train = collection
    probe = Probe(np.ones((60, 4)), labels, groups, is_train)
    train = labels[is_train]
    few_of_last = np.concatenate([np.flatnonzero(train < 2), np.flatnonzero(train == 2)[:2]])
    assert probe.correct(few_of_last).tolist() == (labels[~is_train] == 2).tolist()


def test_measuring_reports_each_fit_and_keeps_counts(collection):
    probe = Probe(*collection)
    parts = shares.common_parts(probe.labels, probe.groups, n_draws=2)
    seen = []
    fits = shares.measure(probe, parts, report=lambda step, total: seen.append((step, total)))
    assert seen == [(n, 13) for n in range(13)]
    assert fits.counts[-1].tolist() == np.bincount(probe.labels).tolist()
    assert fits.correct.shape == (13, 20)
    assert fits.nested().shape == (2, 6, 20)
    assert fits.correct[-1].mean() >= fits.nested()[:, 0].mean()
