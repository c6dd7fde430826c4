"""What differs between runs besides their scores: the settings of their recipes and their snapshots."""

from collections.abc import Sequence

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import names, tables
from peakid.web.training import recipe_draft

_COUNTS = "compare:snapshots"  # Session state: what differs between two snapshots, which never changes.


def show(workspace: Workspace, compared: Sequence[Run]) -> None:
    """Draw one row for each setting that differs, one column for each run."""
    st.header("What differs in how they were made")
    found = rows(workspace, compared)
    if (
        len(found) == 1 and len({run.snapshot_digest for run in compared}) == 1
    ):  # Only the snapshot, the same.
        st.caption(f"Nothing: the same recipe and {names.snapshot_of(compared[0])}.")
        return
    tables.wrapped(found)


def rows(workspace: Workspace, compared: Sequence[Run]) -> list[dict[str, str]]:
    """Return the differing settings, each with its value by run."""
    found = [_row("Snapshot", compared, [names.snapshot_of(run) for run in compared])]
    weights = [run.started_from for run in compared]
    if len(set(weights)) > 1:
        found.append(_row("Starting weights", compared, weights))
    for name in dict.fromkeys(name for run in compared for name in run.recipe):
        values = [str(run.recipe.get(name, "-")) for run in compared]
        if len(set(values)) > 1:
            found.append(_row(recipe_draft.field_label(name), compared, values))
    if len({run.snapshot_digest for run in compared}) > 1:
        base = compared[0].snapshot_digest
        changes = ["-", *(_changed(workspace, base, run.snapshot_digest) for run in compared[1:])]
        found.append(_row(f"Images changed from run {compared[0].run_id}", compared, changes))
    return found


def _row(what: str, compared: Sequence[Run], values: Sequence[str]) -> dict[str, str]:
    by_run = {names.run_name(run): value for run, value in zip(compared, values, strict=True)}
    return {"Setting": what, **by_run}


def _changed(workspace: Workspace, a: str, b: str) -> str:
    kept: dict[tuple[str, str], str] = st.session_state.setdefault(_COUNTS, {})
    if (a, b) not in kept:
        counted = {kind: len(images) for kind, images in snapshots.diff(workspace, a, b).items()}
        kept[a, b] = ", ".join(f"{n:,} {kind}" for kind, n in counted.items() if n) or "none"
    return kept[a, b]
