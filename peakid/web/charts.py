"""Plots that belong to pages alone: how many images each class has, and how many of them a person has confirmed."""

from collections.abc import Sequence

import plotly.graph_objects as go

from peakid.records import ClassRow
from peakid.web.theme import Palette

BAR_PX = 26
N_CLASSES = 20  # More would push everything else off the page; the title says how many there are.


def class_balance(rows: Sequence[ClassRow], colours: Palette) -> go.Figure:
    """Draw a bar a class: reviewed images solid, unreviewed ones pale, the count beside it.

    Args:
        rows: Living classes in key order; the first twenty are drawn.
    """
    shown = list(reversed(rows[:N_CLASSES]))  # Plotly draws from the bottom.
    names = [row.class_name for row in shown]
    unreviewed = [row.n_images - row.n_reviewed for row in shown]
    figure = go.Figure(
        [
            _bars("reviewed", [row.n_reviewed for row in shown], names, colours.accent),
            _bars(
                "label from its source",
                unreviewed,
                names,
                _pale(colours.accent),
                text=[f"{row.n_images:,}" for row in shown],
                ink=colours.text,
            ),
        ]
    )
    figure.update_layout(barmode="stack", height=60 + BAR_PX * len(shown), title=finding(rows), bargap=0.35)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(showgrid=False, ticksuffix="  ", type="category")
    return figure


def finding(rows: Sequence[ClassRow]) -> str:
    """Say what the balance shows, in one sentence."""
    if not rows:
        return "There are no classes yet"
    most, least = max(rows, key=lambda row: row.n_images), min(rows, key=lambda row: row.n_images)
    if least.n_images == 0:
        return f"{_named(least)} has no images yet"
    ratio = most.n_images / least.n_images
    if ratio < 1.5:
        return f"The {len(rows)} classes are balanced" if len(rows) > 1 else f"There is one class, {_named(most)}"
    return f"{_named(most)} has {ratio:.1f} times as many images as {_named(least)}"


def _bars(name: str, values: list[int], names: list[str], colour: str, *, text: list[str] | None = None, ink: str = "") -> go.Bar:
    return go.Bar(
        name=name,
        x=values,
        y=[_plain(label) for label in names],
        orientation="h",
        marker={"color": colour, "line": {"width": 0}},
        text=text,
        textposition="outside",
        textfont={"color": ink or None},
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,} " + name + "<extra></extra>",
    )


def _named(row: ClassRow) -> str:
    return _plain(row.class_name)


def _plain(text: str) -> str:
    """Plotly reads a few HTML tags in its texts; a class name is none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.3)"
