"""Progress of long work that a page waits for: a bar with rate and time left."""

import contextlib
import time
from collections.abc import Generator

import streamlit as st

from peakid.progress_text import Pace, duration, line, share
from peakid.records import Report
from peakid.web import session

REDRAW_S = 0.2

__all__ = ["bar", "duration", "line", "share"]


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
