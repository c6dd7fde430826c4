"""One job on a page: its progress while it runs, then how it ended and what can be done about it."""

from collections.abc import Callable

import streamlit as st

from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.jobs.job import Job
from peakid.remedies import action
from peakid.store import checkpoints
from peakid.store.workspace import Workspace
from peakid.web import remedies, session, words
from peakid.web.jobs import progress

WATCH_EVERY_S = 1.0
LOG_LINES = 200
LOG_PX = 260
STALLED = " No progress for 2 minutes."  # queue.STALLED_AFTER_S


def name(job: Job) -> str:
    """Return the name of a job's kind, such as `Training`."""
    return words.JOBS.get(job.kind, job.kind.capitalize())


def show(workspace: Workspace, job: Job, *, body: Callable[[Job], None] = lambda job: None) -> None:
    """Draw a job: redrawn each second until it ends, then how it ended, with the body in both cases.

    Args:
        body: Draws what this kind of job has to show, such as curves.
    """
    if job.state in queue.ENDED:
        _show_ended(workspace, job, body)
    else:
        st.fragment(run_every=WATCH_EVERY_S)(_show_active)(workspace, job.job_id, body)


def act(function: Callable[[Workspace, int], Job], workspace: Workspace, job: Job) -> None:
    """Cancel or move a job and rerun the page, or draw why that is not possible."""
    try:
        function(workspace, job.job_id)
    except PeakidError as error:  # It ended or was changed elsewhere since this page was drawn.
        session.show_error(error)
    else:
        st.rerun()


def _show_active(workspace: Workspace, job_id: int, body: Callable[[Job], None]) -> None:
    job = queue.show(workspace, job_id)
    if job.state in queue.ENDED:
        st.rerun()  # The whole page: it shows the result elsewhere, and this fragment stops polling.
    st.progress(progress.share(job.step, job.total), text=session.plain(_status(job)))
    body(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Cancel this {_noun(job)}"
        if st.button(label, disabled=job.is_cancel_requested, key=f"cancel:{job.job_id}"):
            act(queue.cancel, workspace, job)
        st.caption("You can close this page; the job continues.")
    _show_log(workspace, job)


def _status(job: Job) -> str:
    if job.is_cancel_requested:
        return "Stopping after the current step."
    if job.state == "queued":
        return "Queued."
    stalled = STALLED if queue.is_stalled(job) else ""
    return f"{progress.line(job.phase or 'Starting', job.message)}.{stalled}"


def _show_ended(workspace: Workspace, job: Job, body: Callable[[Job], None]) -> None:
    took = progress.duration(job.seconds)
    if job.state == "failed":
        st.error(f"Failed after {took}. {session.plain(job.error_text)}", icon=":material/error:")
    elif job.state == "lost":
        st.warning(f"Lost after {took}. {session.plain(job.error_text)}", icon=":material/power_off:")
    elif job.state == "cancelled":
        st.info(f"Cancelled after {took}.", icon=":material/cancel:")
    _offer_remedies(workspace, job)
    body(job)
    _show_log(workspace, job)


def _offer_remedies(workspace: Workspace, job: Job) -> None:
    if job.state not in queue.RESUMABLE:
        return
    resuming = action("resume_job", job_id=job.job_id)
    actions = (*(each for each in job.actions if each != resuming), resuming)
    if (run_id := checkpoints.of_job(workspace, job.job_id)) is not None:
        st.caption(checkpoints.anew_text(run_id))
    with st.container(horizontal=True):
        remedies.offer(workspace, actions, actor=session.actor(), key=f"job:{job.job_id}")


def _show_log(workspace: Workspace, job: Job) -> None:
    tail = queue.log_tail(workspace, job.job_id, LOG_LINES)
    with st.expander("Log", icon=":material/notes:"):
        st.code(tail or "Empty so far.", language=None, height=LOG_PX, wrap_lines=True)


def _noun(job: Job) -> str:
    label = name(job)
    return label if label[:2].isupper() else label[0].lower() + label[1:]  # Not "lR finder".
