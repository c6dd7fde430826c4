"""The jobs in the sidebar of every page: what runs and waits, with Cancel, and how jobs ended."""

import sqlite3
import time
from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.jobs.job import Job
from peakid.progress_text import line, share
from peakid.store.workspace import Workspace
from peakid.web import navigation, session
from peakid.web.jobs import ending, gpu_queue, job_log, job_panel, told_jobs
from peakid.web.jobs.ending import Ending

WATCH_EVERY_S = 1.0
# Without a job, for one that is submitted elsewhere: by a command, another person or another tab.
LOOK_EVERY_S = 5.0
MAX_ENDED = 10
# The page that draws how a job of a kind ended: a toast there would say it twice, and cover its controls.
_DRAWN_ON = {
    "import": "collect",
    "collect": "collect",
    "browse": "collect",
    "verify": "collect",
    "train": "train",
    "sweep": "train",
    "lr-find": "train",
    "estimate": "train",
    "tta": "evaluate",
    "evaluate": "evaluate",
    "attribute": "evaluate",
    "export": "models",
    "bundle": "models",
}
_ICONS = {
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "lost": ":material/power_off:",
    "cancelled": ":material/cancel:",
}


def show(workspace: Workspace, page: str) -> None:
    """Draw the jobs, redrawn by themselves; the page runs again only when a job begins or ends.

    Args:
        page: The one that is open. It needs no toast about a job whose end it draws itself.
    """
    told = told_jobs.current(workspace)
    active = queue.list_active(workspace)
    told.forget(job.job_id for job in active)
    ended = queue.list_ended(workspace, told.since, MAX_ENDED)
    for job in told.toasts(ended, time.monotonic()):
        if _DRAWN_ON.get(job.kind) == page:
            told.told[job.job_id] = float("-inf")  # Not on the page opened next either.
            continue
        found = _ending(workspace, job)
        st.toast(
            f"{session.plain(found.text)} [{found.link}]({_address(job, found)})", icon=_ICONS[job.state]
        )
    every_s = WATCH_EVERY_S if active else LOOK_EVERY_S
    drawn = bool(active), frozenset(job.job_id for job in ended)
    st.fragment(run_every=every_s)(_watch)(workspace, drawn)


def _watch(workspace: Workspace, drawn: tuple[bool, frozenset[int]]) -> None:
    """Draw the jobs as they are now.

    Args:
        drawn: What the page was drawn with: whether there were open jobs, and which have ended.
    """
    told = told_jobs.current(workspace)
    found = read(workspace, told.since)
    if found is None:
        return  # The page says why when it runs.
    active, ended = found
    if (bool(active), frozenset(job.job_id for job in ended)) != drawn:
        st.rerun()  # The whole page: it shows the result, and this fragment gets another interval.
    for job in active:
        _show_active(workspace, job, active)
    for job in told.lines(ended):
        _show_ended(workspace, job)
    told_jobs.remember(workspace)


def read(workspace: Workspace, since: str) -> tuple[list[Job], list[Job]] | None:
    """Return the open jobs and those that ended after `since`; None while the workspace cannot be read.

    A fragment runs outside the error boundary of the page.
    """
    try:
        return queue.list_active(workspace), queue.list_ended(workspace, since, MAX_ENDED)
    except (PeakidError, sqlite3.DatabaseError):  # The latter from a file that is damaged.
        return None


def _show_active(workspace: Workspace, job: Job, active: Sequence[Job]) -> None:
    name = job_panel.name(job)
    with st.container(gap=None):
        if job.state == "queued":
            waiting = [each for each in active if each.lane == job.lane and each.state == "queued"]
            position = gpu_queue.position_text(waiting.index(job) + 1, is_running=False)
            st.caption(f"{name}: queued, {position}")
        elif job.is_cancel_requested:
            st.progress(share(job.step, job.total), text=job_panel.CANCELLING)
        else:
            text = line(job.phase or f"{name}: starting", job.message)
            st.progress(share(job.step, job.total), text=session.plain(text))
        if not job.is_cancel_requested:
            label, key = f"Cancel {job_panel.noun(job)}", f"side:cancel:{job.job_id}"
            job_panel.button(label, queue.cancel, workspace, job, key=key, kind="tertiary")


def _show_ended(workspace: Workspace, job: Job) -> None:
    found = _ending(workspace, job)
    with st.container(gap=None):
        st.markdown(f":small[{_ICONS[job.state]} {session.plain(found.text)}]")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if found.page:
                page = navigation.page(found.page)
                st.page_link(page, label=found.link, query_params=found.query, width="content")
            elif st.button(found.link, key=f"side:log:{job.job_id}", type="tertiary"):
                job_log.show(workspace, job.job_id)
            st.button(
                "Dismiss",
                key=f"side:dismiss:{job.job_id}",
                type="tertiary",
                on_click=told_jobs.current(workspace).dismissed.add,
                args=(job.job_id,),
            )


def _ending(workspace: Workspace, job: Job) -> Ending:
    """Return how a job ended. It is found once: an ended job does not change."""
    found: dict[tuple[int, str | None], Ending] = st.session_state.setdefault("side:endings", {})
    key = (job.job_id, job.finished_at)
    if key not in found:
        try:
            found[key] = ending.of(workspace, job)
        except PeakidError:  # Its run is damaged, which the page of the run explains.
            found[key] = Ending(f"{job_panel.name(job)} has ended ({job.state}).")
    return found[key]


def _address(job: Job, found: Ending) -> str:
    """Return the address of a link relative to the page that is open."""
    query = urlencode(found.query or ({} if found.page else {job_log.PARAMETER: job.job_id}))
    return f"{found.page}?{query}" if query else found.page
