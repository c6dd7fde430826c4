"""The forecast of a learning curve, on fits whose accuracy with more images is known."""

import numpy as np
import pytest

from peakid.evaluate.learning_curve.forecast import Forecast
from tests.evaluate.learning_curve import synthetic


def falling(counts, _number):
    """The error is 0.2 times the root of 200 by the number of images."""
    return 1 - 0.2 * np.sqrt(200 / counts.sum())


def level(_counts, _number):
    return 0.8


def test_the_gain_of_a_falling_error_is_found():
    made = Forecast(synthetic.fits(falling, n_valid=2000))
    # 0.2 - 0.2 / sqrt(2) = 0.0586.
    said = made.gain(2.0)
    assert said.value == pytest.approx(0.0586, abs=0.015)
    assert 0 < said.low < 0.0586 < said.high
    assert made.accuracy(2.0).value == pytest.approx(0.8586, abs=0.02)


def test_a_level_curve_has_no_clear_gain():
    said = Forecast(synthetic.fits(level)).gain(2.0)
    assert said.low < 0 < said.high
    assert abs(said.value) < 0.01


def test_the_interval_is_wider_with_fewer_validation_images_and_further_ahead():
    few, many = (Forecast(synthetic.fits(falling, n_valid=n)) for n in (60, 2000))
    widths = [said.high - said.low for said in (few.gain(2.0), many.gain(2.0), many.gain(1.25))]
    assert widths[0] > widths[1] > widths[2] > 0


def test_near_duplicates_in_validation_do_not_count_twice():
    fits = synthetic.fits(falling, n_valid=200)
    doubled = fits.shown(np.repeat(np.arange(200), 4))  # Each image four times, in one group.
    one, four = Forecast(fits), Forecast(doubled)
    assert four.measured_accuracies()[-1].value == pytest.approx(one.measured_accuracies()[-1].value)
    width, of_four = (each.high - each.low for each in (one.accuracy(1.0), four.accuracy(1.0)))
    assert of_four == pytest.approx(width, rel=0.2)


def test_the_class_whose_images_help_gains_most():
    def first_helps(counts, number):
        return 0.9 if number else 1 - 0.3 * (100 / counts[0]) ** 0.7

    made = Forecast(synthetic.fits(first_helps, n_of_class=(100, 100, 100), n_valid=900, n_mixed=60))
    gains = [each.value for each in made.class_gains([2.0, 2.0, 2.0])]
    # The error of a third of the images falls from 0.3 to 0.3 / 2^0.7 = 0.185: 0.115 / 3 = 0.038 of all.
    assert gains[0] == pytest.approx(0.038, abs=0.015)
    assert max(gains[1:]) < gains[0] / 3


def test_the_parts_of_the_classes_add_up_to_the_gain_of_all():
    made = Forecast(synthetic.fits(falling, n_valid=800, n_mixed=60))
    assert sum(each.value for each in made.class_gains([2.0, 2.0])) == pytest.approx(made.gain(2.0).value)


def test_without_any_error_nothing_is_gained():
    said = Forecast(synthetic.fits(lambda _counts, _number: 1.1, n_mixed=20))
    assert said.gain(2.0).value == 0
    assert [each.value for each in said.class_gains([2.0, 2.0])] == [0, 0]


def test_a_single_draw_is_enough_for_a_forecast():
    said = Forecast(synthetic.fits(falling, n_draws=1)).gain(2.0)
    assert np.isfinite([said.value, said.low, said.high]).all()


@pytest.mark.slow
def test_nine_of_ten_intervals_hold_the_gain_that_is_measured_then():
    held = []
    for seed in range(80):
        rng = np.random.default_rng((seed, 1))
        fits = synthetic.fits(falling, n_valid=150, seed=seed)
        luck = np.random.default_rng(seed).uniform(size=150)  # As in the fits: the same validation images.
        larger = synthetic.predicted(falling, np.array([200, 200]), fits.answers, luck, rng)
        gain = larger.mean() - fits.correct[fits.full].mean()
        said = Forecast(fits).gain(2.0)
        held.append(said.low <= gain <= said.high)
    assert 0.85 <= np.mean(held) <= 1
