"""All snapshots in one table; the row that is selected is the one the page opens."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from peakid.records import Snapshot
from peakid.web import address, names, words

_KEY = "snapshots"
ROWS_PX = 220  # Five rows; more scroll.


def show(frozen_ones: Sequence[Snapshot], opened: str, n_runs_of: dict[str, int]) -> None:
    """Draw the table, newest first.

    Args:
        opened: Digest of the snapshot the page shows.
        n_runs_of: Trainings by digest.
    """
    lines = [
        {
            "Name": names.short_snapshot(frozen.name, frozen.digest),
            "Images": frozen.n_images,
            "Classes": len(frozen.class_names),
            **{split.capitalize(): n for split, n in frozen.splits.items()},
            "Not confirmed": frozen.n_unreviewed,
            "Runs": n_runs_of.get(frozen.digest, 0),
            "Frozen": words.ago(frozen.created_at),
        }
        for frozen in frozen_ones
    ]
    row = next(i for i, frozen in enumerate(frozen_ones) if frozen.digest == opened)
    height = "content" if len(lines) <= 5 else ROWS_PX
    chosen: dict[str, Any] = {
        "selection_mode": "single-row",
        "selection_default": {"selection": {"rows": [row]}},
    }
    # A new key for another opened snapshot: a selection cannot be moved from outside.
    st.dataframe(
        lines,
        hide_index=True,
        height=height,
        key=f"{_KEY}:{opened}",
        on_select=lambda: _open(frozen_ones, opened),
        **chosen,
    )


def _open(frozen_ones: Sequence[Snapshot], opened: str) -> None:
    rows = st.session_state[f"{_KEY}:{opened}"]["selection"]["rows"]
    if rows:
        address.write(snapshot=frozen_ones[rows[0]].digest)
