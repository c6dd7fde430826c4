"""Tables of a page: no text in a cell can turn the writing direction or is read as Markdown."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Literal

import streamlit as st

from peakid.web import words
from peakid.web.figures import in_sight

# In a table of many columns, a long name would push the last ones out of sight on a tablet.
MANY_COLUMNS = 6
LONG_CHARS = 24
LONG_PX = 150
SHORT_WORD = 12  # Letters of a word that is never broken, such as "safetensors".
ROW_PX, MOST_ROWS = 35, 10  # Of a table whose height is not chosen.


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


def late(
    rows: Sequence[Mapping[str, object]],
    *,
    key: str,
    height: int | Literal["content"] | None = None,
    **options: object,
) -> None:
    """Draw a table when its place comes near the window: its script is 1.3 MB, which would delay the page.

    Args:
        key: Of this place on the page.
        height: px; "content" = of all rows, None = of up to ten.
    """
    _draw_late(rows, key, height, options)


@st.fragment
def _draw_late(
    rows: Sequence[Mapping[str, object]],
    key: str,
    height: int | Literal["content"] | None,
    options: Mapping[str, object],
) -> None:
    n_shown = len(rows) if height == "content" else min(len(rows), MOST_ROWS)
    expected_px = height if isinstance(height, int) else ROW_PX * (n_shown + 1) + 3
    if in_sight.reached(key, height_px=expected_px):
        show(rows, **options, **({"height": height} if height else {}))


def wrapped(
    rows: Iterable[Mapping[str, object]],
    *,
    numbers: Collection[str] = (),
    tips: Mapping[str, str] | None = None,
) -> None:
    """Draw few rows as plain text that is wrapped, without sorting: it costs no script.

    Args:
        numbers: Columns that are written to the right.
        tips: Explanations of columns, shown over their headings.
    """
    st.html(html_of([*rows], numbers=numbers, tips=tips or {}))


def html_of(
    rows: Sequence[Mapping[str, object]], *, numbers: Collection[str] = (), tips: Mapping[str, str]
) -> str:
    """Return a table as HTML, with every text escaped."""

    def cell(tag: str, name: str, text: object, more: str = "") -> str:
        kind = "number" if name in numbers else "words" if _has_short_words(text) else ""
        kind = f' class="{kind}"' if kind else ""
        return f"<{tag}{kind}{more}>{escape(words.shown(str(text)))}</{tag}>"

    names = list(rows[0]) if rows else []
    heads = "".join(
        cell("th", name, name, f' title="{escape(tips[name])}"' if name in tips else "") for name in names
    )
    lines = "".join(
        f"<tr>{''.join(cell('td', name, row.get(name, '')) for name in names)}</tr>" for row in rows
    )
    return f'<table class="peakid-table"><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'


def _has_short_words(text: object) -> bool:
    """Return whether no word has to be broken where a table is narrow."""
    return all(len(word) <= SHORT_WORD for word in str(text).split())


def _cell(value: object) -> object:
    return words.shown(value) if isinstance(value, str) else value
