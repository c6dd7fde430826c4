"""Groups of classes that a model cannot tell apart: two planted ones are proposed, chance never is."""

import math

import numpy as np
import pytest
from scipy.special import beta
from scipy.stats import binom

from peakid.evaluate import figures, scored_images
from peakid.evaluate.errors import confusion, mergeable
from peakid.evaluate.intervals import paired_difference, wilson
from peakid.evaluate.trust import grouped
from peakid.store import runs
from tests.drawn_matrices import images_of, spread

N_MATRICES = 200


def confuse(rng, matrix, i, j, share):
    """Predict a share of the images of two classes as the other one."""
    for given, other in ((i, j), (j, i)):
        n = rng.binomial(matrix[given, given], share)
        matrix[given, given] -= n
        matrix[given, other] += n


def proposals_of(images):
    alone = confusion.of_images(images, is_one_per_group=True)
    interval = grouped.accuracy_interval(images)
    return mergeable.proposals(images.class_names, confusion.of_images(images), alone, interval)


def pairs_of(matrix):
    return {(each.first, each.second) for each in mergeable.confused_pairs(matrix)}


@pytest.mark.parametrize(("n_classes", "n_images"), [(3, 60), (6, 30), (14, 30)])
def test_two_planted_classes_that_look_the_same_are_proposed_and_no_others(n_classes, n_images):
    rng = np.random.default_rng(7)
    for _ in range(20):
        matrix = spread(rng, n_classes, n_images, 0.97)
        confuse(rng, matrix, 0, 2, 0.45)
        assert pairs_of(matrix) == {(0, 2)}


def test_classes_that_are_told_apart_are_not_proposed_in_any_of_200_matrices():
    rng = np.random.default_rng(11)
    assert not any(pairs_of(spread(rng, 6, 40, 0.93)) for _ in range(N_MATRICES))


@pytest.mark.parametrize("kind", ["even", "one class predicted for everything", "preferences"])
def test_errors_spread_by_chance_give_a_proposal_in_at_most_5_percent_of_matrices(kind):
    rng = np.random.default_rng(3)
    n_proposed = 0
    for _ in range(N_MATRICES):
        weights = {
            "even": np.ones(6),
            "one class predicted for everything": np.array([6.0, 1, 1, 1, 1, 1]),
            "preferences": rng.gamma(2, size=6) + 0.05,
        }[kind]
        n_proposed += bool(pairs_of(spread(rng, 6, 30, 0.6, weights)))
    assert n_proposed <= 0.05 * N_MATRICES


def test_three_classes_that_look_the_same_are_one_group():
    rng = np.random.default_rng(5)
    matrix = spread(rng, 8, 60, 0.97)
    for i, j in ((1, 3), (3, 4), (1, 4)):
        confuse(rng, matrix, i, j, 0.25)
    [proposal] = proposals_of(images_of(matrix))
    assert set(proposal.class_names) == {"class 1", "class 3", "class 4"}
    assert proposal.n_classes_after == 6


def test_the_p_value_is_the_larger_one_of_even_errors_and_those_of_the_other_classes():
    # Only class 0 has errors, 6 of 9 to class 1. Evenly spread: binomial, with 1 of 3 other classes.
    errors = np.zeros((4, 4), dtype=np.int64)
    errors[0, 1:] = (6, 2, 1)
    assert binom.sf(5, 9, 1 / 3) == pytest.approx(0.0424, abs=1e-4)
    # Three added errors for each class and none seen: beta-binomial with a = 3, b = 6 and n = 9, whose
    # probability of k is C(9, k) B(3 + k, 15 - k) / B(3, 6). It is less certain that chance is even.
    as_others = sum(math.comb(9, k) * beta(3 + k, 15 - k) / beta(3, 6) for k in range(6, 10))
    assert mergeable._p_value(errors, 0, 1) == pytest.approx(as_others) == pytest.approx(0.1090, abs=1e-4)
    # Five classes, and the others are never taken for class 1: now even errors explain more.
    errors = np.array([[0, 6, 2, 1, 0], [0] * 5, [0, 0, 0, 50, 50], [0, 0, 50, 0, 50], [0, 0, 50, 50, 0]])
    assert mergeable._p_value(errors, 0, 1) == pytest.approx(binom.sf(5, 9, 1 / 4))


def test_the_score_after_merging_counts_both_names_as_one_class():
    # 3 classes of 20: dom and eiger are taken for each other 8 + 7 times, lyskamm for dom once.
    matrix = np.array([[12, 8, 0], [7, 13, 0], [1, 0, 39]])
    [proposal] = proposals_of(images_of(matrix, ["dom", "eiger", "lyskamm"]))
    assert proposal.class_names == ("dom", "eiger")
    assert proposal.n_given == (20, 20)
    assert [(each.given_label, each.n) for each in proposal.confusions] == [("dom", 8), ("eiger", 7)]
    assert (proposal.accuracy_before, proposal.accuracy_after) == (64 / 80, 79 / 80)
    assert proposal.accuracy_after_interval == wilson(79, 80)
    assert proposal.gain_interval == paired_difference(80, 0, 15)
    assert proposal.n_classes_after == 2


def test_near_duplicates_are_not_evidence_several_times():
    # All 10 confusions are copies of one photo each way.
    matrix = np.array([[20, 5, 1, 0], [5, 20, 0, 1], [0, 1, 25, 0], [1, 0, 0, 25]])
    assert proposals_of(images_of(matrix))
    images = images_of(matrix)
    is_copy = (images.given != images.predicted) & (images.given < 2) & (images.predicted < 2)
    groups = np.where(is_copy, 10_000 + images.given, np.arange(len(images)))
    assert not proposals_of(images_of(matrix, groups=groups))


def test_nothing_is_proposed_that_would_leave_one_class():
    assert not proposals_of(images_of(np.array([[5, 5], [5, 5]])))
    everything = np.array([[20, 20, 20], [20, 20, 20], [20, 20, 20]])
    assert all(each.n_classes_after >= 2 for each in proposals_of(images_of(everything)))


def test_a_rare_confusion_is_not_proposed_however_certain_it_is():
    # 30 of 2,000: all errors are between two classes, but 98 % are told apart.
    matrix = np.diag([985, 985, 1000, 1000])
    matrix[0, 1] = matrix[1, 0] = 15
    assert not mergeable.confused_pairs(matrix)


def test_stored_figures_have_the_matrix_that_counts_near_duplicates_once(workspace, frozen, add_run):
    run = runs.show(workspace, add_run(frozen, n_wrong=2))
    figures.compute(workspace, run, "valid")
    stored = figures.stored(workspace, run, "valid")
    images = scored_images.load(workspace, run, "valid")
    assert stored.one_per_group.tolist() == confusion.of_images(images, is_one_per_group=True).tolist()
    assert stored.one_per_group.sum() == len(images)  # No two of the drawn images are near duplicates.
