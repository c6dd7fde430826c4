"""The theme of this browser, plots drawn in it, and the colours of classes."""

import html
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate import charts
from peakid.evaluate.charts import Theme
from peakid.evaluate.class_colours import of as built_in_or_chosen
from peakid.web import words
from peakid.web.figures import drawing

AXIS_TITLE_PX = 13
_LEAST_TOP_PX = 8  # The upper half of a tick label.


def current() -> Theme:
    """Return the theme that this browser shows; figures are drawn for one or the other."""
    return "dark" if st.context.theme.type == "dark" else "light"


def class_colours(
    class_names: Sequence[str], chosen: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Return the colour of each class, as `evaluate.class_colours` does."""
    return built_in_or_chosen(class_names, chosen)


def plot(figure: go.Figure, *, key: str, label: str = "Figure") -> None:
    """Draw a figure without Plotly's toolbar.

    Its title is drawn above it as text: Plotly cuts a title at the width of the figure, a text is wrapped.

    Args:
        label: What a figure without a title shows, in words, for those who do not see it.
    """
    title = html.unescape(figure.layout.title.text or "").replace("\u2068", "").replace("\u2069", "")
    if title:
        st.markdown(words.plain(title))
        top = max(_LEAST_TOP_PX, (figure.layout.margin.t or charts.TITLE_PX) - charts.TITLE_PX)
        height = figure.layout.height and figure.layout.height - charts.TITLE_PX + _LEAST_TOP_PX
        figure.update_layout(title=None, margin_t=top, height=height)
    figure.update_xaxes(title_font_size=AXIS_TITLE_PX)
    figure.update_yaxes(title_font_size=AXIS_TITLE_PX)
    figure.update_annotations(font_size=AXIS_TITLE_PX)  # Titles of figures side by side.
    drawing.show(figure, key=key, label=title or label)
