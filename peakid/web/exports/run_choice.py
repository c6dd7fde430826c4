"""Which run the Models page is about, with its score and what its exports will do."""

from collections.abc import Mapping

import streamlit as st

from peakid.evaluate import score_text
from peakid.records import Run, Snapshot
from peakid.store.evaluation import operating_points
from peakid.store.workspace import Workspace
from peakid.web import address, names, navigation, session


def show(workspace: Workspace, trained: Mapping[str, Run], snapshots: Mapping[str, Snapshot]) -> Run:
    """Draw the menu of runs and what is known of the chosen one, and return it.

    Args:
        trained: Runs with a model, by id as text; not empty.
        snapshots: By digest.
    """
    left, right = st.columns([3, 4], gap="medium", vertical_alignment="bottom")
    with left:
        run_id = address.select(
            "Run", "run", list(trained), format_func=lambda each: names.run_option(trained[each])
        )
    run = trained[run_id]
    with right:
        score = names.run_score(run, snapshots.get(run.snapshot_digest))
        facts = [session.plain(names.snapshot_of(run)), session.plain(names.recipe_summary(run.recipe))]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{session.plain(score)}** on validation", width="content")
            st.page_link(
                navigation.page("evaluate"), label="Evaluate", query_params={"run": run_id}, width="content"
            )
        st.caption(" · ".join([*facts, threshold_text(workspace, run)]))
    return run


def threshold_text(workspace: Workspace, run: Run) -> str:
    """Say below which confidence the run's exports give no answer."""
    point = operating_points.of_run(workspace, run.run_id)
    if point is None or not point.threshold:
        return "answers every photo"
    return f"no answer below {score_text.percent(point.threshold)}"
