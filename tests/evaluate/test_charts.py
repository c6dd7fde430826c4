"""Figures: their titles, and the data of a click on a cell."""

import numpy as np
import pytest

from peakid.evaluate import charts, overview_charts, per_class
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
        (charts.confusion(NAMES, MATRIX), ("Predicted label", "Given label")),
        (charts.day([0] * 8 + [3, 4] + [0] * 14), ("Hour", "Images")),
        (charts.recall_bars(per_class.scores(MATRIX, NAMES)), ("Recall", None)),
        (charts.training_curves(EPOCHS), ("Epoch", None)),
    ],
)
def test_the_titles_of_the_axes_name_what_is_drawn_along_them(figure, titles):
    assert axis_titles(figure) == titles


def test_a_row_of_the_matrix_is_the_given_label_and_a_column_the_predicted_one():
    figure = charts.confusion(NAMES, MATRIX)
    [cell] = [i for i, at in enumerate(figure.data[-1].customdata) if tuple(at) == (0, 1)]
    assert (figure.data[-1].x[cell], figure.data[-1].y[cell], figure.data[-1].text[cell]) == (1, 0, "4")
    assert list(figure.layout.xaxis.ticktext) == list(figure.layout.yaxis.ticktext) == NAMES


def test_the_tooltip_of_a_recall_has_its_count_and_its_interval():
    figure = charts.recall_bars(per_class.scores(MATRIX, NAMES))
    name, n_right, n, low, high = figure.data[0].customdata[0]
    assert (name, n_right, n) == ("Dom", 20, 24)
    assert low < 20 / 24 < high


def test_the_day_has_a_bar_for_each_hour_from_the_first_to_the_last_with_any():
    figure = charts.day([0] * 8 + [3, 0, 4] + [0] * 13)
    assert list(figure.data[0].x) == ["8:00", "9:00", "10:00"]
    assert list(figure.data[0].y) == [3, 0, 4]


def test_the_accuracy_is_drawn_from_0_to_100_percent():
    figure = charts.training_curves(EPOCHS)
    assert (tuple(figure.layout.yaxis2.range), figure.layout.yaxis2.tickformat) == ((0, 1.02), ".0%")
    recall = charts.recall_bars(per_class.scores(MATRIX, NAMES))
    assert tuple(recall.layout.xaxis.range) == (0, 1.02)


def test_losses_are_in_the_left_chart_and_the_accuracy_in_the_right_one():
    figure = charts.training_curves(EPOCHS)
    assert [each.text for each in figure.layout.annotations[:2]] == ["Loss", "Accuracy (validation)"]
    drawn = [(trace.xaxis or "x", list(trace.y)) for trace in figure.data]
    assert drawn == [("x", [1.0, 0.5]), ("x", [0.9, 0.6]), ("x2", [0.5, 0.8])]


def test_the_title_of_the_matrix_is_the_most_frequent_error():
    figure = charts.confusion(NAMES, MATRIX)
    assert title(figure) == "Most frequent error: Dom<br>predicted as Lyskamm (4 of 24)"
    assert title(charts.confusion(NAMES, np.diag([3, 4, 5]))) == "No errors on 12 images"
    assert (
        title(charts.confusion(NAMES, np.array([[3, 1, 0], [0, 1, 0], [0, 0, 1]])))
        == "Most frequent error: Dom<br>predicted as Lyskamm (1 of 4)"
    )


def test_no_line_of_the_title_of_the_matrix_is_wider_than_the_matrix():
    names = ["Grandes Jorasses, north face", "Matterhorn from Zermatt in winter", "Dom"]
    lines = title(charts.confusion(names, 100 * MATRIX)).split("<br>")
    assert len(lines) == 2
    assert max(map(len, lines)) <= 48
    assert (
        title(charts.confusion(["a", "b", "c"], MATRIX)) == "Most frequent error: a predicted as b (4 of 24)"
    )


@pytest.mark.parametrize("n_classes", [2, 10, 11, 30])
def test_every_cell_has_a_smaller_square_with_its_row_and_column(n_classes):
    names = [f"class {i}" for i in range(n_classes)]
    figure = charts.confusion(names, np.eye(n_classes, dtype=int))
    squares = figure.data[-1]
    assert [tuple(each) for each in squares.customdata] == [
        (row, column) for row in range(n_classes) for column in range(n_classes)
    ]
    assert [(y, x) for x, y in zip(squares.x, squares.y, strict=True)] == [
        tuple(each) for each in squares.customdata
    ]
    # A column of a page is at least 420 px wide; title and names take 190 px at most of the height.
    assert squares.marker.size < min(420 / n_classes, (figure.layout.height - 190) / n_classes)
    assert figure.layout.xaxis.fixedrange
    assert figure.layout.yaxis.fixedrange
    assert tuple(figure.layout.yaxis.range) == (n_classes - 0.5, -0.5)  # The first class is on top.


def test_zeros_are_left_blank_and_counts_are_written():
    assert list(charts.confusion(NAMES, MATRIX).data[-1].text) == ["20", "4", "", "1", "30", "", "", "", "12"]


def test_a_long_class_name_is_cut_on_the_axis_and_whole_in_the_tooltip():
    name = "Rimpfischhorn from the Mellichsand pass"
    figure = charts.confusion([name, "Dom"], np.eye(2, dtype=int))
    assert figure.layout.xaxis.ticktext[0] == "Rimpfischhorn from…"
    assert name in figure.data[-1].hovertext[0]


def test_the_class_with_the_lowest_recall_is_first_with_its_interval():
    figure = charts.recall_bars(per_class.scores(MATRIX, NAMES))
    assert title(figure) == "Lowest recall: Dom (20 of 24)"
    assert figure.data[0].x[0] == pytest.approx(20 / 24)
    assert figure.data[0].error_x.arrayminus[0] > 0


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
        charts.confusion(MARKUP, np.array([[1, 2], [0, 3]])),
        overview_charts.class_balance(rows),
        overview_charts.scores(points, {1: MARKUP[0], 2: MARKUP[1]}),
    ]
    for figure in figures:
        text = figure.to_json()
        assert "<b>" not in text.replace("\\u003c", "<")
        assert "$x" not in text
        assert "&#36;x&#36; 50&#37; &amp;lt;" in text.replace("\\u0026", "&")
