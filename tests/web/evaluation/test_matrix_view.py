"""What the browser gets to draw a confusion matrix, and which cells it may open."""

import numpy as np
import pytest

from peakid.evaluate import charts
from peakid.evaluate.errors import confusion_chart
from peakid.evaluate.figures import ErrorList
from peakid.web.evaluation.errors import matrix_panel, matrix_view
from peakid.web.evaluation.errors.matrix_view import MatrixView

MATRIX = np.array([[8, 2, 0], [0, 5, 0], [0, 0, 20]])


def document(names=("Dom", "Eiger", "alp"), theme="light", **changed):
    drawn = {"by": "class", "shown": "counts", "opened": None, "examples": {}, "can_open": True, **changed}
    return matrix_view.document(MatrixView(names, MATRIX, **drawn), theme)


def test_only_cells_with_images_are_sent_with_their_counts_and_the_strength_of_their_colour():
    # Row shares: 8 / 10, 2 / 10 (doubled for an error), 1 and 1.
    assert document()["cells"] == [[0, 0, 8, 80], [0, 1, 2, 40], [1, 1, 5, 100], [2, 2, 20, 100]]
    # Column shares: 8 / 8, 2 / 7 doubled, 5 / 7 and 1.
    assert [cell[3] for cell in document(shown="columns")["cells"]] == [100, 57, 71, 100]


def test_the_order_is_of_positions_so_that_a_click_names_the_same_cell_in_each_order():
    assert document(by="name")["order"] == [2, 0, 1]
    assert document(by="size")["order"] == [2, 0, 1]
    assert document(by="name")["cells"] == document()["cells"]


def test_an_opened_cell_and_examples_are_named_as_the_classes_are_numbered():
    found = document(opened=(0, 1), examples={(0, 1): "a" * 64})
    assert (found["opened"], found["examples"]) == ([0, 1], {"1": "a" * 64})
    worst = ErrorList(digests=("a", "b", "c"), given=(0, 0, 2), predicted=(1, 1, 0))
    assert matrix_panel.examples(worst) == {(0, 1): "a", (2, 0): "c"}  # The worst one of each cell.


def test_control_characters_of_names_are_not_obeyed():
    names = document(names=("a\nb", "c\x1b[31m", "אב"))["names"]
    assert names[0] == "a b"
    assert "\x1b" not in names[1]
    assert names[2] == "\u2068אב\u2069"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_and_titles_have_the_contrast_of_wcag_aa(theme):
    colours = document(theme=theme)["colours"]
    for each in (*colours["hits"], *colours["errors"]):
        assert confusion_chart.contrast(each["ink"], each["fill"]) >= 4.5
    for name in ("ink", "muted"):
        assert confusion_chart.contrast(colours[name], charts.GROUND[theme]) >= 4.5


@pytest.mark.parametrize(
    "sent", [None, [], [0], [0, 3], [-1, 0], ["0", "1"], [True, False], {"row": 0}, [0, 1, 2]]
)
def test_anything_but_a_cell_opens_none(sent):
    assert matrix_view._cell(sent, 3) is None
    assert matrix_view._cell([2, 0], 3) == (2, 0)
