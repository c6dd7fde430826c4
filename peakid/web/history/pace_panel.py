"""How fast the reviewer of this session works: images today, this week and per minute."""

from datetime import datetime, tzinfo

import streamlit as st

from peakid.curate import history
from peakid.evaluate import charts
from peakid.store.workspace import Workspace
from peakid.web import session, theme, words


def show(workspace: Workspace, zone: tzinfo | None) -> None:
    """Draw the reviewer's own counts; those of other reviewers are not shown."""
    pace = history.pace(workspace, session.actor(), at=datetime.now(zone).astimezone(zone))
    name = session.plain(words.who(session.actor()))
    if not pace.n_week:
        st.info(f"{name} has reviewed nothing in the last seven days. Your pace will be shown here.")
        return
    cells = st.columns(3)
    cells[0].metric("Images today", f"{pace.n_today:,}")
    cells[1].metric("In seven days", f"{pace.n_week:,}")
    speed = "-" if pace.images_a_minute is None else f"{pace.images_a_minute:.0f}"
    tip = "Images reviewed one by one; pauses of more than a minute are left out."
    cells[2].metric("Images per minute", speed, help=tip)
    if pace.n_today:
        theme.plot(charts.day(pace.per_hour, theme=theme.current()), key="day")
    st.caption(f"The decisions stored under the name {name}. This page shows only your own.")
