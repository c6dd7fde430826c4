"""The reference of an export measures how far a photo is from what the model learned."""

import dataclasses

import numpy as np
import pytest

from peakid.recipe import familiar
from tests import familiar_export


def drawn(n: int, *, seed: int, n_features: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and embeddings of two classes far apart, with more spread along one direction."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    means = np.zeros((2, n_features))
    means[0, 0] = means[1, 1] = 10
    spread = np.array([0.2, 0.2, 1.0, *[0.2] * (n_features - 3)])
    return labels, (means[labels] + spread * rng.normal(size=(n, n_features))).astype(np.float32)


def fitted(n_valid: int = 200) -> familiar.Reference:
    labels, embeddings = drawn(120, seed=1)
    found = familiar.fit(embeddings, labels, drawn(n_valid, seed=2)[1])
    assert found is not None
    return found


def test_the_distance_is_that_of_mahalanobis_with_the_shrunk_covariance() -> None:
    labels, embeddings = drawn(120, seed=1)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    means = np.stack([unit[labels == k].mean(axis=0) for k in (0, 1)])
    centred = unit - means[labels]
    covariance = centred.T @ centred / len(unit)
    shrunk = 0.7 * covariance + 0.3 * np.trace(covariance) / 6 * np.eye(6)
    photo = np.array([[3.0, 2.0, 1.0, 0.0, 1.0, 1.0]], dtype=np.float32)
    away = photo[0] / np.linalg.norm(photo) - means  # (2, 6)
    expected = min(np.sqrt(each @ np.linalg.inv(shrunk) @ each) for each in away)
    assert fitted().distances(photo)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("n_valid", "n_unfamiliar"), [(20, 0), (99, 0), (100, 1), (300, 3)])
def test_at_most_a_hundredth_of_the_validation_images_is_unfamiliar(n_valid: int, n_unfamiliar: int) -> None:
    found = fitted(n_valid)
    distances = found.distances(drawn(n_valid, seed=2)[1])
    assert found.are_unfamiliar(distances).sum() == n_unfamiliar


def test_rounding_puts_no_validation_image_beyond_its_own_distance() -> None:
    for seed in range(40):
        labels, embeddings = drawn(30, seed=seed, n_features=64)
        valid = drawn(13, seed=seed + 1000, n_features=64)[1]
        found = familiar.fit(embeddings, labels, valid)
        assert found is not None
        assert not found.are_unfamiliar(found.distances(valid)).any(), seed


def test_a_photo_far_from_every_class_is_unfamiliar_and_farther_than_all_validation_images() -> None:
    found = fitted()
    near, far = drawn(50, seed=3)[1], -drawn(50, seed=3)[1]
    assert found.are_unfamiliar(found.distances(near)).mean() < 0.1
    assert found.are_unfamiliar(found.distances(far)).all()
    assert found.shares(found.distances(far)).tolist() == [1.0] * 50
    assert found.shares(found.distances(near)).mean() == pytest.approx(0.5, abs=0.15)


def test_a_reference_is_read_as_it_was_written() -> None:
    found = fitted()
    read = familiar.parse(found.content())
    for each in dataclasses.fields(found):
        assert np.array_equal(getattr(found, each.name), getattr(read, each.name)), each.name


def test_many_validation_images_are_kept_as_quantiles() -> None:
    labels, embeddings = drawn(60, seed=1)
    found = familiar.fit(embeddings, labels, drawn(5000, seed=2)[1])
    assert found is not None
    assert len(found.quantiles) == familiar.MAX_QUANTILES
    distances = found.distances(drawn(5000, seed=2)[1])
    assert found.shares(distances).mean() == pytest.approx(0.5, abs=0.01)


def test_too_few_images_make_no_reference() -> None:
    labels, embeddings = drawn(familiar.MIN_IMAGES - 1, seed=1)
    assert familiar.fit(embeddings, labels, embeddings) is None
    labels, embeddings = drawn(20, seed=1)
    assert familiar.fit(embeddings, labels, embeddings[:0]) is None


def test_images_that_are_all_the_same_give_finite_distances() -> None:
    same = np.ones((10, 4), dtype=np.float32)
    found = familiar.fit(same, np.zeros(10), same)
    assert found is not None
    assert np.isfinite(found.distances(np.array([[1, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32))).all()
    assert not found.are_unfamiliar(found.distances(same)).any()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"variances": np.zeros(3, dtype=np.float32)}, "a variance is not above 0"),
        ({"means": np.full((2, 3), np.nan, dtype=np.float32)}, "means is empty or not finite"),
        ({"threshold": np.ones((1, 1), dtype=np.float32)}, r"threshold is float32 of shape \(1, 1\)"),
        ({"directions": np.ones((3, 5), dtype=np.float32)}, "directions have the shape"),
        ({"quantiles": np.zeros(0, dtype=np.float32)}, "quantiles is empty"),
    ],
)
def test_a_damaged_reference_is_refused(change: dict[str, np.ndarray], problem: str) -> None:
    labels, embeddings = familiar_export.pure_colours(30, seed=1)
    found = familiar.fit(embeddings, labels, embeddings)
    assert found is not None
    with pytest.raises(ValueError, match=problem):
        familiar.parse(dataclasses.replace(found, **change).content())


def test_a_file_that_is_no_reference_is_refused() -> None:
    for content in (b"", b"nonsense", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"):
        with pytest.raises(ValueError, match=r"."):
            familiar.parse(content)
