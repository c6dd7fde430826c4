"""Tables of text: HTML, whose cells wrap where a table of Streamlit's grid would cut them."""

from collections.abc import Iterable, Mapping

import streamlit as st

from peakid.web import words


def wrapped(rows: Iterable[Mapping[str, str]]) -> None:
    """Draw rows of plain text by column. Every cell is escaped: a single `-` would begin a list."""
    lines = [{name: words.plain(text) for name, text in row.items()} for row in rows]
    st.table(lines, hide_index=True, border="horizontal")
