"""Outlier scores: what is unlike every class, or unlike its own."""

import numpy as np
import pytest

from peakid.embed import outliers


def cloud(centre: list[float], n: int, *, seed: int = 0, spread: float = 0.05) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (np.array(centre) + random.normal(0, spread, (n, len(centre)))).astype(np.float16)


def two_classes(*others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """60 images near x, 60 near y, and others labelled as the first class."""
    features = np.concatenate([cloud([1, 0, 0], 60), cloud([0, 1, 0], 60, seed=1), *others])
    return features, np.array([0] * 60 + [1] * 60 + [0] * (len(features) - 120))


def test_a_group_of_foreign_pictures_is_strange_although_they_resemble_each_other() -> None:
    features, labels = two_classes(cloud([0, 0, 1], 12, seed=2))
    found = outliers.score(features, labels)
    assert set(np.argsort(found.score)[:12]) == set(range(120, 132))
    assert (found.score[120:] < outliers.threshold(found.score)).all()
    assert found.score[:120].min() > 0.9
    assert (found.nearest_similarity[120:] > 0.9).all()  # A single neighbour would not tell them.


def test_an_image_of_another_class_is_strange_within_its_own_class_only() -> None:
    features, labels = two_classes(cloud([0, 1, 0], 1, seed=3))
    found = outliers.score(features, labels)
    assert found.class_score[120] < 0.2
    assert found.score[120] > 0.9
    assert found.nearest_class[120] == 1


def test_the_score_is_the_mean_similarity_to_half_of_the_class() -> None:
    features = np.array([[1, 0], [1, 0], [0.6, 0.8], [0, 1]], np.float32)
    found = outliers.score(features, np.zeros(4, np.int64))
    # Two neighbours each: (1 + .6) / 2, again, (.8 + .6) / 2, (.8 + 0) / 2.
    assert found.score == pytest.approx([0.8, 0.8, 0.7, 0.4])
    assert found.class_score == pytest.approx(found.score)
    assert found.nearest_row.tolist() == [1, 0, 3, 2]
    assert found.nearest_similarity == pytest.approx([1, 1, 0.8, 0.8])


def test_images_without_a_label_are_compared_with_each_other_too() -> None:
    features = np.concatenate([cloud([1, 0, 0], 20), cloud([0, 1, 0], 20, seed=1), cloud([0, 0, 1], 1)])
    labels = np.array([0] * 20 + [-1] * 21)
    found = outliers.score(features, labels)
    assert found.score.argmin() == 40
    assert (found.nearest_class[20:40] == -1).all()
    assert np.isnan(found.class_score[20:]).all()


def test_a_single_image_has_nothing_to_be_compared_with() -> None:
    found = outliers.score(np.ones((1, 3), np.float16), np.zeros(1, np.int64))
    assert np.isnan(found.score).all()
    assert found.nearest_row.tolist() == [-1]
    assert outliers.threshold(found.score) == outliers.lonely_below(found.nearest_similarity) == 0
    assert len(outliers.score(np.ones((0, 3)), np.zeros(0, np.int64)).score) == 0


def test_a_class_of_one_image_says_nothing_about_that_image() -> None:
    found = outliers.score(np.array([[1, 0], [1, 0], [0, 1]]), np.array([0, 0, 1]))
    assert found.class_score[:2] == pytest.approx([1, 1])
    assert np.isnan(found.class_score[2])
    assert found.score[2] == 0


def test_a_large_collection_is_compared_with_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = two_classes(cloud([0, 0, 1], 3, seed=2))
    monkeypatch.setattr(outliers, "N_NEIGHBOURS", 5)
    monkeypatch.setattr(outliers, "_N_ROWS", 50)
    found = outliers.score(features, labels, n_references=20)
    assert set(np.argsort(found.score)[:3]) == {120, 121, 122}
    assert (found.score == outliers.score(features, labels, n_references=20).score).all()


def test_the_threshold_is_far_below_the_median() -> None:
    scores = np.array([0.5, 0.58, 0.6, 0.62, 0.9, np.nan])
    # Median .6, median deviation .02: .6 - 3 * 1.4826 * .02 = .511.
    assert outliers.threshold(scores) == pytest.approx(0.511, abs=1e-3)
