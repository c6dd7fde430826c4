"""Figures with a template for light and dark. Titles state the finding. Draw them with `theme=None`."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from peakid import printable
from peakid.evaluate import score_text
from peakid.records import EpochMetrics

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

# As in .streamlit/config.toml: fonts that each system has; none is downloaded.
FONT = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', Ubuntu, 'Helvetica Neue', Arial, sans-serif"
INK = {"light": "#10161E", "dark": "#E6EBF0"}
GROUND = {"light": "#FAFBFC", "dark": "#12171D"}
ACCENT = {"light": "#2F6F9F", "dark": "#6FB1DC"}
MISTAKE = {"light": "#D55E00", "dark": "#E8813A"}  # Okabe-Ito vermilion, lighter on a dark background.
RULE = {"light": "rgba(27,36,48,0.14)", "dark": "rgba(230,235,240,0.16)"}

# Okabe and Ito 2008 without black, then Plotly's Safe; the first ten as in .streamlit/config.toml.
CLASS_COLOURS = [
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#882255", "#44AA99"),
    "#999933",
    *("#88CCEE", "#CC6677", "#DDCC77", "#117733", "#332288", "#AA4499", "#661100"),
]
# A percent sign begins a format code in the text of a tooltip, a dollar sign begins a formula.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "%": "&#37;"}
TITLE_PX = 44  # The height of a title, which is the margin above a figure.
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # Between two ticks of an axis of shares.
_MOST_TICKS = 6
MANY_CLASSES = 15  # Above, a figure has no number for each cell, and its rows are closer together.
LABEL_CHARS = 20  # Longer class names are cut on axes; the whole name is in the tooltip.


def template(theme: Theme = "light") -> go.layout.Template:
    """Return the template of all figures; the background is that of the page."""
    axis = {
        "gridcolor": RULE[theme],
        "linecolor": RULE[theme],
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"standoff": 8},
        "ticklabelstandoff": 4,
    }
    return go.layout.Template(
        layout={
            "font": {
                "family": FONT,
                "size": 13,
                "color": INK[theme],
            },
            "title": {"font": {"size": 15}, "x": 0, "xanchor": "left", "xref": "container"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": CLASS_COLOURS,
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 8, "r": 24, "t": TITLE_PX, "b": 8},
            "hoverlabel": {
                "font": {"family": FONT, "size": 13, "color": INK[theme]},
                "bgcolor": GROUND[theme],
            },
            "showlegend": False,
        }
    )


def class_colour(position: int) -> str:
    """Return the default colour of the class at a position of the class order."""
    return CLASS_COLOURS[position % len(CLASS_COLOURS)]


def day(per_hour: Sequence[int], *, theme: Theme = "light") -> go.Figure:
    """Draw the number of images judged in each hour of one day, from the first to the last hour with any.

    Args:
        per_hour: 24 counts, at least one of them above 0.
    """
    hours = [hour for hour, n in enumerate(per_hour) if n]
    shown = list(range(hours[0], hours[-1] + 1))
    best = max(shown, key=lambda hour: per_hour[hour])
    bars = go.Bar(
        x=[f"{hour}:00" for hour in shown],
        y=[per_hour[hour] for hour in shown],
        width=0.6 if len(shown) > 2 else 0.15,
        marker={"color": mixed(ACCENT[theme], theme, 0.75)},
        hovertemplate="from %{x}: %{y:,} images<extra></extra>",
    )
    figure = (
        go.Figure(bars)
        .update_xaxes(title="Hour", type="category")
        .update_yaxes(title="Images", rangemode="tozero")
    )
    title = f"{sum(per_hour):,} images judged today, most in the hour from {best}:00 ({per_hour[best]:,})"
    return figure.update_layout(template=template(theme), title=title, height=280)


def training_curves(epochs: Sequence[EpochMetrics], *, theme: Theme = "light") -> go.Figure:
    """Draw losses and accuracy over the epochs. A dotted line marks the start of a phase."""
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=("Loss", "Accuracy (validation)")
    )
    x = [each.epoch for each in epochs]
    # The higher curve has its name above, so that the names do not overlap.
    is_valid_above = not epochs or epochs[-1].valid_loss >= epochs[-1].train_loss
    over, under = "top center", "bottom center"
    lines = [
        (
            "train",
            [each.train_loss for each in epochs],
            CLASS_COLOURS[1],
            under if is_valid_above else over,
            1,
        ),
        ("valid", [each.valid_loss for each in epochs], ACCENT[theme], over if is_valid_above else under, 1),
        ("", [each.accuracy for each in epochs], ACCENT[theme], "top center", 2),
    ]
    for name, y, colour, place, column in lines:
        text = [*[""] * (len(y) - 1), name] if y else []  # The name is at the last point instead of a legend.
        shown = [f"{each:.3f}" if column == 1 else printable.percent(each, decimals=1) for each in y]
        line = go.Scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers+text",
            text=text,
            textposition=place,
            marker={"color": colour},
            customdata=shown,
            hovertemplate=f"{name or 'accuracy'}, epoch %{{x}}: %{{customdata}}<extra></extra>",
        )
        figure.add_trace(line.update(cliponaxis=False), row=1, col=column)
    for before, after in pairwise(epochs):
        if before.phase != after.phase:
            figure.add_vline(x=after.epoch - 0.5, line={"dash": "dot", "width": 1, "color": INK[theme]})
    figure.update_xaxes(
        title="Epoch", range=[0.5, max(1, len(x)) + 0.5], dtick=max(1, len(x) // 8), fixedrange=True
    )
    highest = max((loss for each in epochs for loss in (each.train_loss, each.valid_loss)), default=1.0)
    # With space for a name above the highest point.
    figure.update_yaxes(range=[0, 1.15 * highest], row=1, col=1, fixedrange=True)
    figure.update_yaxes(share_axis(), row=1, col=2)
    figure.update_layout(template=template(theme), title=_curve_finding(epochs), height=320)
    return figure.update_layout(margin={"t": 72})


def mixed(colour: str, theme: Theme, share: float) -> str:
    """Return a colour mixed with the background; `share` 1 is the colour itself."""
    front, back = ([int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in (colour, GROUND[theme]))
    return "#" + "".join(
        f"{round(f * share + b * (1 - share)):02X}" for f, b in zip(front, back, strict=True)
    )


def short(name: str) -> str:
    """Return a class name cut in its middle to LABEL_CHARS: names of one kind often differ at their end."""
    if len(name) <= LABEL_CHARS:
        return name
    n_end = LABEL_CHARS // 3
    return f"{name[: LABEL_CHARS - 1 - n_end].rstrip()}…{name[-n_end:].lstrip()}"


def label(name: str) -> str:
    """Return a class name for an axis, a title or an annotation: cut, and escaped."""
    return escaped(short(name))


def escaped(text: str) -> str:
    """Return a text that Plotly draws as it is. It obeys tags, entities, formulas and format codes.

    Control characters are shown as escapes, and right-to-left names do not turn the text around them.
    """
    return "".join(_ENTITIES.get(char, char) for char in printable.isolated(printable.line(text)))


def share_axis(low: float = 0.0, high: float = 1.02) -> dict[str, object]:
    """Return the settings of an axis of shares from `low` to `high`, whose ticks read as texts do: `20 %`.

    An axis may be longer than 0..1, so that marks at its ends are whole; it has no ticks there.
    Plotly's own format of percent has no blank, and no setting for it.
    """
    step = next((each for each in _STEPS if (high - low) / each <= _MOST_TICKS), _STEPS[-1])
    first, last = math.ceil(max(0.0, low) / step - 1e-9), math.floor(min(1.0, high) / step + 1e-9)
    ticks = [n * step for n in range(first, last + 1)]
    decimals = 0 if step >= 0.01 else 1
    texts = [f"{100 * each:.{decimals}f} %" for each in ticks]
    return {"range": [low, high], "tickvals": ticks, "ticktext": texts, "fixedrange": True}


def intervals(shares: Sequence[float], bounds: Sequence[tuple[float, float]], colour: str) -> go.bar.ErrorX:
    """Return 95 % intervals of shares, as lines over their bars."""
    return go.bar.ErrorX(
        type="data",
        symmetric=False,
        array=[high - share for share, (_, high) in zip(shares, bounds, strict=True)],
        arrayminus=[share - low for share, (low, _) in zip(shares, bounds, strict=True)],
        color=colour,
        thickness=1.2,
        width=4,
    )


def _curve_finding(epochs: Sequence[EpochMetrics]) -> str:
    if not epochs:
        return "The first epoch is not finished yet"
    best = max(epochs, key=lambda each: each.accuracy)
    return f"Best accuracy: {score_text.percent(best.accuracy)} (epoch {best.epoch} of {epochs[-1].epoch})"
