"""A figure has the places, ticks and texts that Plotly would give it, as numbers and plain texts."""

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from peakid.evaluate import charts
from peakid.evaluate.charts import THEMES, Theme
from peakid.web.figures import axes, document, tips


def drawn(figure: go.Figure, theme: Theme = "light") -> dict:
    return document.of_figure(figure, theme=theme, label="A figure")


def ticks(axis: dict) -> list[str]:
    return [each["text"] for each in axis["ticks"]]


def test_an_axis_of_shares_has_ticks_at_round_percents() -> None:
    figure = go.Figure(go.Scatter(x=[0.1, 0.9], y=[0.5, 0.7], mode="markers"))
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%", title="Accuracy").update_yaxes(
        range=[0.5, 0.52], tickformat=".0%"
    )
    panel = drawn(figure)["panels"][0]
    assert ticks(panel["x"]) == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert ticks(panel["y"]) == ["50.0%", "50.5%", "51.0%", "51.5%", "52.0%"]  # Whole ones would repeat.
    assert (panel["x"]["title"], panel["x"]["range"]) == ("Accuracy", [0, 1.02])


@pytest.mark.parametrize(
    ("layout", "extent", "expected"),
    [
        ({"tickformat": ",d"}, [0, 2], ["0", "1", "2"]),  # No half images.
        ({"tickformat": ","}, [0, 100_000], ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]),
        ({"dtick": 2}, [1, 6], ["2", "4", "6"]),
        ({"type": "log"}, [-3, 0], ["1e-3", "1e-2", "1e-1", "1e0"]),
        ({"tickvals": [1, 3], "ticktext": ["a &lt; b", "c"]}, [0, 4], ["a < b", "c"]),
        ({"tickvals": [-6, 0, 6], "ticktext": ["-6", "0", "+6"]}, [-4, 6], ["0", "+6"]),  # Not outside.
        ({}, [0.5, 2.5], ["0.5", "1.0", "1.5", "2.0", "2.5"]),
    ],
)
def test_ticks_are_at_round_values(layout: dict, extent: list[float], expected: list[str]) -> None:
    axis = axes.Axis(layout, "x")
    axis.fit(extent)
    assert ticks(axis.document()) == expected


def test_categories_are_placed_in_their_order_and_logarithms_at_their_powers() -> None:
    figure = go.Figure(go.Scatter(x=["8:00", "9:00", "8:00"], y=[1, 100, 10]))
    panel = drawn(figure.update_xaxes(type="category").update_yaxes(type="log"))["panels"][0]
    assert panel["marks"][0]["x"] == [0, 1, 0]
    assert panel["marks"][0]["y"] == [0, 2, 1]
    assert panel["x"]["range"] == [-0.5, 1.5]
    assert ticks(panel["x"]) == ["8:00", "9:00"]


def test_intervals_and_stacked_bars_are_spans_of_the_axis() -> None:
    error = {"type": "data", "array": [0.2], "arrayminus": [0.1], "color": "#123456"}
    figure = go.Figure(go.Scatter(x=[0.5], y=[1], error_x=error))
    (mark,) = drawn(figure)["panels"][0]["marks"]
    assert mark["intervals"] == {"x": [(0.4, 0.7)]}
    assert mark["interval_colour"] == "#123456"
    bars = [go.Bar(x=[2, 3], y=[0, 1], orientation="h"), go.Bar(x=[5, 1], y=[0, 1], orientation="h")]
    panel = drawn(go.Figure(bars).update_layout(barmode="stack", bargap=0.5))["panels"][0]
    assert [each["spans"] for each in panel["marks"]] == [[(0, 2), (0, 3)], [(2, 7), (3, 4)]]
    assert panel["marks"][0]["sides"] == [(-0.25, 0.25), (0.75, 1.25)]
    assert panel["x"]["range"][0] == 0 < 7 < panel["x"]["range"][1]


def test_a_reversed_axis_runs_down() -> None:
    figure = go.Figure(go.Bar(x=[1, 2], y=[0, 1], orientation="h"))
    figure.update_yaxes(autorange="reversed", tickvals=[0, 1], ticktext=["first", "second"])
    assert drawn(figure)["panels"][0]["y"]["range"] == [1.5, -0.5]


