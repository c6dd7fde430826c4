"""Taking back all that one person did since a moment, counted before it is done."""

from datetime import datetime, time, tzinfo

import streamlit as st

from peakid.curate import history, undo_since
from peakid.errors import PeakidError
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.history import history_list


def show(workspace: Workspace, actors: list[str], zone: tzinfo | None) -> None:
    """Draw the form with its count; imports are taken back one by one in the list."""
    people = [actor for actor in actors if not actor.startswith("import:")]
    if not people:
        st.caption("Nobody has judged anything yet.")
        return
    cells = st.columns(3)
    by = cells[0].selectbox("Everything by", people, format_func=words.who, key="since:by")
    today = datetime.now(zone)
    day = cells[1].date_input("Since", today.date(), key="since:day")
    at = cells[2].time_input("at", time(0), key="since:time", step=900)
    since = history.utc(datetime.combine(day, at, tzinfo=zone or today.astimezone().tzinfo))
    plan = undo_since.plan(workspace, by=by, since=since)
    if not plan.n_steps:
        st.caption(f"{session.plain(words.who(by))} did nothing since then that still stands.")
        return
    left = (
        f" {words.n_of(len(plan.conflicts), 'image')} judged by somebody else later stay as they are."
        if plan.conflicts
        else ""
    )
    st.markdown(
        f"Takes back **{words.n_of(plan.n_steps, 'step')}** on **{words.n_of(plan.n_images, 'image')}**, as one step.{left}"
    )
    if st.button(f"Take back {words.n_of(plan.n_steps, 'step')}", type="primary", icon=":material/undo:"):
        try:
            history_list.remember(undo_since.undo_since(workspace, by=by, since=since, actor=session.actor()))
        except PeakidError as error:
            session.show_error(error)
            return
        st.rerun()
