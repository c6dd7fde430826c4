"""Undo everything that one person did since a given time, after showing how much that is."""

from datetime import datetime, time, tzinfo

import streamlit as st

from peakid.curate import history, undo_since
from peakid.errors import PeakidError
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.history import history_list


def show(workspace: Workspace, actors: list[str], zone: tzinfo | None) -> None:
    """Draw the form with its counts. Imports are left out: they are undone one by one in the list."""
    people = [actor for actor in actors if not actor.startswith("import:")]
    if not people:
        st.info("No decisions by a person yet. Imports are undone one by one under All steps.")
        return
    cells = st.columns(3)
    by = cells[0].selectbox(
        "Everything by", people, format_func=lambda each: words.shown(words.who(each)), key="since:by"
    )
    today = datetime.now(zone)
    day = cells[1].date_input("Since", today.date(), key="since:day")
    at = cells[2].time_input("Time", time(0), key="since:time", step=900)
    since = history.utc(datetime.combine(day, at, tzinfo=zone or today.astimezone().tzinfo))
    plan = undo_since.plan(workspace, by=by, since=since)
    if not plan.n_steps:
        st.caption(f"Nothing to undo: no steps by {session.plain(words.who(by))} since then.")
        return
    n_steps, n_images = words.n_of(plan.n_steps, "step"), words.n_of(plan.n_images, "image")
    conflicts = words.n_of(len(plan.conflicts), "image")
    kept = f" {conflicts} with a later decision by somebody else will not change." if plan.conflicts else ""
    st.markdown(f"Undoes **{n_steps}** on **{n_images}**, as one step.{kept}")
    if st.button(f"Undo {n_steps}", type="primary", icon=":material/undo:"):
        _undo(workspace, by, since)


def _undo(workspace: Workspace, by: str, since: str) -> None:
    try:
        undone = undo_since.undo_since(workspace, by=by, since=since, actor=session.actor())
        history_list.remember(workspace, undone)
    except PeakidError as error:
        session.show_error(error)
        return
    st.rerun()
