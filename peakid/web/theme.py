"""The theme of this browser, plots drawn in it, and the colours of classes."""

import html
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate.charts import Theme
from peakid.evaluate.class_colours import of as built_in_or_chosen
from peakid.web import words
from peakid.web.figures import drawing


def current() -> Theme:
    """Return the theme that this browser shows; figures are drawn for one or the other."""
    return "dark" if st.context.theme.type == "dark" else "light"


def class_colours(
    class_names: Sequence[str], chosen: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Return the colour of each class, as `evaluate.class_colours` does."""
    return built_in_or_chosen(class_names, chosen)


def plot(figure: go.Figure, *, key: str, label: str = "Figure") -> None:
    """Draw a figure. Its title is drawn above it as text, which is wrapped where the figure is narrow.

    Args:
        label: What a figure without a title shows, in words, for those who do not see it.
    """
    title = html.unescape(figure.layout.title.text or "").replace("\u2068", "").replace("\u2069", "")
    if title:
        st.markdown(words.plain(title))
    drawing.show(figure, key=key, theme=current(), label=title or label)
