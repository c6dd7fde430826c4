"""Several runs over each other, to see which learned faster and which better."""

import math
from collections.abc import Sequence

import streamlit as st

from peakid.evaluate import training_charts
from peakid.records import Run
from peakid.store import runs as all_of
from peakid.store.workspace import Workspace
from peakid.web import address, navigation, theme

MOST = 6  # More lines than that nobody tells apart, and there are no more safe colours.


def show(workspace: Workspace, runs: Sequence[Run]) -> None:
    """Draw the curves of the runs that the address names, with the way to their comparison.

    Args:
        runs: All there are.
    """
    chosen = asked(runs)
    if len(chosen) < 2:
        return
    if len(chosen) > MOST:
        st.info(f"{len(chosen)} runs are selected; at most {MOST} can be told apart over each other.")
        return
    epochs = {f"Run {run.run_id}": all_of.epochs(workspace, run.run_id) for run in chosen}
    if not any(epochs.values()):
        st.info("None of these has finished an epoch yet.")
        return
    theme.plot(training_charts.compared(epochs, theme=theme.current()), key="overlay")
    st.caption("Compare them by valid. Losses are comparable between runs of one snapshot.")
    scored = sorted(
        (run for run in chosen if run.best_epoch is not None),
        key=lambda run: run.metrics.get("valid_loss", math.inf),
    )
    if len(scored) >= 2:
        best, other = scored[:2]
        which = "" if len(scored) == 2 else "the two best, "
        label = f"Compare {which}run {best.run_id} and run {other.run_id}, image by image"
        if st.button(label, icon=":material/compare_arrows:"):
            navigation.go("evaluate", run=str(best.run_id), against=str(other.run_id))


def asked(runs: Sequence[Run]) -> list[Run]:
    """Answer the runs that the address names, newest first."""
    named = set((st.query_params.get("runs") or "").split(","))
    return [run for run in runs if str(run.run_id) in named]


def choose(run_ids: Sequence[int]) -> None:
    """Put the runs to be drawn over each other into the address; fewer than two take them out."""
    address.write(runs=",".join(str(run_id) for run_id in run_ids) if len(run_ids) > 1 else None)
