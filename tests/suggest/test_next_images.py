"""Which images to label next: small cases by hand, and that it beats chance on clustered points."""

import numpy as np
import pytest

from peakid.curate.queues import review_queue
from peakid.errors import NotFound
from peakid.suggest import live, next_images


def blobs(*sizes, n_dimensions=8, spread=0.05):
    """Return points around the axes, `sizes[0]` around the first, and the axis of each."""
    rng = np.random.default_rng(0)
    axis = np.repeat(np.arange(len(sizes)), sizes)
    points = np.eye(n_dimensions)[axis] + spread * rng.normal(size=(len(axis), n_dimensions))
    return points.astype(np.float16), axis


def order_of(values):
    return np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")[: np.isfinite(values).sum()]


def test_labelled_images_have_no_value_and_the_others_each_a_different_one():
    features, axis = blobs(10, 10)
    labels = np.where(np.arange(20) % 4 == 0, axis, -1)
    found = next_images.usefulness(features, None, labels)
    assert np.isnan(found[labels >= 0]).all()
    others = found[labels < 0]
    assert len(set(others)) == 15
    assert (others.max(), others.min()) == (1.0, pytest.approx(1 / 15))


def test_with_no_label_at_all_each_group_comes_once_and_the_largest_first():
    features, axis = blobs(30, 20, 10)
    found = next_images.usefulness(features, None, np.full(60, -1), n_first=3)
    assert axis[order_of(found)[:3]].tolist() == [0, 1, 2]


def test_a_group_with_a_label_comes_after_those_without():
    features, axis = blobs(30, 20, 10)
    labels = np.full(60, -1)
    labels[:1] = 0
    found = next_images.usefulness(features, None, labels, n_first=2)
    assert set(axis[order_of(found)[:2]]) <= {1, 2}


def test_the_most_typical_image_of_a_group_comes_first_not_the_odd_one():
    features, _ = blobs(12, n_dimensions=4)
    features[0] = [1, 0.9, 0.9, 0.9]
    found = next_images.usefulness(features, None, np.full(12, -1), n_first=1)
    assert order_of(found)[0] != 0


def test_with_enough_labels_the_images_come_first_that_the_model_is_unsure_about():
    features, axis = blobs(20, 20)
    labels = np.where(np.arange(40) % 2 == 0, axis, -1)
    probabilities = np.tile([0.9, 0.1], (40, 1))
    probabilities[[5, 25]] = [[0.52, 0.48], [0.45, 0.55]]
    found = next_images.usefulness(features, probabilities, labels, n_first=1)
    assert order_of(found)[:2].tolist() == [5, 25]


def test_two_doubtful_images_of_one_kind_do_not_follow_each_other():
    features, axis = blobs(20, 20)
    labels = np.where(np.arange(40) % 2 == 0, axis, -1)
    probabilities = np.tile([0.95, 0.05], (40, 1))
    probabilities[[1, 3, 5, 7, 9]] = [0.51, 0.49]  # All around the first axis.
    probabilities[[21, 23, 25, 27, 29]] = [0.6, 0.4]
    found = next_images.usefulness(features, probabilities, labels, n_first=2)
    assert sorted(axis[order_of(found)[:2]]) == [0, 1]


def test_only_the_ratio_of_the_two_highest_probabilities_matters():
    features, axis = blobs(20, 20)
    labels = np.where(np.arange(40) % 2 == 0, axis, -1)
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(40, 3))
    sharp, soft = (np.exp(t * scores) / np.exp(t * scores).sum(axis=1, keepdims=True) for t in (3, 0.5))
    assert np.array_equal(
        next_images.usefulness(features, sharp, labels),
        next_images.usefulness(features, soft, labels),
        equal_nan=True,
    )


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_image_is_no_error(n):
    features = np.ones((n, 4), dtype=np.float16)
    found = next_images.usefulness(features, None, np.full(n, -1))
    assert np.isfinite(found).sum() == n
    assert len(next_images.usefulness(features, np.full((n, 2), 0.5), np.full(n, -1))) == n


def test_all_images_alike_are_ordered_too():
    found = next_images.usefulness(np.ones((50, 4)), None, np.full(50, -1))
    assert len(set(found)) == 50


def test_small_groups_are_found_sooner_than_by_chance():
    features, axis = blobs(300, 20, 20, 20, 20)
    found = order_of(next_images.usefulness(features, None, np.full(380, -1), n_first=10))[:10]
    assert set(axis[found]) == {
        0,
        1,
        2,
        3,
        4,
    }  # By chance: 10 of 380 hold all five in one case of a thousand.


def test_only_the_first_ones_are_kept():
    values = np.array([np.nan, 0.25, 1.0, 0.5, 0.75])
    assert np.array_equal(next_images.first(values, 2), [np.nan, np.nan, 1, np.nan, 0.75], equal_nan=True)
    assert np.array_equal(next_images.first(values, 9), values, equal_nan=True)


def test_the_live_head_orders_the_images_without_a_label_by_usefulness(workspace, flipped):
    digests, _truth = flipped
    head = live.Live(workspace)
    head.refresh()
    found = review_queue.page(workspace, "suggestions:useful")
    assert {item.digest for item in found} == {digests["jungfrau 00"], digests["dom 11"]}
    rows = workspace.query("SELECT usefulness FROM suggestion WHERE usefulness IS NOT NULL ORDER BY 1")
    assert [row[0] for row in rows] == [0.5, 1.0]
    before = workspace.connection().total_changes
    head.refresh()
    assert workspace.connection().total_changes - before == 1  # The fit itself: nothing else has changed.


def test_an_unknown_order_of_suggestions_is_refused(workspace):
    with pytest.raises(NotFound):
        review_queue.page(workspace, "suggestions:x")
