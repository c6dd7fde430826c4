"""Tables of a page: every cell with a text is on one line and cannot turn the writing direction."""

from collections.abc import Iterable, Mapping

import streamlit as st

from peakid.web import words


def show(rows: Iterable[Mapping[str, object]], **options: object) -> object:
    """Draw rows of cells by column, without their numbers; return what `st.dataframe` returns."""
    lines = [{words.shown(name): _cell(value) for name, value in row.items()} for row in rows]
    return st.dataframe(lines, hide_index=True, **options)  # ty: ignore[no-matching-overload]


def _cell(value: object) -> object:
    return words.shown(value) if isinstance(value, str) else value
