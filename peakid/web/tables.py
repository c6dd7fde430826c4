"""Tables of a page: no text in a cell can turn the writing direction or is read as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from peakid.web import words

# In a table of many columns, a long name would push the last ones out of sight on a tablet.
MANY_COLUMNS = 6
LONG_CHARS = 24
LONG_PX = 150


def show(rows: Iterable[Mapping[str, object]], **options: object) -> object:
    """Draw rows of cells by column, without their numbers; return what `st.dataframe` returns."""
    lines = [{words.shown(name): _cell(value) for name, value in row.items()} for row in rows]
    given = options.pop("column_config", None)
    widths = {name: st.column_config.TextColumn(width=LONG_PX) for name in long_columns(lines)}
    config = widths | dict(given if isinstance(given, Mapping) else {})
    return st.dataframe(lines, hide_index=True, column_config=config, **options)  # ty: ignore[no-matching-overload]


def long_columns(lines: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the columns with a long text, in a table that has many columns; else nothing."""
    if not lines or len(lines[0]) < MANY_COLUMNS:
        return []
    texts = {name: [line.get(name) for line in lines] for name in lines[0]}
    return [
        name
        for name, cells in texts.items()
        if any(isinstance(cell, str) and len(cell) > LONG_CHARS for cell in cells)
    ]


def wrapped(rows: Iterable[Mapping[str, str]]) -> None:
    """Draw rows of plain text by column. Every cell is escaped: a single `-` would begin a list."""
    lines = [{name: words.plain(text) for name, text in row.items()} for row in rows]
    st.table(lines, hide_index=True, border="horizontal")


def _cell(value: object) -> object:
    return words.shown(value) if isinstance(value, str) else value
