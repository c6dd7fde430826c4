"""How many images were not compared with the others yet, and the job that compares them."""

import streamlit as st

from peakid.jobs import queue, submit
from peakid.store import comparisons
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.jobs import engine_choice, job_panel, submission


def show(workspace: Workspace) -> None:
    """Draw the running scan, or offer one while there are images that were not compared."""
    job = queue.newest(workspace, "scan")
    if job is not None and (job.state not in queue.ENDED or job.state in queue.RESUMABLE):
        job_panel.show(workspace, job)
    n_missing = comparisons.n_missing(workspace)
    if not n_missing or (job is not None and job.state not in queue.ENDED):
        return
    submission.renew_ended(workspace)
    with st.container(horizontal=True, vertical_alignment="center"):
        were = "was" if n_missing == 1 else "were"
        st.caption(
            f"{words.n_of(n_missing, 'image')} {were} not compared with the others yet.", width="content"
        )
        if st.button("Scan the images", icon=":material/search:", key="scan") and submission.submit(
            "scan",
            lambda request_id: submit.scan(
                workspace,
                settings=engine_choice.settings(),
                request_id=request_id,
                actor=session.actor(),
            ),
        ):
            st.rerun()
