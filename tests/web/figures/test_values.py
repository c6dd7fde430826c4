"""What each point of a figure says on hover is text too, for every figure of the app."""

import ast

import numpy as np
import plotly.graph_objects as go
import pytest

from peakid.resources import PACKAGE_DIR
from peakid.web.figures import values

TRACES = ("Scatter", "Bar")
TOLD = {"hovertext", "hovertemplate", "hoverinfo"}
TOLD_LATER = {"evaluate/training_charts.py": 1}  # It gets its template with `update`.


def test_a_template_is_filled_as_plotly_fills_it() -> None:
    bars = go.Bar(
        x=[1200, 3],
        y=["dom", "a &lt;b&gt;"],
        orientation="h",
        customdata=[["80 %", 0.123], ["100 %", 1.0]],
        hovertemplate="<b>%{y}</b>: %{x:,} images,<br>%{customdata[0]}, %{customdata[1]:.1f}<extra>a</extra>",
    )
    assert values.texts(go.Figure(bars)) == ["dom: 1,200 images, 80 %, 0.1", "a <b>: 3 images, 100 %, 1.0"]


def test_texts_of_points_and_one_text_for_all_of_them_are_taken() -> None:
    points = go.Scatter(x=np.arange(2), y=np.zeros(2), hovertext=["first", "second"], hoverinfo="text")
    same = go.Scatter(x=[0, 1], y=[1, 1], hovertext="goal")
    skipped = go.Scatter(x=[0, 1], y=[0, 1], hoverinfo="skip")
    assert values.texts(go.Figure([points, same, skipped])) == ["first", "second", "goal", "goal"]


def test_the_last_line_says_how_many_values_are_left_out() -> None:
    n = values.MOST_SHOWN + 7
    line = go.Scatter(x=list(range(n)), y=[0.5] * n, hovertemplate="epoch %{x}: %{y:.3f}")
    found = values.texts(go.Figure(line))
    assert (len(found), found[0], found[-1]) == (values.MOST_SHOWN + 1, "epoch 0: 0.500", "... and 7 more")


@pytest.mark.parametrize("figure", [go.Figure(), go.Figure(go.Scatter(x=[], y=[], hovertemplate="%{x}"))])
def test_a_figure_without_points_has_no_values(figure: go.Figure) -> None:
    assert values.texts(figure) == []


def test_every_figure_of_the_app_says_its_values_or_that_it_has_none() -> None:
    untold = {}
    for path in PACKAGE_DIR.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        traces = [
            call
            for call in calls
            if isinstance(call.func, ast.Attribute)
            and call.func.attr in TRACES
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "go"
        ]
        n = sum(not TOLD & {each.arg for each in call.keywords} for call in traces)
        if n:
            untold[path.relative_to(PACKAGE_DIR).as_posix()] = n
    assert untold == TOLD_LATER
