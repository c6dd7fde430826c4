"""All snapshots in a table; selecting a row opens that snapshot."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.records import Snapshot
from peakid.web import address, names, tables, words

_KEY = "snapshots"
ROWS_PX = 220  # Five rows; more scroll.


def show(frozen_ones: Sequence[Snapshot], opened: str, n_runs_of: Mapping[str, int]) -> None:
    """Draw the table, newest first.

    Args:
        opened: Digest of the snapshot that the page shows.
        n_runs_of: Number of runs by digest.
    """
    lines = [_line(frozen, n_runs_of.get(frozen.digest, 0)) for frozen in frozen_ones]
    row = next(i for i, frozen in enumerate(frozen_ones) if frozen.digest == opened)
    # A new key for each opened snapshot: a selection cannot be changed by the script.
    tables.show(
        lines,
        height="content" if len(lines) <= 5 else ROWS_PX,
        column_config={"Never compared": st.column_config.TextColumn(alignment="right")},
        key=f"{_KEY}:{opened}",
        on_select=lambda: _open(frozen_ones, opened),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [row]}},
    )


def _line(frozen: Snapshot, n_runs: int) -> dict[str, str | int]:
    n_missing = snapshots.compared(frozen).n_missing
    return {
        "Snapshot": names.snapshot_name(frozen),
        "Images": frozen.n_images,
        "Classes": len(frozen.class_names),
        "Train": frozen.splits.get("train", 0),
        "Validation": frozen.splits.get("valid", 0),
        "Test": frozen.splits.get("test", 0),
        "Unreviewed": frozen.n_unreviewed,
        "Never compared": "not known" if n_missing is None else f"{n_missing:,}",
        "Runs": n_runs,
        "Frozen": words.ago(frozen.created_at),
    }


def _open(frozen_ones: Sequence[Snapshot], opened: str) -> None:
    rows = st.session_state[f"{_KEY}:{opened}"]["selection"]["rows"]
    if rows:
        address.write(snapshot=frozen_ones[rows[0]].digest)
