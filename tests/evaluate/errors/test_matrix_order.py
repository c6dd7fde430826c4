"""The order of a confusion matrix, and its cells as shares, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from peakid.evaluate.errors import matrix_order

NAMES = ["Dom", "alp", "Lyskamm", "Eiger"]
MATRIX = np.array([[10, 0, 0, 4], [0, 30, 0, 0], [0, 0, 12, 0], [3, 0, 0, 9]])


def test_classes_are_ordered_by_name_size_or_similarity():
    def ordered(by):
        return [NAMES[n] for n in matrix_order.positions(NAMES, MATRIX, by)]

    assert ordered("class") == NAMES
    assert ordered("name") == ["alp", "Dom", "Eiger", "Lyskamm"]
    assert ordered("size") == ["alp", "Dom", "Lyskamm", "Eiger"]  # 30, 14, 12, 12.
    assert ordered("similarity") == ["Dom", "Eiger", "alp", "Lyskamm"]


@pytest.mark.parametrize("seed", range(5))
def test_classes_that_are_taken_for_each_other_stand_together(seed):
    # 12 classes in 4 shuffled triples with confusions inside, and single ones between triples.
    rng = np.random.default_rng(seed)
    triples = rng.permutation(12).reshape(4, 3)
    matrix = np.diag(np.full(12, 30))
    for triple in triples:
        for i, j in ((0, 1), (1, 2), (2, 0)):
            matrix[triple[i], triple[j]] = 8
    for _ in range(5):
        i, j = rng.choice(12, 2, replace=False)
        matrix[i, j] += 1
    order = matrix_order.positions([""] * 12, matrix, "similarity")
    assert sorted(order) == list(range(12))
    found = [set(order[at : at + 3]) for at in range(0, 12, 3)]
    assert all(set(triple.tolist()) in found for triple in triples)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3), int), np.diag([3, 1, 2]), np.array([[1]])])
def test_without_confusions_the_order_of_the_classes_stays(matrix):
    assert matrix_order.positions([""] * len(matrix), matrix, "similarity") == list(range(len(matrix)))


def test_shares_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    given, predicted = rng.integers(0, 5, 60), rng.integers(0, 4, 60)  # Class 4 is never predicted.
    counts = confusion_matrix(given, predicted, labels=range(5))
    for shown, normalize in (("counts", None), ("rows", "true"), ("columns", "pred")):
        expected = confusion_matrix(given, predicted, labels=range(5), normalize=normalize)
        assert matrix_order.values(counts, shown) == pytest.approx(expected)