def test_what_a_point_says_is_plain_text_of_its_values() -> None:
    trace = {
        "x": [0.123],
        "y": [4],
        "customdata": [("&lt;b&gt;", 1234, 0.5)],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]:,}<br>"
        "%{x:.1e}, %{y}, %{customdata[2]:.0%}<extra>n</extra>",
    }
    assert tips.of_trace(trace) == [["<b>: 1,234", "1.2e-1, 4, 50%"]]
    assert tips.of_trace({"hovertext": ["a<br>b"], "hoverinfo": "text", "x": [1]}) == [["a", "b"]]
    assert tips.of_trace({"hoverinfo": "skip", "x": [1]}) == []


def test_a_name_in_a_value_is_not_read_as_a_field() -> None:
    trace = {"x": [1], "customdata": ["%{y} &#37;"], "hovertemplate": "%{customdata}", "y": [2]}
    assert tips.of_trace(trace) == [["%{y} %"]]


def test_panels_side_by_side_have_their_own_axes_and_titles() -> None:
    figure = make_subplots(rows=1, cols=2, subplot_titles=("Loss", "Accuracy"))
    figure.add_trace(go.Scatter(x=[1, 2], y=[3, 4]), row=1, col=1)
    figure.add_trace(go.Scatter(x=[1, 2], y=[0.5, 0.6]), row=1, col=2)
    figure.update_yaxes(tickformat=".0%", row=1, col=2)
    figure.add_vline(x=1.5, line={"dash": "dot"})
    first, second = drawn(figure)["panels"]
    assert first["domain"][1] < second["domain"][0]
    assert [note["lines"] for panel in (first, second) for note in panel["notes"]] == [["Loss"], ["Accuracy"]]
    for panel in (first, second):
        assert panel["notes"][0]["x"] == pytest.approx(0.5)  # In the middle of its panel.
        (line,) = panel["lines"]
        assert (line["x"], line["y"], line["y_of"]) == ([1.5, 1.5], [0, 1], "panel")
        assert line["line"]["dash"] == "2 4"
    assert ticks(second["y"])[0].endswith("%")


def test_a_note_is_at_its_place_of_the_axis_or_of_the_panel() -> None:
    figure = go.Figure(go.Scatter(x=[10, 1000], y=[1, 2])).update_xaxes(type="log")
    figure.add_annotation(x=2, y=1, yref="paper", yanchor="top", xanchor="left", xshift=4, text="a<br>b")
    figure.add_vline(x=100)
    panel = drawn(figure)["panels"][0]
    (note,) = panel["notes"]
    assert (note["x"], note["x_of"], note["y"], note["y_of"]) == (2, "axis", 1, "panel")
    assert (note["lines"], note["anchor"], note["shift"]) == (["a", "b"], [0, 1], [4, 0])
    assert panel["lines"][0]["x"] == [2, 2]  # A line is at a value, a note at its power.


@pytest.mark.parametrize("theme", THEMES)
def test_a_figure_has_the_colours_of_its_theme(theme: Theme) -> None:
    found = drawn(go.Figure(go.Scatter(x=[1], y=[1], name="a &amp; b")).update_layout(showlegend=True), theme)
    assert (found["ink"], found["ground"]) == (charts.INK[theme], charts.GROUND[theme])
    assert found["legend"][0]["name"] == ["a & b"]
    assert found["label"] == "A figure"


def test_a_figure_without_points_is_empty() -> None:
    found = drawn(go.Figure(go.Scatter(x=[], y=[])))
    assert found["panels"][0]["marks"][0]["x"] == []


def test_a_title_takes_no_space_because_the_page_writes_it() -> None:
    figure = go.Figure(go.Scatter(x=[1], y=[1])).update_layout(height=380)
    assert (drawn(figure)["height"], drawn(figure)["margin"]["t"]) == (380, charts.TITLE_PX)
    titled = drawn(figure.update_layout(title="A finding"))
    assert (titled["height"], titled["margin"]["t"]) == (380 - charts.TITLE_PX + 8, 8)
