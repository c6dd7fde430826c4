"""Figures: their titles, and the data of a click on a cell."""

import numpy as np
import pytest

from peakid.evaluate import charts, overview_charts
from peakid.evaluate.errors import confusion_chart
from peakid.evaluate.run_scores import RunScore
from peakid.records import ClassRow, EpochMetrics

NAMES = ["Dom", "Lyskamm", "Matterhorn"]
MATRIX = np.array([[20, 4, 0], [1, 30, 0], [0, 0, 12]])


def title(figure):
    return figure.layout.title.text


def axis_titles(figure):
    return figure.layout.xaxis.title.text, figure.layout.yaxis.title.text


EPOCHS = [
    EpochMetrics(1, "head", 1.0, 0.9, 0.5, 1e-3, 2.0),
    EpochMetrics(2, "body", 0.5, 0.6, 0.8, 1e-4, 3.0),
]


@pytest.mark.parametrize(
    ("figure", "titles"),
    [
        (confusion_chart.draw(NAMES, MATRIX), ("Predicted label", "Given label")),
        (charts.day([0] * 8 + [3, 4] + [0] * 14), ("Hour", "Images")),
        (charts.training_curves(EPOCHS), ("Epoch", None)),
    ],
)
def test_the_titles_of_the_axes_name_what_is_drawn_along_them(figure, titles):
    assert axis_titles(figure) == titles


def test_a_long_name_keeps_the_end_by_which_it_differs_from_others():
    assert charts.short("Species of widowbird number 07") == "Species of wi…ber 07"
    assert charts.short("x" * charts.LABEL_CHARS) == "x" * charts.LABEL_CHARS
    assert all(len(charts.short("ab " * n)) <= charts.LABEL_CHARS for n in range(40))


def test_the_day_has_a_bar_for_each_hour_from_the_first_to_the_last_with_any():
    figure = charts.day([0] * 8 + [3, 0, 4] + [0] * 13)
    assert list(figure.data[0].x) == ["8:00", "9:00", "10:00"]
    assert list(figure.data[0].y) == [3, 0, 4]


def test_the_accuracy_is_drawn_from_0_to_100_percent():
    figure = charts.training_curves(EPOCHS)
    assert tuple(figure.layout.yaxis2.range) == (0, 1.02)
    assert figure.layout.yaxis2.ticktext[-1] == "100 %"


def test_losses_are_in_the_left_chart_and_the_accuracy_in_the_right_one():
    figure = charts.training_curves(EPOCHS)
    assert [each.text for each in figure.layout.annotations[:2]] == ["Loss", "Accuracy (validation)"]
    drawn = [(trace.xaxis or "x", list(trace.y)) for trace in figure.data]
    assert drawn == [("x", [1.0, 0.5]), ("x", [0.9, 0.6]), ("x2", [0.5, 0.8])]


def test_curves_name_the_best_epoch_and_can_be_empty():
    epochs = [
        EpochMetrics(1, "head", 1.0, 0.9, 0.5, 1e-3, 2.0),
        EpochMetrics(2, "body", 0.5, 0.6, 0.8, 1e-4, 3.0),
    ]
    figure = charts.training_curves(epochs)
    assert title(figure) == "Best accuracy: 80 % (epoch 2 of 2)"
    assert {shape.x0 for shape in figure.layout.shapes} == {1.5}  # The second phase starts between the two.
    assert title(charts.training_curves([])) == "The first epoch is not finished yet"


@pytest.mark.parametrize(
    ("train_loss", "valid_loss", "places"), [(0.3, 0.5, ("bottom", "top")), (0.6, 0.4, ("top", "bottom"))]
)
def test_the_names_of_two_curves_do_not_overlap(train_loss, valid_loss, places):
    figure = charts.training_curves([EpochMetrics(1, "head", train_loss, valid_loss, 0.7, 1e-3, 2.0)])
    assert tuple(trace.textposition.split()[0] for trace in figure.data[:2]) == places


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_have_enough_contrast_with_their_cells(theme):
    # WCAG AA asks 4.5 : 1 for text, 3 : 1 for large text and marks.
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    def contrast(a, b):
        light, dark = sorted([luminance(a), luminance(b)], reverse=True)
        return (light + 0.05) / (dark + 0.05)

    assert contrast(charts.GROUND[theme], charts.ACCENT[theme]) >= 4.5
    assert contrast(charts.INK[theme], charts.mixed(charts.MISTAKE[theme], theme, 0.12)) >= 4.5


MARKUP = ["<b>dom</b>", "$x$ 50% &lt;"]


def test_names_are_not_markup_in_any_text_of_a_figure():
    rows = [ClassRow(MARKUP[0], 4, 0, False, 1), ClassRow(MARKUP[1], 9, 0, False, 2)]
    points = [RunScore(1, 1, 0.5, (0.2, 0.8), 10), RunScore(2, 2, 0.5, (0.2, 0.8), 10)]
    figures = [
        confusion_chart.draw(MARKUP, np.array([[1, 2], [0, 3]])),
        overview_charts.class_balance(rows),
        overview_charts.scores(points, {1: MARKUP[0], 2: MARKUP[1]}),
    ]
    for figure in figures:
        text = figure.to_json()
        assert "<b>" not in text.replace("\\u003c", "<")
        assert "$x" not in text
        assert "&#36;x&#36; 50&#37; &amp;lt;" in text.replace("\\u0026", "&")


def test_a_name_cannot_turn_the_writing_direction_of_a_figure():
    assert charts.escaped("zq\u202egpj.exe") == "zq\\u202egpj.exe"
    assert charts.escaped("\u05d3\u05d5\u05dd") + " (4 of 24)" == "\u2068\u05d3\u05d5\u05dd\u2069 (4 of 24)"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.02, ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0.83, 0.99, ["85 %", "90 %", "95 %"]),
        (0.9, 0.904, ["90.0 %", "90.1 %", "90.2 %", "90.3 %", "90.4 %"]),
        (0.95, 1.02, ["96 %", "98 %", "100 %"]),  # There is no accuracy of 102 %,
        (0.995, 1.005, ["99.6 %", "99.8 %", "100.0 %"]),
        (-0.005, 0.005, ["0.0 %", "0.2 %", "0.4 %"]),  # nor one of -0.4 %.
    ],
)
def test_the_ticks_of_shares_read_as_texts_do(low: float, high: float, ticks: list[str]) -> None:
    axis = charts.share_axis(low, high)
    assert axis["ticktext"] == ticks
    assert axis["range"] == [low, high]
    values = np.asarray(axis["tickvals"])
    assert values == pytest.approx([float(each.split()[0]) / 100 for each in ticks])
