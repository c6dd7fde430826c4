"""Which ended jobs a browser is told about: once each, until the browser is closed, and until dismissed."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

from peakid.jobs.job import Job
from peakid.store.workspace import Workspace, now
from peakid.web import cookies

TOAST_S = 10.0  # How long a toast is drawn: a run of the page that does not draw it again removes it.
MAX_LINES = 3  # In the sidebar, the newest.
MAX_IDS = 30  # In the cookie.
_VALUE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]{8,15}Z)~([\d.]{0,400})~([\d.]{0,400})")


@dataclass
class Told:
    """What one browser was told.

    Attributes:
        since: Jobs that ended before this time of the database are not told: no one waits for them here.
        told: By job, when its toast was first drawn, in seconds of the monotonic clock.
        dismissed: Jobs whose line was dismissed.
    """

    since: str
    told: dict[int, float] = field(default_factory=dict)
    dismissed: set[int] = field(default_factory=set)

    def toasts(self, ended: Iterable[Job], now_s: float) -> list[Job]:
        """Return the jobs whose toast is drawn in this run, and note that they are told."""
        return [job for job in ended if now_s - self.told.setdefault(job.job_id, now_s) < TOAST_S]

    def lines(self, ended: Iterable[Job]) -> list[Job]:
        """Return the jobs that have a line, the newest first."""
        return [job for job in ended if job.job_id not in self.dismissed][:MAX_LINES]

    def forget(self, open_ids: Iterable[int]) -> None:
        """Tell again how jobs end that were resumed."""
        for job_id in open_ids:
            self.told.pop(job_id, None)
            self.dismissed.discard(job_id)

    def value(self) -> str:
        """Return it as the value of a cookie."""
        ids = (sorted(each)[-MAX_IDS:] for each in (self.told, self.dismissed))
        return "~".join([self.since, *(".".join(map(str, each)) for each in ids)])


def parse(value: str, *, otherwise_since: str) -> Told:
    """Return what a cookie says; a browser without a usable one is told what ends from now on."""
    found = _VALUE.fullmatch(value)
    if found is None:
        return Told(otherwise_since)
    told, dismissed = ([int(each) for each in part.split(".") if each] for part in found.groups()[1:])
    return Told(found[1], dict.fromkeys(told, float("-inf")), set(dismissed))


def current(workspace: Workspace) -> Told:
    """Return what this browser was told about the jobs of a workspace."""
    key = f"told:{workspace.path}"
    if key not in st.session_state:
        st.session_state[key] = parse(cookies.read(_cookie(workspace)), otherwise_since=now())
    return st.session_state[key]


def remember(workspace: Workspace) -> None:
    """Keep it in the browser until that is closed, so that a reload does not tell it again."""
    cookies.write(_cookie(workspace), current(workspace).value())


def _cookie(workspace: Workspace) -> str:
    # Servers on several ports of a machine share its cookies.
    return f"peakid_jobs_{hashlib.sha256(str(workspace.path).encode()).hexdigest()[:8]}"
