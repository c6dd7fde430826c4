"""The choice of the snapshot to train on, what changed since the last run, and whether leaks are accepted."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import SplitMissing
from peakid.jobs import refusals
from peakid.recipe.recipe import Recipe
from peakid.records import Run, Snapshot
from peakid.store.workspace import Workspace
from peakid.web import address, names, session, words


def choose(workspace: Workspace, frozen_ones: Mapping[str, Snapshot], runs: Sequence[Run]) -> Snapshot:
    """Draw the menu of snapshots and say how the chosen one differs from that of the last run.

    Args:
        frozen_ones: By digest, newest first; not empty.
        runs: Newest first.
    """
    digest = address.select(
        "Snapshot",
        "snapshot",
        list(frozen_ones),
        format_func=lambda each: names.snapshot_option(frozen_ones[each]),
    )
    _show_since_last(workspace, frozen_ones[digest], runs)
    if warning := snapshots.compared(frozen_ones[digest]).warning:
        st.warning(warning, icon=":material/warning:")
    return frozen_ones[digest]


def ask_leaks(frozen: Snapshot) -> bool:
    """Ask for consent where near duplicates are in different splits; return whether it was given."""
    if not frozen.n_leaks:
        return False
    groups = words.n_of(frozen.n_leaks, "group")
    st.warning(
        f"{groups} of near duplicates are in different splits of this snapshot. The score will be too high."
    )
    return st.checkbox("Train anyway", key="allow_leaks")


def is_complete(frozen: Snapshot, recipe: Recipe) -> bool:
    """Return whether the snapshot has the splits that a recipe needs; where it has not, say what to do."""
    try:
        refusals.refuse_empty_splits(frozen, recipe)
    except SplitMissing as error:
        session.show_error(error)
        return False
    return True


def _show_since_last(workspace: Workspace, frozen: Snapshot, runs: Sequence[Run]) -> None:
    last = next((run for run in runs if run.has_score), None)
    if last is None:
        st.caption("No model has been trained yet.")
    elif last.snapshot_digest == frozen.digest:
        st.caption(f"{names.run_name(last)} was trained on this snapshot.")
    else:
        changes = snapshots.diff(workspace, last.snapshot_digest, frozen.digest)
        changed = ", ".join(f"{len(rows):,} {kind}" for kind, rows in changes.items())
        earlier = session.plain(names.snapshot_of(last))
        st.caption(f"Since {names.run_name(last)} on {earlier}: {changed}.")
