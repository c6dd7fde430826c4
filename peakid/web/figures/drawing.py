"""Put a figure of Plotly on a page, drawn by Plotly's basic bundle: Streamlit's has four times the size."""

import json
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from peakid.web.figures import values
from peakid.web.gallery import scripts

COMPONENT = "peakid_figure"


def show(figure: go.Figure, *, key: str, label: str) -> None:
    """Draw a figure of scatter and bar traces at the width of its place, and its values as text below it.

    Args:
        label: What it shows, in words, for those who do not see it.
    """
    document = json.loads(figure.to_json(engine="json"))
    _component()(
        key=key, data={"key": key, "label": label, "figure": document, "values": values.texts(figure)}
    )


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    # Plotly puts its styles into the page, where it would not find a figure of an isolated component.
    return st.components.v2.component(COMPONENT, js=scripts.loader("figure.js"), isolate_styles=False)
