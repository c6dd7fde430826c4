"""Finding the slices that are worse than chance and their classes explain."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from peakid.evaluate.slices import search


def slices_of(*properties: np.ndarray) -> np.ndarray:
    return np.array([each == value for each in properties for value in np.unique(each)])


def test_one_slice_of_one_class_has_the_p_value_of_the_hypergeometric_distribution():
    # Of 40 images 10 are wrong, 8 of them among the 15 of the slice.
    is_wrong = np.zeros(40, bool)
    is_wrong[[*range(8), 20, 21]] = True
    member = np.arange(40) < 15
    found = search.search(is_wrong, np.zeros(40, int), member[None], n_shuffles=19_999)
    assert found.n_tested == 1
    exact = hypergeom(40, 10, 15).sf(7)  # .00357
    assert found.p_values[0] == pytest.approx(exact, abs=3 * np.sqrt(exact / 20_000))


def test_a_slice_of_a_hard_class_is_not_worse_within_its_class():
    # Class 1 is wrong in half of its images, wherever they come from; the web has most of them.
    classes = np.repeat([0, 1], 100)
    is_wrong = np.concatenate([np.arange(100) % 20 == 0, np.arange(100) % 2 == 0])
    web = np.concatenate([np.arange(100) < 10, np.arange(100) < 90])
    found = search.search(is_wrong, classes, slices_of(web))
    assert found.n_tested == 2
    assert found.p_values.min() > 0.3
    pooled = search.search(is_wrong, np.zeros(200, int), slices_of(web))
    assert pooled.p_values.min() < 0.01  # Without regard to classes it would be blamed.


def test_a_planted_slice_is_found_among_forty():
    random = np.random.default_rng(3)
    classes, source = random.integers(0, 5, 400), random.integers(0, 6, 400)
    others = [random.integers(0, 6, 400) for _ in range(6)]
    is_wrong = random.random(400) < np.where(source == 2, 0.4, 0.08)
    found = search.search(is_wrong, classes, slices_of(source, *others))
    assert found.n_tested == 42
    assert np.flatnonzero(found.p_values < 0.05).tolist() == [2]


def test_slices_that_cannot_be_compared_are_not_tested():
    classes = np.repeat([0, 1], 30)
    is_wrong = np.arange(60) % 3 == 0
    all_of_a_class, few, all_images = classes == 0, np.arange(60) < 9, np.ones(60, bool)
    found = search.search(is_wrong, classes, np.array([all_of_a_class, few, all_images]))
    assert (found.n_tested, np.isnan(found.p_values).all()) == (0, True)


@pytest.mark.parametrize("is_wrong", [np.zeros(40, bool), np.ones(40, bool), np.zeros(0, bool)])
def test_without_errors_or_without_correct_images_there_is_nothing_to_find(is_wrong):
    members = np.arange(len(is_wrong)) % 2 == 0
    found = search.search(is_wrong, np.zeros(len(is_wrong), int), members[None])
    assert np.isnan(found.p_values).all()


def false_alarms(n_times: int) -> float:
    """Return how often data without slices give an alarm; source and cluster depend on the class."""
    n_alarms = 0
    for seed in range(n_times):
        random = np.random.default_rng(seed)
        n = int(random.integers(60, 300))
        classes = random.integers(0, 6, n)
        is_wrong = random.random(n) > np.linspace(0.5, 0.98, 6)[classes]
        source = (classes + random.integers(0, 3, n)) % 5
        size, cluster = random.integers(0, 4, n), (2 * classes + random.integers(0, 4, n)) % 12
        # Another seed than that of the data: the same random numbers would tie the shuffles to them.
        found = search.search(
            is_wrong, classes, slices_of(source, size, cluster), seed=10**6 + seed, n_shuffles=199
        )
        n_alarms += bool(np.nanmin(found.p_values, initial=1.0) <= search.LARGEST_P)
    return n_alarms / n_times


@pytest.mark.slow
def test_data_without_slices_give_an_alarm_in_at_most_five_percent_of_cases():
    n_times = 1_000
    # Three standard errors of .05 in 1,000 cases: .021.
    assert 0.03 <= false_alarms(n_times) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_times)


def test_of_very_many_images_a_sample_is_tested():
    n = search.MOST_IMAGES + 1_000
    random = np.random.default_rng(1)
    member = random.random(n) < 0.1
    is_wrong = random.random(n) < np.where(member, 0.2, 0.1)
    other = random.random(n) < 0.1
    found = search.search(is_wrong, np.zeros(n, int), np.array([member, other]), n_shuffles=99)
    assert found.p_values[0] == 0.01  # The smallest of 99 shuffles.
    assert found.p_values[1] > 0.05
    again = search.search(is_wrong, np.zeros(n, int), np.array([member, other]), n_shuffles=99)
    assert np.array_equal(found.p_values, again.p_values)


def test_classes_that_cannot_tell_anything_do_not_change_a_p_value():
    random = np.random.default_rng(2)
    classes, member = np.zeros(120, int), random.random(120) < 0.4
    is_wrong = random.random(120) < np.where(member, 0.4, 0.2)
    alone = search.search(is_wrong, classes, member[None]).p_values
    # Besides, a class without errors, one of errors only, and one that is all in the slice.
    more = np.repeat([1, 2, 3], 20)
    wrong = np.concatenate([np.zeros(20, bool), np.ones(20, bool), np.arange(20) % 2 == 0])
    inside = np.concatenate([np.arange(40) % 2 == 0, np.ones(20, bool)])
    found = search.search(
        np.concatenate([is_wrong, wrong]),
        np.concatenate([classes, more]),
        np.concatenate([member, inside])[None],
    )
    assert 0.001 < alone[0] < 0.2
    assert found.p_values.tolist() == alone.tolist()


def test_a_slice_with_fewer_errors_never_has_a_smaller_p_value():
    # Shuffles of the first slice often reach 3, those of the second one never 2.9.
    shuffled = np.array([[3.5] * 5 + [0.0] * 4, [0.0] * 9])
    assert search._step_down(np.array([[3.0], [2.9]]), shuffled).tolist() == [0.6, 0.6]
    assert search._step_down(np.array([[2.9], [3.6]]), shuffled).tolist() == [0.6, 0.1]
