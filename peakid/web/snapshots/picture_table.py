"""Images as rows with their picture: for lists that are read rather than judged."""

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

ROW_PX = 72  # Tall enough to tell a picture by; the thumbnail scales to it.
PAGE_ROWS = 100  # Some 20 KB a page; pictures are fetched by the rows in sight alone.


def show(rows: Sequence[dict[str, Any]], *, key: str, height: int = 480) -> None:
    """Draw rows that carry a `digest`, a hundred at a time; the other values become columns as they are named.

    Args:
        height: Of the table in px, where the rows need as much.
    """
    n_pages = max(1, math.ceil(len(rows) / PAGE_ROWS))
    page = min(st.session_state.get(f"{key}:page", 1), n_pages)
    shown = [_line(row) for row in rows[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]]
    columns = {
        "Picture": st.column_config.ImageColumn(width=96),
        "Image": st.column_config.TextColumn(width=120),
    }
    st.dataframe(
        shown,
        hide_index=True,
        row_height=ROW_PX,
        height=min(height, 38 + ROW_PX * len(shown)),
        column_config=columns,
    )
    if n_pages > 1:
        if st.session_state.get(f"{key}:page") != page:
            st.session_state[f"{key}:page"] = page
        st.number_input(
            f"Page of {n_pages}", min_value=1, max_value=n_pages, step=1, key=f"{key}:page", width=160
        )


def _line(row: dict[str, Any]) -> dict[str, Any]:
    others = {name.capitalize(): value for name, value in row.items() if name not in ("digest", "group_key")}
    return {"Picture": f"/thumb/{row['digest']}", **others, "Image": row["digest"][:12]}
