"""The figures of the tab Trust: titles, intervals and what a tooltip says."""

import pytest

from peakid.evaluate.trust import selective, trust_charts, trust_report
from tests import scored


@pytest.fixture(scope="module")
def found():
    images = scored.drawn(200, sharpness=3.0)
    return trust_report.of_images(images, scored.drawn(200, sharpness=3.0, seed=1, split="valid"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_reliability_diagram_has_the_interval_of_each_bin(found, theme):
    figure = trust_charts.reliability(found, theme=theme)
    _, points = figure.data
    lows = [y - minus for y, minus in zip(points.y, points.error_y.arrayminus, strict=True)]
    assert lows == pytest.approx([each.accuracy_interval[0] for each in found.bins])
    assert figure.layout.title.text.startswith("Calibration error ")
    assert "more than chance" in figure.layout.title.text
    assert f"{found.bins[0].n_images} image" in points.hovertext[0]


def test_the_curve_marks_the_chosen_threshold_and_leaves_out_what_few_images_say(found):
    images = scored.drawn(200, sharpness=3.0)
    chosen = selective.at(images.confidence, images.is_right, images.groups, 0.9)
    figure = trust_charts.risk_coverage(found.curve, chosen)
    _, line, marked = figure.data
    assert min(line.x) >= trust_charts.LEAST_DRAWN / 200
    assert (marked.x[0], marked.y[0]) == (chosen.coverage, chosen.accuracy)
    assert figure.layout.title.text.startswith("At 0.90 it answers ")
    assert "<br>and is right on" in marked.hovertext[0]
    assert trust_charts.risk_coverage(found.curve[-1:]).data[1].x == (found.curve[-1].coverage,)


def test_set_sizes_are_counted(found):
    figure = trust_charts.set_sizes(found.conformal)
    assert sum(figure.data[0].y) == found.n_images
