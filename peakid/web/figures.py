"""How the figures of evaluate/charts.py reach a page: in the theme of this browser, without Plotly's toolbar."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate.charts import Theme
from peakid.web.theme import FONT, palette

TEXT_PX = 13  # As the captions beside it; Plotly's own axis titles are larger than a page's headings.


def theme() -> Theme:
    """Answer which of the two looks this browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"


def draw(figure: go.Figure, *, key: str, **options: Any) -> Any:
    """Draw a figure that carries its own template; answers what `st.plotly_chart` answers."""
    figure.update_layout(font_family=FONT)
    figure.update_xaxes(title_font_size=TEXT_PX)
    figure.update_yaxes(title_font_size=TEXT_PX)
    figure.update_annotations(font_size=TEXT_PX)
    return st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False}, **options)


def outline(figure: go.Figure, *, row: int, column: int) -> None:
    """Draw a frame around one cell of a matrix."""
    line = {"color": palette().text, "width": 2}
    figure.add_shape(type="rect", x0=column - 0.49, x1=column + 0.49, y0=row - 0.49, y1=row + 0.49, line=line)
