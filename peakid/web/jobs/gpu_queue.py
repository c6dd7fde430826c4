"""The GPU queue: which jobs run and wait, in which order, with buttons to move and cancel them."""

from collections.abc import Sequence

import streamlit as st

from peakid.jobs import queue
from peakid.jobs.arguments import RecipeArguments
from peakid.jobs.job import Job
from peakid.records import Lane
from peakid.store.workspace import Workspace
from peakid.web import names, session, words
from peakid.web.jobs import job_panel

LANE: Lane = "gpu"
WATCH_EVERY_S = 1.0


def show(workspace: Workspace) -> None:
    """Draw the queue while it holds more than one job, redrawn each second."""
    if len(queue.list_active(workspace, LANE)) > 1:
        tip = "One job runs at a time on the GPU (or on the CPU where there is no GPU)."
        st.header("GPU queue", help=tip)
        st.fragment(run_every=WATCH_EVERY_S)(_watch)(workspace)


def position_text(position: int, *, is_running: bool) -> str:
    """Return where a job is in the queue: `running`, `next`, `2nd`.

    Args:
        position: Among the waiting jobs, from 1; ignored for a running one.
    """
    if is_running:
        return "running"
    ending = "th" if 10 < position % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return "next" if position == 1 else f"{position}{ending}"


def _watch(workspace: Workspace) -> None:
    jobs = queue.list_active(workspace, LANE)
    if len(jobs) < 2:
        st.rerun()  # The whole page, so that the queue disappears and this fragment stops polling.
    waiting = [job for job in jobs if job.state == "queued"]
    for job in jobs:
        _show_row(workspace, job, waiting)


def _show_row(workspace: Workspace, job: Job, waiting: Sequence[Job]) -> None:
    position = waiting.index(job) + 1 if job in waiting else 0
    # Wrapped where the window is narrow: a button is never cut.
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        where = position_text(position, is_running=job.state == "running")
        st.markdown(f"**{where}**", width="content")
        st.markdown(session.plain(_title(job)), width="content")
        st.caption(session.plain(f"{words.who(job.actor)}, {words.ago(job.created_at)}"), width="content")
        if position > 1:
            key = f"line:first:{job.job_id}"
            job_panel.button("Move to the front", queue.move_first, workspace, job, key=key)
        if job.is_cancel_requested:
            st.caption(job_panel.CANCELLING, width="content")
        else:
            job_panel.button("Cancel", queue.cancel, workspace, job, key=f"line:cancel:{job.job_id}")


def _title(job: Job) -> str:
    if isinstance(job.arguments, RecipeArguments):
        return f"{job_panel.name(job)}: {names.recipe_summary(job.arguments.recipe)}"
    return job_panel.name(job)
