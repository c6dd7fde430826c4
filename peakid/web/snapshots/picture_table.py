"""Images as rows of a table with their thumbnails, for lists that are read rather than reviewed."""

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.web import tables, workspace_address

ROW_PX = 72  # Tall enough to recognise a thumbnail.
PAGE_ROWS = 100  # About 20 KB per page; the browser loads only the thumbnails in sight.
HIDDEN = frozenset({"digest", "group_key"})


def show(rows: Sequence[Mapping[str, object]], *, key: str, height: int = 480) -> None:
    """Draw rows, a hundred at a time; each value becomes a column with its capitalised name.

    Args:
        rows: Each with a `digest`.
        height: Largest height of the table in px.
    """
    n_pages = max(1, math.ceil(len(rows) / PAGE_ROWS))
    page = min(st.session_state.get(f"{key}:page", 1), n_pages)
    shown = [_line(row) for row in rows[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]]
    columns = {
        "Thumbnail": st.column_config.ImageColumn(width=96),
        "Digest": st.column_config.TextColumn(width=120),
    }
    height = min(height, 38 + ROW_PX * len(shown))
    tables.show(shown, row_height=ROW_PX, height=height, column_config=columns)
    if n_pages > 1:
        if st.session_state.get(f"{key}:page") != page:
            st.session_state[f"{key}:page"] = page
        st.number_input(
            f"Page (of {n_pages})", min_value=1, max_value=n_pages, step=1, key=f"{key}:page", width=160
        )


def _line(row: Mapping[str, object]) -> dict[str, object]:
    digest = str(row["digest"])
    others = {name.capitalize(): value for name, value in row.items() if name not in HIDDEN}
    return {"Thumbnail": workspace_address.thumbnail(digest), **others, "Digest": digest[:12]}
