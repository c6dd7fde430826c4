"""Which theme this browser shows, how plots are drawn in it, and which colour a class has."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate import charts
from peakid.evaluate.charts import Theme

# As in .streamlit/config.toml: what each system has, none fetched.
FONT = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', Ubuntu, 'Helvetica Neue', Arial, sans-serif"
AXIS_TITLE_PX = 13


def current() -> Theme:
    """Answer the theme that this browser shows; figures are drawn for one or the other."""
    return "dark" if st.context.theme.type == "dark" else "light"


def class_colours(
    class_names: Sequence[str], chosen: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Give every class its colour: the chosen one, else one of a colour-blind-safe set.

    Args:
        chosen: Of all classes by age, as `classes.colours` answers: the built-in colour goes by age, so that it outlasts
            another key order. Without it, by the order of `class_names`.
    """
    order = list(chosen) if chosen else list(class_names)
    built_in = {name: charts.class_colour(position) for position, name in enumerate(order)}
    return {
        name: (chosen or {}).get(name) or built_in.get(name) or charts.class_colour(n)
        for n, name in enumerate(class_names)
    }


def plot(figure: go.Figure, *, key: str, **options: object) -> object:
    """Draw a figure that brings its own look, without Plotly's toolbar; answers what `st.plotly_chart` answers."""
    figure.update_layout(font_family=FONT)
    figure.update_xaxes(title_font_size=AXIS_TITLE_PX)
    figure.update_yaxes(title_font_size=AXIS_TITLE_PX)
    figure.update_annotations(font_size=AXIS_TITLE_PX)  # Titles of figures side by side.
    return st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False}, **options)  # ty: ignore[no-matching-overload]
