"""The log of one job, above whichever page is open."""

import streamlit as st

from peakid.errors import NotFound
from peakid.jobs import queue
from peakid.store.workspace import Workspace
from peakid.web import address, session
from peakid.web.jobs import job_panel

PARAMETER = "log"  # Of an address.


def show_requested(workspace: Workspace) -> None:
    """Draw the log that the address names, once: closing it leaves the page as it is."""
    job_id = address.number(PARAMETER, what="the number of a job")
    if job_id is None:
        return
    try:
        queue.show(workspace, job_id)
    except NotFound:
        address.ignore(PARAMETER, "there is no such job")
    else:
        show(workspace, job_id)
    address.write(log=None)


def show(workspace: Workspace, job_id: int) -> None:
    """Draw how a job ended, what can be done about it, and the end of its log."""
    job = queue.show(workspace, job_id)
    st.dialog(f"{job_panel.name(job)}, job {job_id}", width="large")(_draw)(workspace, job_id)


def _draw(workspace: Workspace, job_id: int) -> None:
    job = queue.show(workspace, job_id)
    if job.state not in queue.ENDED:
        st.rerun()  # It was resumed here.
    if job.error:
        st.error(session.plain(job.error_text), icon=":material/error:")
    job_panel.offer_remedies(workspace, job, key="log")
    st.code(
        queue.log_tail(workspace, job_id, job_panel.LOG_LINES) or "Empty.",
        language=None,
        height=job_panel.LOG_PX,
        wrap_lines=True,
    )
