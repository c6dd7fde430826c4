"""What a threshold does, and a threshold that keeps its promise."""

import numpy as np
import pytest

from peakid.evaluate import intervals
from peakid.evaluate.trust import selective
from tests import scored


def test_a_threshold_answers_what_reaches_it():
    confidence = np.array([0.5, 0.8, 0.81, 0.9])
    found = selective.at(confidence, np.array([True, False, True, True]), np.arange(4), 0.8)
    assert (found.n_answered, found.n_wrong, found.coverage) == (3, 1, 0.75)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.accuracy_interval == pytest.approx(intervals.wilson(2, 3))
    assert found.coverage_interval == pytest.approx(intervals.wilson(3, 4))


def test_a_threshold_above_every_confidence_answers_nothing():
    found = selective.at(np.array([0.5, 0.6]), np.array([True, True]), np.arange(2), 0.99)
    assert (found.n_answered, found.accuracy, found.accuracy_interval) == (0, None, None)


def test_the_curve_begins_with_every_image_and_answers_fewer_and_fewer():
    images = scored.drawn(200)
    curve = selective.curve(images.confidence, images.is_right, images.groups)
    answered = [each.n_answered for each in curve]
    assert answered[0] == 200
    assert answered == sorted(set(answered), reverse=True)
    assert curve[0].threshold == 0
    assert curve[0].accuracy == pytest.approx(images.is_right.mean())
    assert len(curve) == selective.N_POINTS
    close = selective.curve(np.array([0.19, 0.195, 0.2]), np.array([True, False, True]), np.arange(3))
    assert [each.n_answered for each in close] == [3, 2, 1]


def test_a_chosen_threshold_reaches_its_target_19_times_in_20():
    population = scored.drawn(30_000, seed=99)
    n_chosen = n_missed = 0
    for seed in range(120):
        images = scored.drawn(200, seed=seed)
        chosen = selective.choose(images.confidence, images.is_right, images.groups, 0.8)
        if chosen.threshold is not None:
            n_chosen += 1
            true = selective.at(
                population.confidence, population.is_right, population.groups, chosen.threshold
            )
            n_missed += true.accuracy < 0.8
    assert n_chosen > 60
    assert n_missed <= 13  # Binomial(120, .05) is above once in a thousand.


def test_few_images_show_no_high_accuracy():
    images = scored.images([[0.9, 0.1]] * 20, [0] * 20)
    chosen = selective.choose(images.confidence, images.is_right, images.groups, 0.97)
    # .97 ** n <= .025 from n = 122 on; of 20 right images the bound is .05 ** (1 / 20) or .025 ** (1 / 20).
    assert (chosen.threshold, chosen.n_needed) == (None, 122)
    assert chosen.most_certain in (pytest.approx(0.025 ** (1 / 20)), pytest.approx(0.05 ** (1 / 20)))


def test_a_confident_error_does_not_forbid_a_threshold():
    probabilities = np.full((300, 2), 0.5)
    probabilities[:, 0] = np.linspace(0.999, 0.6, 300)
    probabilities[:, 1] = 1 - probabilities[:, 0]
    given = np.zeros(300, dtype=int)
    given[2] = 1  # The third surest is wrong.
    images = scored.images(probabilities, given)
    assert selective.choose(images.confidence, images.is_right, images.groups, 0.95).threshold is not None
