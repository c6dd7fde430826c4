"""A learning curve as a record, and its advice in words."""

import dataclasses
import json

import pytest

from peakid.evaluate.learning_curve import advice, curve, curve_chart
from peakid.evaluate.learning_curve.curve import CurvePoint, Gain, LearningCurve
from tests.evaluate.learning_curve import synthetic

POINT = CurvePoint(100, 0.8, 0.75, 0.85)


def helped(counts, number):
    return 1 - (0.05, 0.15)[number] * (100 / counts[number]) ** 0.6


def planted(*gains: Gain) -> LearningCurve:
    of_all = Gain(None, None, 100, 100, 0.03, 0.01, 0.05, 40)
    return LearningCurve("head", "planted", 100, 40, 0, 9, (POINT,), (POINT,), (*gains, of_all))


@pytest.fixture(scope="module")
def made():
    fits = synthetic.fits(helped, n_of_class=(100, 60), n_valid=4000, n_mixed=40)
    return curve.build(fits, ["sea", "glacier"], model="head", backbone="planted")


def test_a_curve_survives_being_stored(made):
    assert curve.parse(json.loads(json.dumps(made.document()))) == made
    assert curve.parse({"model": "of a later version"}) is None


def test_it_has_each_share_and_ends_with_twice_as_many(made):
    assert [each.n_images for each in made.measured] == [20, 29, 40, 56, 80, 112, 160]
    assert (made.ahead[0].n_images, made.ahead[-1].n_images) == (160, 320)
    assert all(each.low <= each.accuracy <= each.high for each in (*made.measured, *made.ahead))


def test_no_class_is_forecast_beyond_twice_its_images(made):
    assert made.steps == (5, 10, 20, 50, 100)
    assert {each.class_name: each.n_more for each in made.of_classes(100)} == {"sea": 100, "glacier": 60}
    assert made.usual_step == 100


def test_the_class_that_gains_most_is_first_and_named(made):
    assert [each.class_name for each in made.of_classes(50)] == ["glacier", "sea"]
    said = advice.advice(made, 50)
    assert (said.class_name, said.is_clear) == ("glacier", True)
    assert said.sentence.startswith("50 more images of glacier: +")


def test_an_interval_with_0_is_no_clear_gain():
    unclear = Gain("sea", 20, 50, 20, 0.004, -0.012, 0.02, 20)
    assert advice.advice(planted(unclear)).sentence == (
        "No clear gain. 20 more images of sea: +0.4 points (-1.2 to 2.0); the interval contains 0."
    )
    clear = dataclasses.replace(unclear, gain=0.015, low=0.002, high=0.028)
    assert advice.advice(planted(clear)).sentence == "20 more images of sea: +1.5 points (0.2 to 2.8)."
    assert advice.advice(planted(clear)).of_all == (
        "100 more images of all classes: +3.0 points (1.0 to 5.0)."
    )


def test_a_gain_that_rounds_to_0_has_no_sign_of_its_own():
    tiny = Gain("sea", 20, 50, 20, -0.00001, -0.0004, 0.0001, 20)
    assert advice.points(tiny) == "+0.0 points (0.0 to 0.0)"


def test_without_fits_that_tell_classes_apart_the_advice_is_about_all():
    fits = synthetic.fits(helped, n_of_class=(100, 60), n_valid=4000)
    made = curve.build(fits, ["sea", "glacier"], model="training")
    said = advice.advice(made)
    assert (said.class_name, made.steps) == (None, ())
    assert said.sentence == said.of_all
    assert said.sentence.startswith("160 more images of all classes: +")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_has_the_points_the_band_and_today(made, theme):
    figure = curve_chart.draw(made, theme=theme)
    band, ahead, measured = figure.data
    assert len(band.x) == 2 * len(made.ahead)
    assert list(ahead.x) == [each.n_images for each in made.ahead]
    assert list(measured.y) == [each.accuracy for each in made.measured]
    low, high = figure.layout.yaxis.range
    assert low <= min(band.y) <= max(band.y) <= high
    assert figure.layout.title.text.startswith(
        f"Linear head: {100 * made.measured[-1].accuracy:.0f} &#37; with 160 images"
    )
