"""Projections: PCA agrees with scikit-learn, degenerate sets have a map, and a map fills its square."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from peakid.embed import projection
from peakid.errors import ExtraMissing


def test_pca_finds_the_same_directions_as_scikit_learn():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(300, 40)) * np.linspace(3, 0.2, 40) + 1).astype(np.float16)
    rows = features.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = PCA(2, svd_solver="full").fit_transform(rows)
    found = projection.pca(features)
    for axis in (0, 1):
        assert abs(np.corrcoef(found[:, axis], expected[:, axis])[0, 1]) > 0.999
    assert found.dtype == np.float32


def test_the_length_of_an_embedding_does_not_move_its_point():
    features = np.random.default_rng(1).normal(size=(30, 8)).astype(np.float32)
    longer = features * np.arange(1, 31)[:, None]
    np.testing.assert_allclose(projection.pca(features), projection.pca(longer), atol=1e-4)


def test_more_images_than_are_fitted_are_all_placed(monkeypatch):
    monkeypatch.setattr(projection, "MOST_FITTED", 50)
    monkeypatch.setattr(projection, "_BLOCK", 64)
    rng = np.random.default_rng(2)
    is_right = np.arange(200) % 2 == 1
    features = rng.normal(scale=0.1, size=(200, 6)) + np.where(is_right[:, None], 1.0, -1.0) * np.eye(6)[0]
    found = projection.pca(features)[:, 0]
    assert (found[is_right].min() > found[~is_right].max()) or (
        found[is_right].max() < found[~is_right].min()
    )


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_images_have_a_map(n):
    found = projection.scaled(projection.pca(np.eye(8)[:n]))
    assert found.shape == (n, 2)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_identical_images_are_in_the_middle(value):
    assert not projection.scaled(projection.pca(np.full((9, 16), value, np.float16))).any()


def test_one_dimension_gives_a_line():
    found = projection.pca(np.array([[-1.0], [1.0], [1.0]]))
    assert not found[:, 1].any()
    assert len(set(found[:, 0].tolist())) == 2


def test_a_map_fills_the_square_from_minus_1_to_1():
    points = np.array([[10.0, 5.0], [30.0, 5.0], [10.0, 9.0]])
    np.testing.assert_allclose(projection.scaled(points), [[-1, -0.2], [1, -0.2], [-1, 0.2]], atol=1e-6)


def test_a_far_outlier_is_at_the_border_and_does_not_shrink_the_map():
    points = np.concatenate([np.random.default_rng(3).uniform(-1, 1, (999, 2)), [[1e6, 0.0]]])
    found = projection.scaled(points)
    assert found[-1, 0] == 1
    assert np.ptp(found[:-1, 1]) > 0.3


def test_a_layout_without_umap_says_what_to_install(monkeypatch):
    monkeypatch.setattr(projection, "has_umap", lambda: False)
    with pytest.raises(ExtraMissing, match="umap-learn") as raised:
        projection.umap(np.eye(20))
    assert "pip install umap-learn" in raised.value.remedy


@pytest.mark.slow
def test_umap_keeps_two_groups_apart():
    pytest.importorskip("umap")
    is_right = np.arange(60) % 2 == 1
    rng = np.random.default_rng(0)
    features = rng.normal(scale=0.1, size=(60, 6)) + np.where(is_right[:, None], 1.0, -1.0) * np.eye(6)[0]
    found = projection.umap(features)
    centres = found[is_right].mean(axis=0), found[~is_right].mean(axis=0)
    spread = max(np.linalg.norm(found[is_right] - centres[0], axis=1).max(), 1e-9)
    assert np.linalg.norm(centres[0] - centres[1]) > spread
