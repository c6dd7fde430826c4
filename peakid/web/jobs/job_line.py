"""The line before the GPU: which trainings run and wait, in which order, and the acts on each."""

from collections.abc import Sequence

import streamlit as st

from peakid.jobs import queue
from peakid.records import Job
from peakid.store.workspace import Workspace
from peakid.web import names, session, words
from peakid.web.jobs import job_panel

LANE = "gpu"
WATCH_EVERY_S = 1.0


def show(workspace: Workspace) -> None:
    """Draw the line where more than one job is in it, redrawn each second until it is shorter."""
    if len(queue.in_line(workspace, LANE)) > 1:
        st.subheader("In line", help="One job at a time has the GPU, or what stands in for it.")
        st.fragment(run_every=WATCH_EVERY_S)(_watch)(workspace)


def place(position: int, *, is_running: bool) -> str:
    """Say where a job stands.

    Args:
        position: Among those that wait, from 1; ignored for one that runs.
    """
    if is_running:
        return "runs now"
    ending = "th" if 10 < position % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return "next" if position == 1 else f"{position}{ending}"


def _watch(workspace: Workspace) -> None:
    jobs = queue.in_line(workspace, LANE)
    if len(jobs) < 2:
        st.rerun()  # The whole page, so that this goes and stops asking.
    waiting = [job for job in jobs if job.state == "queued"]
    for job in jobs:
        _show_row(workspace, job, waiting)


def _show_row(workspace: Workspace, job: Job, waiting: Sequence[Job]) -> None:
    position = waiting.index(job) + 1 if job in waiting else 0
    cells = st.columns([2, 6, 4, 3, 2], gap="small", vertical_alignment="center")
    cells[0].markdown(f"**{place(position, is_running=job.state == 'running')}**")
    cells[1].markdown(session.plain(_what(job)))
    cells[2].caption(session.plain(f"{words.who(job.actor)}, {words.ago(job.created_at)}"))
    if position > 1 and cells[3].button("Move to the front", key=f"line:first:{job.job_id}"):
        job_panel.act(queue.put_first, workspace, job)
    if cells[4].button("Cancel", key=f"line:cancel:{job.job_id}", disabled=job.is_cancel_requested):
        job_panel.act(queue.cancel, workspace, job)


def _what(job: Job) -> str:
    recipe = job.arguments.get("recipe")
    return f"{job_panel.name(job)}: {names.recipe(recipe)}" if recipe else job_panel.name(job)
