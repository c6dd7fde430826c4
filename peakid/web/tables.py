"""Tables of a page: no text in a cell can turn the writing direction or is read as Markdown."""

from collections.abc import Iterable, Mapping

import streamlit as st

from peakid.web import words


def show(rows: Iterable[Mapping[str, object]], **options: object) -> object:
    """Draw rows of cells by column, without their numbers; return what `st.dataframe` returns."""
    lines = [{words.shown(name): _cell(value) for name, value in row.items()} for row in rows]
    return st.dataframe(lines, hide_index=True, **options)  # ty: ignore[no-matching-overload]


def wrapped(rows: Iterable[Mapping[str, str]]) -> None:
    """Draw rows of plain text by column. Every cell is escaped: a single `-` would begin a list."""
    lines = [{name: words.plain(text) for name, text in row.items()} for row in rows]
    st.table(lines, hide_index=True, border="horizontal")


def _cell(value: object) -> object:
    return words.shown(value) if isinstance(value, str) else value
