"""Which colour means what: class colours, the meaning colours of both themes, and the one template of every plot."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

# Okabe and Ito's colour-blind-safe set without its black, which a dark ground swallows; then Plotly's "Safe".
CLASS_COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"),
    *("#88CCEE", "#CC6677", "#DDCC77", "#117733", "#332288", "#AA4499", "#44AA99", "#999933", "#882255", "#661100", "#888888"),
)

FONT = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', Ubuntu, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as in .streamlit/config.toml (a test compares them)."""

    ground: str
    text: str
    muted: str
    line: str
    accent: str
    keep: str
    exclude: str
    flag: str


LIGHT = Palette("#FAFBFC", "#1B2430", "#5B6876", "#D6DDE4", "#2F6F9F", "#2E7A4A", "#B3443C", "#8F5F00")
DARK = Palette("#12171D", "#E6EBF0", "#9AA7B4", "#2E3842", "#6FB1DC", "#5DB27C", "#E07A70", "#E0A93B")


def palette() -> Palette:
    """Answer the colours of the theme this browser shows."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def class_colours(class_names: Sequence[str]) -> dict[str, str]:
    """Give every class its colour by its place in the order; after eighteen they come again."""
    return {name: CLASS_COLOURS[i % len(CLASS_COLOURS)] for i, name in enumerate(class_names)}


def template(colours: Palette) -> go.layout.Template:
    """Answer the look of every plot: the page's own ground and type, thin lines, no clutter."""
    axis = {
        "gridcolor": colours.line,
        "linecolor": colours.line,
        "zerolinecolor": colours.line,
        "automargin": True,
        "title": {"standoff": 8},
    }
    return go.layout.Template(
        layout=go.Layout(
            font={"family": FONT, "size": 13, "color": colours.text},
            title={"font": {"size": 15}, "x": 0, "xanchor": "left", "xref": "container"},
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            colorway=list(CLASS_COLOURS),
            margin={"l": 8, "r": 8, "t": 40, "b": 8},
            xaxis=axis,
            yaxis=axis,
            hoverlabel={"font": {"family": FONT}},
            legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "right", "x": 1.0},
        )
    )


def plot(figure: go.Figure, *, key: str, **options: object) -> object:
    """Draw a figure in the house's look, without Plotly's toolbar; answers what `st.plotly_chart` answers."""
    figure.update_layout(template=template(palette()))
    return st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False}, **options)  # ty: ignore[no-matching-overload]
