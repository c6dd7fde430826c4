"""Progress of long work: a bar with rate and time left, and the running jobs in the sidebar."""

import contextlib
import time
from collections.abc import Generator

import streamlit as st

from peakid.jobs import queue
from peakid.jobs.job import Job
from peakid.records import Report
from peakid.store.workspace import Workspace
from peakid.web import session, words

REDRAW_S = 0.2
WATCH_EVERY_S = 1.0


@contextlib.contextmanager
def bar() -> Generator[Report]:
    """Draw a progress bar during the block, which gets a callable that reports progress."""
    element, started, drawn = st.progress(0.0), time.monotonic(), 0.0

    def report(phase: str, step: int, total: int, message: str) -> None:
        nonlocal drawn
        if time.monotonic() - drawn < REDRAW_S and step != total:
            return
        drawn = time.monotonic()
        text = line(phase, step, total, message, drawn - started)
        element.progress(share(step, total), text=session.plain(text))

    try:
        yield report
    finally:
        element.empty()


def line(phase: str, step: int, total: int, message: str, elapsed_s: float) -> str:
    """Return progress as text: `reading: 120 of 348 · 45 per second · about 5 s left`."""
    if total <= 0:
        return " · ".join(part for part in (phase, message) if part)
    parts = [f"{phase}: {step:,} of {total:,}"]
    if step and elapsed_s > 1:
        rate = step / elapsed_s
        parts += [f"{rate:,.0f} per second"] if rate >= 1 else []
        if step < total and " left" not in message:
            parts.append(f"about {duration((total - step) / rate)} left")
    return " · ".join([*parts, *([message] if message else [])])


def duration(seconds: float) -> str:
    """Return a duration as text: `40 s`, `12 min`, `3 h 5 min`."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def share(step: int, total: int) -> float:
    """Return progress as 0..1; 0 where the total is unknown."""
    return min(max(step / total, 0.0), 1.0) if total > 0 else 0.0


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
    if job.state == "queued":
        text = f"{name}: queued"
    else:
        text = line(job.phase or name, job.step, job.total, job.message, job.seconds)
    st.progress(share(job.step, job.total), text=session.plain(text))
