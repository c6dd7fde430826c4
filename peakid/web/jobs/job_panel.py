"""One job as its page shows it: progress while it runs, and how it ended with the way on."""

from collections.abc import Callable

import streamlit as st

from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.records import Job
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.jobs import progress

WATCH_EVERY_S = 1.0
LOG_LINES = 200
LOG_PX = 260

_SUBMITTED = "submitted"  # Job id by form, of the jobs that this session asked for.


def submit_once(form: str, submit: Callable[[str], Job]) -> Job:
    """Submit with the request id of `form`, so that two clicks on it make one job.

    Args:
        form: Names the form and what is chosen in it; other choices are another request.
        submit: Gets the request id.
    """
    job = submit(session.request_id(form))
    st.session_state.setdefault(_SUBMITTED, {})[form] = job.job_id
    return job


def renew_ended(workspace: Workspace) -> None:
    """Let forms whose job has ended ask anew; a page with such a form calls it first."""
    held: dict[str, int] = st.session_state.get(_SUBMITTED, {})
    for form in [form for form, job_id in held.items() if queue.show(workspace, job_id).state in queue.ENDED]:
        session.renew_request(form)
        del held[form]


def name(job: Job) -> str:
    """Name a job: `Training 7`."""
    return f"{words.JOBS.get(job.kind, job.kind.capitalize())} {job.job_id}"


def show(workspace: Workspace, job: Job, *, body: Callable[[Job], None] = lambda job: None) -> None:
    """Draw a job that waits or runs, redrawn each second until it ends, or how it ended; one that is done speaks by its body.

    Args:
        body: Draws what this kind of job has to show, such as curves.
    """
    if job.state in queue.ENDED:
        _ended(workspace, job, body)
    else:
        st.fragment(run_every=WATCH_EVERY_S)(_active)(workspace, job.job_id, body)


def log(workspace: Workspace, job: Job) -> None:
    """Offer the end of a job's log, folded."""
    tail = queue.log_tail(workspace, job.job_id, LOG_LINES)
    with st.expander("Log", icon=":material/notes:"):
        st.code(tail or "Nothing has been written yet.", language=None, height=LOG_PX, wrap_lines=True)


def _active(workspace: Workspace, job_id: int, body: Callable[[Job], None]) -> None:
    job = queue.show(workspace, job_id)
    if job.state in queue.ENDED:
        st.rerun()  # The whole page: what came of it stands elsewhere, and this stops asking.
    st.progress(progress.share(job.step, job.total), text=session.plain(_line(job)))
    body(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        _cancel_button(workspace, job)
        st.caption(f"You can close this page; the {_noun(job)} goes on.")
    log(workspace, job)


def _line(job: Job) -> str:
    if job.is_cancel_requested:
        return "Asked to stop; it does so after its present step."
    if job.state == "queued":
        return "Waits for its turn, or for its process to start."
    steps = f" {job.step:,} of {job.total:,}" if job.total else ""
    stalled = " Nothing has been heard of it for two minutes." if queue.is_stalled(job) else ""
    return f"{job.phase or 'Starting'}{steps}{f' · {job.message}' if job.message else ''}.{stalled}"


def _cancel_button(workspace: Workspace, job: Job) -> None:
    if st.button(f"Cancel this {_noun(job)}", disabled=job.is_cancel_requested, key=f"cancel:{job.job_id}"):
        act(queue.cancel, workspace, job)


def _ended(workspace: Workspace, job: Job, body: Callable[[Job], None]) -> None:
    took = progress.duration(job.seconds)
    if job.state == "failed":
        st.error(f"Failed after {took}. {session.plain(job.error)}", icon=":material/error:")
    elif job.state == "lost":
        st.warning(
            f"Lost after {took}. {session.plain(_without_command(job.error))}", icon=":material/power_off:"
        )
    elif job.state == "cancelled":
        st.info(f"Cancelled after {took}.", icon=":material/cancel:")
    body(job)
    _again_button(workspace, job)
    log(workspace, job)


def _again_button(workspace: Workspace, job: Job) -> None:
    verb = {
        "failed": "Try again",
        "lost": f"Resume this {_noun(job)}",
        "cancelled": f"Start this {_noun(job)} again",
    }
    if job.state in verb and st.button(verb[job.state], key=f"again:{job.job_id}", icon=":material/replay:"):
        act(queue.resume, workspace, job)


def act(verb: Callable[[Workspace, int], Job], workspace: Workspace, job: Job) -> None:
    """Cancel, resume or move a job, and draw the page anew; or say why that could not be."""
    try:
        verb(workspace, job.job_id)
    except PeakidError as error:  # It ended, or was resumed elsewhere, since this page was drawn.
        session.show_error(error)
    else:
        st.rerun()


def _without_command(error: str) -> str:
    """Leave out the command line that goes on with a lost job: a button stands below."""
    return error.partition(" Go on with:")[0]


def _noun(job: Job) -> str:
    return words.JOBS.get(job.kind, job.kind).lower()
