"""One line about the label errors that remain, with a button that opens a random sample to judge."""

import time
from dataclasses import dataclass

import streamlit as st

from peakid.curate.queues import audits, review_queue, suggested
from peakid.store.workspace import Workspace
from peakid.suggest import label_audit
from peakid.suggest.remaining import Remaining
from peakid.web import address, session, words, workspace_address
from peakid.web.gallery import loaded_page

REST = 20  # An estimate that took one second is kept for twenty.
_KEPT = "remaining"  # Session state.
_TIP = (
    "Estimated from a random sample, because a list that a model ranks does not tell what is beyond its end. "
    "A wrong label is one that you would change. The interval holds the truth in 95 of 100 cases."
)


@dataclass(frozen=True)
class _Kept:
    workspace: str
    found: Remaining
    at_s: float
    took_s: float


def show(workspace: Workspace, queue: str) -> None:
    """Draw the line, with a button to judge the sample or to return to the label issues."""
    found = _read(workspace)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":material/troubleshoot: {session.plain(label_audit.text(found))}", width="stretch", help=_TIP
        )
        if audits.is_of_labels(queue):
            st.button("Back to label issues", type="tertiary", on_click=_open, args=(suggested.LABEL_ISSUES,))
        if found.n_to_audit and not _has_more(workspace, queue):
            st.button(
                f"Judge a random sample of {words.n_of(found.n_to_audit, 'label')}",
                icon=":material/casino:",
                on_click=_open,
                args=(label_audit.sample_queue(workspace, found),),
            )


def _has_more(workspace: Workspace, queue: str) -> bool:
    """Return whether this is a random sample that is not judged to its end yet."""
    return audits.is_of_labels(queue) and review_queue.count(workspace, queue, most=1) > 0


def _open(queue: str) -> None:
    address.write(queue=queue, after=None)
    loaded_page.forget(queue)


def _read(workspace: Workspace) -> Remaining:
    """Return the estimate; one that took long is kept for a while, because each key would wait for it."""
    key, now_s = workspace_address.key_of(workspace.path), time.monotonic()
    kept: _Kept | None = st.session_state.get(_KEPT)
    if kept is not None and kept.workspace == key and now_s - kept.at_s < REST * kept.took_s:
        return kept.found
    found = label_audit.read(workspace)
    st.session_state[_KEPT] = _Kept(key, found, time.monotonic(), time.monotonic() - now_s)
    return found
