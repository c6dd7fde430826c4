"""One job on a page: its progress while it runs, then how it ended and what can be done about it."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from peakid.errors import JobNotWaiting, PeakidError
from peakid.jobs import queue
from peakid.jobs.job import Job
from peakid.remedies import action
from peakid.store import checkpoints
from peakid.store.workspace import Workspace
from peakid.web import remedies, session, words
from peakid.web.jobs import progress

WATCH_EVERY_S = 1.0
CANCELLING = "Cancelling…"
LOG_LINES = 200
LOG_PX = 260
ButtonKind = Literal["secondary", "tertiary"]  # How much a button of Streamlit stands out.
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


def button(
    label: str,
    function: Callable[[Workspace, int], Job],
    workspace: Workspace,
    job: Job,
    *,
    key: str,
    kind: ButtonKind = "secondary",
) -> None:
    """Draw a button that cancels or moves a job, and below it why that was not possible.

    It acts before the next run, so that a fragment shows the effect without the rest of its page.
    """
    st.button(label, key=key, type=kind, on_click=_act, args=(function, workspace, job.job_id, key))
    if error := st.session_state.pop(f"error:{key}", None):
        session.show_error(error, key=key)


def _act(function: Callable[[Workspace, int], Job], workspace: Workspace, job_id: int, key: str) -> None:
    try:
        function(workspace, job_id)
    except JobNotWaiting:
        return  # It has ended or begun meanwhile, which is drawn next.
    except PeakidError as error:  # Raised inside a callback, it would be shown as a traceback.
        st.session_state[f"error:{key}"] = error


def _show_active(workspace: Workspace, job_id: int, body: Callable[[Job], None]) -> None:
    job = queue.show(workspace, job_id)
    if job.state in queue.ENDED:
        st.rerun()  # The whole page: it shows the result elsewhere, and this fragment stops polling.
    st.progress(progress.share(job.step, job.total), text=session.plain(_status(job)))
    body(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not job.is_cancel_requested:
            button(f"Cancel this {noun(job)}", queue.cancel, workspace, job, key=f"cancel:{job.job_id}")
        st.caption("You can close this page; the job continues.")
    _show_log(workspace, job)


def _status(job: Job) -> str:
    if job.is_cancel_requested:
        return f"{CANCELLING} The current step ends first."
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
    offer_remedies(workspace, job, key="job")
    body(job)
    _show_log(workspace, job)


def offer_remedies(workspace: Workspace, job: Job, *, key: str) -> None:
    """Draw what can be done about a job that did not end well, such as resuming it.

    Args:
        key: Distinguishes these buttons from those of the same job elsewhere on the page.
    """
    if job.state not in queue.RESUMABLE:
        return
    resuming = action("resume_job", job_id=job.job_id)
    actions = (*(each for each in job.actions if each != resuming), resuming)
    if (run_id := checkpoints.of_job(workspace, job.job_id)) is not None:
        st.caption(checkpoints.anew_text(run_id))
    with st.container(horizontal=True):
        remedies.offer(workspace, actions, actor=session.actor(), key=f"{key}:{job.job_id}")


def _show_log(workspace: Workspace, job: Job) -> None:
    tail = queue.log_tail(workspace, job.job_id, LOG_LINES)
    with st.expander("Log", icon=":material/notes:"):
        st.code(tail or "Empty so far.", language=None, height=LOG_PX, wrap_lines=True)


def noun(job: Job) -> str:
    """Return the name of a job's kind inside a sentence, such as `training`."""
    label = name(job)
    return label if label[:2].isupper() else label[0].lower() + label[1:]  # Not "lR finder".
