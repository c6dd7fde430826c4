"""The key S of the review grid: open the queue of the images similar to the focused one."""

from collections.abc import Mapping

import streamlit as st

from peakid.curate.queues import search_plans
from peakid.embed import similar, stored
from peakid.records import StepResult
from peakid.store.workspace import Workspace
from peakid.web import address
from peakid.web.gallery import loaded_page
from peakid.web.gallery.outbox import Act, Event, text_of

_N_OPENED = "search:opened"  # Session state.
_FOLLOWED = "search:followed"  # Session state: number of the newest event that was followed.
_WANTED = "search:wanted"  # Session state: the queue that a key asked for, until it is opened.


def acts(workspace: Workspace) -> Mapping[str, Act]:
    """Return the act of the event "similar"; none while no image has an embedding."""
    return {"similar": _note_wanted} if stored.sets(workspace) else {}


def follow(current: str) -> None:
    """Open the queue that a key asked for; the page runs again and this does not return."""
    wanted = st.session_state.pop(_WANTED, None)
    if wanted is not None and wanted != current:
        go(wanted)
        st.rerun()


def go(queue: str) -> None:
    """Open a queue at its start."""
    close()
    address.write(queue=queue, after=None)
    loaded_page.forget(queue)


def close() -> None:
    """Close the menu "Find" at the next run."""
    st.session_state[_N_OPENED] = n_opened() + 1


def n_opened() -> int:
    """Return how many times the menu was closed; its widgets have this number in their keys."""
    return st.session_state.get(_N_OPENED, 0)


def _note_wanted(workspace: Workspace, event: Event, actor: str) -> StepResult:
    """Note which queue to open. An event that is delivered again would lead back from a later queue."""
    if event["seq"] <= st.session_state.get(_FOLLOWED, 0):
        return StepResult(None, [])
    st.session_state[_FOLLOWED] = event["seq"]
    digest = text_of(event, "digest")
    similar.to_image(workspace, digest)  # An image without an embedding is refused with its reason.
    st.session_state[_WANTED] = search_plans.similar_queue(digest)
    return StepResult(None, [])
