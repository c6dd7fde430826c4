"""Scores read the same on every page and in the terminal."""

from peakid.evaluate import score_text


def test_a_score_has_its_interval_and_n() -> None:
    assert score_text.score(0.909, (0.801, 0.961), 55) == "91 % (80-96 %, n = 55)"
    assert score_text.score(0.909, n_images=1200) == "91 % (n = 1,200)"
    assert score_text.score(1.0, (0.93, 1.0)) == "100 % (93-100 %)"


def test_a_missing_score_is_a_dash() -> None:
    assert (score_text.score(None), score_text.percent(None), score_text.difference(None)) == ("-", "-", "-")


def test_a_difference_is_in_points() -> None:
    assert score_text.difference(0.019) == "+1.9 points"
    assert score_text.difference(-0.0042) == "-0.4 points"


def test_a_baseline_below_one_percent_is_not_rounded_to_nothing() -> None:
    assert score_text.baseline(1 / 3) == "33 %"
    assert score_text.baseline(1 / 200) == "0.5 %"
    assert score_text.baseline(1 / 3000) == "0.033 %"
    assert score_text.baseline(0.0) == "0 %"
