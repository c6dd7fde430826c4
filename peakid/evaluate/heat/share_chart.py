"""The figure of where the heat of each class is, against an even map."""

from collections.abc import Sequence

import plotly.graph_objects as go

from peakid import printable
from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import Theme
from peakid.evaluate.heat.heat_shares import HeatShare
from peakid.evaluate.heat.shown_maps import PLACES

N_ROWS = 12


def draw(shares: Sequence[HeatShare], class_names: Sequence[str], *, theme: Theme = "light") -> go.Figure:
    """Draw the most suspicious shares, each with its interval and a line where an even map would be.

    Args:
        shares: At least one, the most suspicious first.
    """
    rows = list(shares[:N_ROWS])
    places = list(range(len(rows)))
    names = [f"{charts.label(class_names[each.class_index])}, {PLACES[each.region]}" for each in rows]
    points = go.Scatter(
        x=[each.share for each in rows],
        y=places,
        mode="markers",
        marker={
            "size": 10,
            "color": [charts.MISTAKE[theme] if each.is_shortcut else charts.ACCENT[theme] for each in rows],
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.interval[1] - each.share for each in rows],
            "arrayminus": [each.share - each.interval[0] for each in rows],
            "color": charts.INK[theme],
            "thickness": 1.2,
            "width": 4,
        },
        customdata=[(name, *_shown(each), each.n, each.p) for name, each in zip(names, rows, strict=True)],
        hovertemplate="%{customdata[0]}: %{customdata[1]} of the heat, 95 % interval %{customdata[2]}, "
        "n = %{customdata[4]}<br>An even map: %{customdata[3]}; "
        "adjusted p = %{customdata[5]:.3f}<extra></extra>",
    )
    figure = go.Figure(points)
    for place, each in zip(places, rows, strict=True):
        line = {"color": charts.INK[theme], "width": 2, "dash": "dot"}
        figure.add_shape(type="line", x0=each.even, x1=each.even, y0=place - 0.4, y1=place + 0.4, line=line)
    figure.update_xaxes(charts.share_axis(), title="Share of the heat")
    figure.update_yaxes(
        tickvals=places,
        ticktext=[f"{name}  n = {each.n}" for name, each in zip(names, rows, strict=True)],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        fixedrange=True,
    )
    height = 110 + 28 * len(rows)
    return figure.update_layout(
        template=charts.template(theme), title=_finding(shares, class_names), height=height
    )


def _shown(each: HeatShare) -> tuple[str, str, str]:
    """Return a share, its interval and that of an even map as texts."""
    span = score_text.span(each.interval, " to ")
    return printable.percent(each.share), span, printable.percent(each.even)


def _finding(shares: Sequence[HeatShare], class_names: Sequence[str]) -> str:
    found = [each for each in shares if each.is_shortcut]
    if not found:
        return "No class has significantly more heat at the edges than an even map"
    first = found[0]
    others = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"{charts.label(class_names[first.class_index])} has {printable.percent(first.share)} of its heat"
        f" {PLACES[first.region]}, an even map {printable.percent(first.even)}{others}"
    )
