"""Exact cosine neighbours, compared with sorting all similarities."""

from pathlib import Path

import numpy as np
import pytest

from peakid.embed import neighbours


def by_sorting(features: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    lengths = np.linalg.norm(features.astype(float), axis=1)
    cosine = queries.astype(float) @ features.astype(float).T / lengths
    return np.argsort(-cosine, axis=1, kind="stable")[:, :k]


def test_the_nearest_are_those_of_sorting_all_similarities(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    features = (random.normal(size=(103, 7)) * random.uniform(0.1, 9, (103, 1))).astype(np.float16)
    queries = random.normal(size=(11, 7)).astype(np.float32)
    monkeypatch.setattr(neighbours, "_N_ROWS", 10)
    monkeypatch.setattr(neighbours, "_N_QUERIES", 4)
    found = neighbours.nearest(features, queries, 15)
    assert (found.indices == by_sorting(features, queries, 15)).all()
    assert found.similarity.dtype == np.float32
    assert (np.diff(found.similarity, axis=1) <= 0).all()


def test_a_similarity_is_the_cosine() -> None:
    found = neighbours.nearest(np.array([[2.0, 0], [3, 3]], np.float16), np.array([[5.0, 0]]), 2)
    assert found.indices.tolist() == [[0, 1]]
    assert found.similarity[0] == pytest.approx([1, 2**-0.5])


def test_a_query_is_not_its_own_neighbour() -> None:
    features = np.eye(4, dtype=np.float16)
    features[3] = features[0]  # A copy of the first.
    found = neighbours.nearest(features, features, 9, exclude=np.arange(4))
    assert found.indices.shape == (4, 3)
    assert found.indices[0].tolist() == [3, 1, 2]  # Ties are in the order of the rows.
    assert all(row not in found.indices[row] for row in range(4))


def test_equal_similarities_keep_the_order_of_the_rows_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_N_ROWS", 3)
    found = neighbours.nearest(np.ones((10, 2), np.float16), np.ones((1, 2)), 5)
    assert found.indices.tolist() == [[0, 1, 2, 3, 4]]


def test_a_vector_without_a_direction_is_near_to_nothing() -> None:
    features = np.array([[0, 0], [np.nan, 1], [np.inf, 1], [1, 1]], np.float16)
    found = neighbours.nearest(features, np.array([[1.0, 1], [0, 0]]), 4)
    assert found.indices[0].tolist() == [3, 0, 1, 2]
    assert found.similarity[0] == pytest.approx([1, 0, 0, 0])
    assert found.similarity[1].tolist() == [0, 0, 0, 0]


def test_one_query_can_leave_out_a_row_and_another_none() -> None:
    features = np.eye(3, dtype=np.float16)
    found = neighbours.nearest(features, features[:2], 3, exclude=np.array([0, -1]))
    assert found.indices.tolist() == [[1, 2], [1, 0]]


def test_nothing_is_found_among_nothing() -> None:
    assert neighbours.nearest(np.zeros((0, 3), np.float16), np.ones((2, 3)), 5).indices.shape == (2, 0)
    assert neighbours.nearest(np.ones((1, 3)), np.ones((1, 3)), 5, exclude=np.zeros(1, int)).indices.size == 0
    assert neighbours.nearest(np.ones((2, 3)), np.ones((0, 3)), 1).indices.shape == (0, 1)


def test_a_memmap_is_searched_in_place(tmp_path: Path) -> None:
    features = np.memmap(tmp_path / "features.f16", np.float16, "w+", shape=(5, 2))
    features[:] = [[1, 0], [0, 1], [-1, 0], [0, -1], [1, 1]]
    found = neighbours.nearest(features, np.array([[0, 2.0]]), 2)
    assert found.indices.tolist() == [[1, 4]]
    assert (features[4] == 1).all()  # Not normalised in place.
