"""How the figures of evaluate/charts.py reach a page: in the theme of this browser, without Plotly's toolbar."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate.charts import Theme
from peakid.web.theme import FONT


def theme() -> Theme:
    """Answer which of the two looks this browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"


def draw(figure: go.Figure, *, key: str, **options: Any) -> Any:
    """Draw a figure that carries its own template; answers what `st.plotly_chart` answers."""
    figure.update_layout(font_family=FONT)
    return st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False}, **options)
