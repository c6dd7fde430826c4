"""The recall of each class is drawn as rows of HTML with its interval."""

import re

import numpy as np

from peakid.evaluate.errors import per_class, recall_rows

NAMES = ["Eiger", "Dom", "Rigi"]
MATRIX = np.array([[9, 1, 0], [2, 6, 0], [0, 0, 0]])
SCORES = per_class.scores(MATRIX, NAMES)


def test_the_class_with_the_lowest_recall_is_first_and_one_without_images_has_no_bar() -> None:
    html = recall_rows.html(SCORES)
    drawn = [
        re.sub(r"<[^>]+>", "", row) for row in re.findall(r"title=\"(?:[^\"]*)\">([A-Z][^<]*)</span>", html)
    ]
    assert drawn == ["Rigi", "Dom", "Eiger"]
    assert html.count("width:75.00%") == 1  # Dom, 6 of 8.
    assert html.count("width:90.00%") == 1  # Eiger, 9 of 10.
    assert "no images" in html


def test_a_row_says_the_recall_with_its_interval_and_its_images() -> None:
    dom = SCORES[1]
    low, high = (100 * bound for bound in dom.recall_interval)
    html = recall_rows.html(SCORES)
    assert f"75 % ({low:.0f}-{high:.0f} %, n = 8)" in html
    assert "Dom: 6 of 8 correct" in html
    assert f"left:{low:.2f}%;width:{high - low:.2f}%" in html


def test_the_title_names_the_lowest_recall_of_the_classes_with_images() -> None:
    assert recall_rows.finding(SCORES) == "Lowest recall: Dom (6 of 8)"
    assert recall_rows.finding(SCORES[2:]) == "No class has images in this split"
    tied = per_class.scores(np.array([[0, 2, 0], [0, 0, 2], [0, 0, 2]]), NAMES)
    assert recall_rows.finding(tied) == "Lowest recall: 0 %, in 2 of 3 classes"


def test_a_name_cannot_write_markup() -> None:
    html = recall_rows.html(per_class.scores(MATRIX[:2, :2], ["<b onclick='x'>", '"><img src=x>']))
    assert "<b" not in html
    assert "<img" not in html
    assert 'title="&quot;&gt;&lt;img' in html
