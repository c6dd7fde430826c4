"""Progress of long work: a bar with rate and time left, and the running jobs in the sidebar."""

import contextlib
import time
from collections.abc import Generator

import streamlit as st

from peakid.jobs import queue
from peakid.jobs.job import Job
from peakid.progress_text import Pace, duration, line, share
from peakid.records import Report
from peakid.store.workspace import Workspace
from peakid.web import session, words

REDRAW_S = 0.2
WATCH_EVERY_S = 1.0

__all__ = ["active_jobs", "bar", "duration", "line", "running_jobs", "share"]


@contextlib.contextmanager
def bar() -> Generator[Report]:
    """Draw a progress bar during the block, which gets a callable that reports progress."""
    element, drawn = st.progress(0.0), 0.0

    def report(phase: str, step: int, total: int, message: str) -> None:
        nonlocal drawn
        if time.monotonic() - drawn < REDRAW_S and step != total:
            return
        drawn = time.monotonic()
        element.progress(share(step, total), text=session.plain(line(phase, message)))

    try:
        yield Pace().timing(report)
    finally:
        element.empty()


def running_jobs(workspace: Workspace) -> None:
    """Draw the queued and running jobs, redrawn each second while there are any."""
    if active_jobs(workspace):
        st.fragment(run_every=WATCH_EVERY_S)(_watch)(workspace)


def active_jobs(workspace: Workspace) -> list[Job]:
    """Return the queued and running jobs, oldest first."""
    return [job for job in reversed(queue.list_jobs(workspace)) if job.state not in queue.ENDED]


def _watch(workspace: Workspace) -> None:
    jobs = active_jobs(workspace)
    if not jobs:
        st.rerun()  # The whole page, so that it shows the result and this fragment stops polling.
    for job in jobs:
        _draw(job)


def _draw(job: Job) -> None:
    name = words.JOBS.get(job.kind, job.kind.capitalize())
    text = f"{name}: queued" if job.state == "queued" else line(job.phase or name, job.message)
    st.progress(share(job.step, job.total), text=session.plain(text))
