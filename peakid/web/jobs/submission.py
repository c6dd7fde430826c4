"""Submitting a job from a form: two clicks make one job, and an error is drawn where the button is."""

from collections.abc import Callable

import streamlit as st

from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.jobs.job import Job
from peakid.store.workspace import Workspace
from peakid.web import session

_SUBMITTED = "submitted"  # Job id by form, of the jobs that this session submitted.


def submit(form: str, request: Callable[[str], Job]) -> Job | None:
    """Submit the job of a form, or draw why that is not possible and return None.

    Args:
        form: Names the form and what is chosen in it; other choices are another request.
        request: Called with the id of the request.
    """
    try:
        job = request(session.request_id(form))
    except PeakidError as error:
        session.show_error(error)
        return None
    st.session_state.setdefault(_SUBMITTED, {})[form] = job.job_id
    return job


def renew_ended(workspace: Workspace) -> None:
    """Let forms whose job has ended submit a new one. A page with such a form calls this first."""
    submitted: dict[str, int] = st.session_state.get(_SUBMITTED, {})
    for form, job_id in list(submitted.items()):
        if queue.show(workspace, job_id).state in queue.ENDED:
            session.renew_request(form)
            del submitted[form]
