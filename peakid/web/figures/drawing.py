"""Put a figure on a page: a component of ours draws the document of a Plotly figure."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate.charts import Theme
from peakid.web.figures import document
from peakid.web.gallery import scripts

COMPONENT = "peakid_figure"


def show(figure: go.Figure, *, key: str, theme: Theme, label: str) -> None:
    """Draw a figure at the width of its place.

    Args:
        label: What it shows, in words, for those who do not see it.
    """
    drawn = document.of_figure(figure, theme=theme, label=label)
    _component()(key=key, data={"key": key, **drawn})


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("figure.js"), scripts.styles("figure.css")
    return st.components.v2.component(COMPONENT, js=script, css=style)
