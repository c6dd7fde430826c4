"""The curves of several runs in one figure."""

import math
from collections.abc import Sequence

import streamlit as st

from peakid.evaluate import training_charts
from peakid.records import Run
from peakid.store import runs as all_of
from peakid.store.workspace import Workspace
from peakid.web import address, navigation, theme

MAX_RUNS = 6  # There are no more colours that colour-blind people can distinguish.


def show(workspace: Workspace, runs: Sequence[Run]) -> None:
    """Draw the curves of the runs in the address, with a link to the comparison of two of them.

    Args:
        runs: All runs, newest first.
    """
    chosen = requested(runs)
    if len(chosen) < 2:
        return
    if len(chosen) > MAX_RUNS:
        st.info(f"{len(chosen)} runs are selected; a figure shows at most {MAX_RUNS}.")
        return
    epochs = {f"Run {run.run_id}": all_of.epochs(workspace, run.run_id) for run in chosen}
    if not any(epochs.values()):
        st.info("None of these runs has finished an epoch yet.")
        return
    theme.plot(training_charts.compared(epochs, theme=theme.current()), key="overlay")
    st.caption("On validation. Losses are comparable between runs on the same snapshot.")
    scored = sorted(
        (run for run in chosen if run.has_model),
        key=lambda run: run.metrics.get("valid_loss", math.inf),
    )
    if len(scored) >= 2:
        best, other = scored[:2]
        which = "" if len(scored) == 2 else " (the two best)"
        label = f"Compare run {best.run_id} with run {other.run_id}{which}"
        if st.button(label, icon=":material/compare_arrows:"):
            navigation.go("evaluate", run=str(best.run_id), tab="compare", against=str(other.run_id))


def requested(runs: Sequence[Run]) -> list[Run]:
    """Return the runs in the address, newest first."""
    named = set(address.numbers("runs", what="numbers of runs"))
    return [run for run in runs if run.run_id in named]


def choose(run_ids: Sequence[int]) -> None:
    """Put the runs to draw in one figure into the address; fewer than two remove them."""
    address.write(runs=",".join(str(run_id) for run_id in run_ids) if len(run_ids) > 1 else None)
