"""The newest result on top of the Train page: its score, what it was trained with, and the way to it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.records import Run, Snapshot
from peakid.web import names, navigation, session, words


def show(all_runs: Sequence[Run], snapshots: Mapping[str, Snapshot]) -> None:
    """Draw the newest run that has a score; nothing where there is none.

    Args:
        all_runs: Newest first.
        snapshots: By digest.
    """
    newest = next((run for run in all_runs if run.accuracy is not None), None)
    if newest is None:
        return
    score = names.run_score(newest, snapshots.get(newest.snapshot_digest))
    title = session.plain(f"{names.run_name(newest)}: {score}")
    details = session.plain(f"{names.recipe_summary(newest.recipe)}, {words.ago(newest.created_at)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Last result: **{title}**, {details}", width="content")
        st.page_link(
            navigation.page("evaluate"),
            label=f"Evaluate run {newest.run_id}",
            query_params={"run": str(newest.run_id)},
        )
