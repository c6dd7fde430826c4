"""Which snapshot a model is to learn from: its difference to the one before, and whether its leaks are accepted."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.records import Run, Snapshot
from peakid.store.workspace import Workspace
from peakid.web import address, names, session, words


def choose(workspace: Workspace, frozen_ones: Mapping[str, Snapshot], runs: Sequence[Run]) -> Snapshot:
    """Ask for the snapshot and say how it differs from the one trained on last.

    Args:
        frozen_ones: By digest, newest first; not empty.
        runs: Newest first.
    """
    digest = address.select(
        "Snapshot", "snapshot", list(frozen_ones), format_func=lambda each: names.snapshot(frozen_ones[each])
    )
    _show_since_last(workspace, frozen_ones[digest], runs)
    return frozen_ones[digest]


def ask_leaks(frozen: Snapshot) -> bool:
    """Let a leaking snapshot be trained on only by someone who says so."""
    if not frozen.n_leaks:
        return False
    groups = words.n_of(frozen.n_leaks, "group")
    st.warning(
        f"{groups} of look-alikes lie in different splits of this snapshot: the score will be better than the model."
    )
    return st.checkbox("Train all the same", key="allow_leaks")


def _show_since_last(workspace: Workspace, frozen: Snapshot, runs: Sequence[Run]) -> None:
    last = next((run for run in runs if run.state in ("done", "cancelled")), None)
    if last is None:
        st.caption("No model has learned from any snapshot yet.")
    elif last.snapshot_digest == frozen.digest:
        st.caption(f"Run {last.run_id} learned from this snapshot already.")
    else:
        changes = snapshots.diff(workspace, last.snapshot_digest, frozen.digest)
        told = ", ".join(f"{len(rows):,} {kind}" for kind, rows in changes.items())
        earlier = session.plain(names.short_snapshot(last.snapshot_name, last.snapshot_digest))
        st.caption(f"Since run {last.run_id} on {earlier}: {told}.")
