"""The table of the classes: scores with intervals, and the classes that are predicted too often."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import classification_report

from peakid.evaluate.errors import confusion, per_class
from tests.drawn_matrices import images_of, spread

NAMES = ["dom", "eiger", "lyskamm"]


def test_the_table_is_the_classification_report_of_scikit_learn():
    rng = np.random.default_rng(4)
    given, predicted = rng.choice(NAMES, 80), rng.choice(NAMES, 80)
    expected = classification_report(given, predicted, labels=NAMES, output_dict=True)
    for score in per_class.scores(confusion.counts(given, predicted, NAMES), NAMES):
        row = expected[score.class_name]
        assert (score.precision, score.recall, score.f1) == pytest.approx(
            (row["precision"], row["recall"], row["f1-score"])
        )
        assert (score.support, score.n_predicted) == (row["support"], (predicted == score.class_name).sum())


def test_the_intervals_are_those_of_scipy():
    matrix = np.array([[6, 2, 0], [1, 9, 0], [0, 0, 0]])
    dom, _, lyskamm = per_class.scores(matrix, NAMES)
    for k, n, found in ((6, 8, dom.recall_interval), (6, 7, dom.precision_interval)):
        expected = binomtest(k, n).proportion_ci(method="wilson")
        assert found == pytest.approx((expected.low, expected.high))
    assert lyskamm.recall_interval == lyskamm.precision_interval == (0.0, 1.0)  # Neither given nor predicted.


def test_a_class_that_is_predicted_too_often_is_named_with_both_numbers():
    # 14 images are taken into eiger and 1 out of it: P(X >= 14 of 15) = 16 / 2^15, times 3 classes.
    matrix = np.array([[20, 8, 0], [1, 19, 0], [0, 6, 24]])
    [found] = per_class.often_predicted(matrix, NAMES)
    assert (found.class_name, found.n_given, found.n_predicted) == ("eiger", 20, 33)
    assert found.p == pytest.approx(3 * 16 / 2**15)


def test_a_model_without_a_preference_names_a_class_in_at_most_5_percent_of_matrices():
    rng = np.random.default_rng(0)
    names = [str(n) for n in range(8)]
    n_named = sum(bool(per_class.often_predicted(spread(rng, 8, 30, 0.6), names)) for _ in range(200))
    assert n_named <= 10


def test_p_values_are_corrected_by_the_method_of_holm():
    # Worked by hand: .01 x 3, .02 x 2, .5 x 1; with 5 tests, two of which are left out: x 5, x 4, x 3.
    assert per_class.holm(np.array([0.5, 0.01, 0.02])) == pytest.approx([0.5, 0.03, 0.04])
    assert per_class.holm(np.array([0.5, 0.01, 0.02]), n_tests=5) == pytest.approx([1, 0.05, 0.08])
    assert per_class.holm(np.array([0.03, 0.02])) == pytest.approx([0.04, 0.04])  # Not less.
    assert len(per_class.holm(np.array([]))) == 0


def test_the_matrix_of_images_counts_what_else_an_image_shows_as_correct():
    images = images_of(np.array([[2, 1], [0, 2]]))
    assert confusion.of_images(images).tolist() == [[2, 1], [0, 2]]
    images.also_shows[images.given != images.predicted] = True
    assert confusion.of_images(images).tolist() == [[2, 0], [0, 3]]
