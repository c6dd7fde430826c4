"""The figure of a confusion matrix: its cells, numbers, names, and what a click selects."""

import numpy as np
import pytest

from peakid.evaluate import charts
from peakid.evaluate.errors import confusion_chart

NAMES = ["Dom", "Lyskamm", "Matterhorn"]
MATRIX = np.array([[20, 4, 0], [1, 30, 0], [0, 0, 12]])


def title(figure):
    return figure.layout.title.text


def test_a_row_of_the_matrix_is_the_given_label_and_a_column_the_predicted_one():
    figure = confusion_chart.draw(NAMES, MATRIX)
    [cell] = [i for i, at in enumerate(figure.data[-1].customdata) if tuple(at) == (0, 1)]
    assert (figure.data[-1].x[cell], figure.data[-1].y[cell], figure.data[-1].text[cell]) == (1, 0, "4")
    assert list(figure.layout.xaxis.ticktext) == list(figure.layout.yaxis.ticktext) == NAMES


def test_the_title_of_the_matrix_is_the_most_frequent_error():
    figure = confusion_chart.draw(NAMES, MATRIX)
    assert title(figure) == "Most frequent error: Dom predicted as Lyskamm (4 of 24)"
    assert title(confusion_chart.draw(NAMES, np.diag([3, 4, 5]))) == "No errors on 12 images"
    assert (
        title(confusion_chart.draw(NAMES, np.array([[3, 1, 0], [0, 1, 0], [0, 0, 1]])))
        == "Most frequent error: Dom predicted as Lyskamm (1 of 4)"
    )


@pytest.mark.parametrize("n_classes", [2, 10, 11, 15])
def test_every_cell_has_a_smaller_square_with_its_row_and_column(n_classes):
    names = [f"class {i}" for i in range(n_classes)]
    figure = confusion_chart.draw(names, np.eye(n_classes, dtype=int))
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
    assert list(confusion_chart.draw(NAMES, MATRIX).data[-1].text) == [
        "20",
        "4",
        "",
        "1",
        "30",
        "",
        "",
        "",
        "12",
    ]


def test_a_long_class_name_is_cut_on_the_axis_and_whole_in_the_tooltip():
    name = "Rimpfischhorn from the Mellichsand pass"
    figure = confusion_chart.draw([name, "Dom"], np.eye(2, dtype=int))
    assert figure.layout.xaxis.ticktext[0] == "Rimpfischhorn…d pass"
    assert name in figure.data[-1].hovertext[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["ACCENT", "MISTAKE"])
def test_a_number_has_enough_contrast_on_every_colour_of_the_scale(theme, colour):
    # WCAG AA asks 4.5 : 1 for text.
    for strength in np.linspace(0, 1, 501):
        cell = confusion_chart.cell_colour(getattr(charts, colour)[theme], theme, strength)
        assert confusion_chart.contrast(confusion_chart.ink(cell), cell) >= 4.5, (cell, strength)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("n_wrong", range(21))
def test_the_number_of_a_cell_is_written_for_the_colour_that_the_cell_has(theme, n_wrong):
    figure = confusion_chart.draw(["a", "b"], np.array([[20 - n_wrong, n_wrong], [0, 9]]), theme=theme)
    hits, errors, squares = figure.data
    for n, (row, column) in enumerate(squares.customdata[:2]):
        cells = hits if row == column else errors
        if squares.text[n]:
            (_, faint), (_, strong) = cells.colorscale
            share = cells.z[row][column]
            at = [f + (s - f) * share for f, s in zip(_parts(faint), _parts(strong), strict=True)]
            colour = "#" + "".join(f"{round(part):02X}" for part in at)
            assert confusion_chart.contrast(squares.textfont.color[n], colour) >= 4.5


def _parts(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_the_contrast_is_that_of_the_definition():
    assert confusion_chart.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    # WCAG 2.2: #777777 on white is the well-known 4.48, just below AA.
    assert confusion_chart.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)


def test_many_classes_have_no_numbers_and_only_cells_with_images_can_be_clicked():
    matrix = np.eye(16, dtype=int)
    matrix[2, 7] = 3
    squares = confusion_chart.draw([f"class {i}" for i in range(16)], matrix).data[-1]
    assert squares.text is None
    assert squares.mode == "markers"
    assert [tuple(each) for each in squares.customdata if each[0] != each[1]] == [(2, 7)]
    assert len(squares.customdata) == 17
    few = confusion_chart.draw([f"class {i}" for i in range(15)], np.eye(15, dtype=int)).data[-1]
    assert few.text.count("1") == 15


@pytest.mark.parametrize(("n_classes", "step"), [(3, 1), (30, 1), (50, 2), (120, 4)])
def test_every_row_is_named_and_as_many_columns_as_fit(n_classes, step):
    names = [f"class {i}" for i in range(n_classes)]
    layout = confusion_chart.draw(names, np.eye(n_classes, dtype=int)).layout
    assert list(layout.yaxis.ticktext) == names
    assert list(layout.xaxis.ticktext) == names[::step]
    assert list(layout.xaxis.tickvals) == list(range(0, n_classes, step))
    # 12 px for each name that is written upwards, on a tablet with its sidebar open.
    assert len(layout.xaxis.ticktext) * 12 <= 370 or n_classes == 3
    # Names are drawn at most 13 px high, in rows that are higher.
    assert (layout.height - 190) / n_classes >= 16
