"""The search for changed copies, which the scan misses: the running job, or the button that starts one."""

import streamlit as st

from peakid.curate.duplicates import proposals, view_search
from peakid.jobs import queue
from peakid.jobs.from_embeddings import copies
from peakid.store import status
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.jobs import job_panel, submission

KIND = "changed-copies"


def show(workspace: Workspace) -> None:
    """Draw the running search, or offer one while there are images that it has not looked at."""
    job = queue.newest(workspace, KIND)
    if job is not None and (job.state not in queue.ENDED or job.state in queue.RESUMABLE):
        job_panel.show(workspace, job)
    n_images, n_compared = status.read(workspace).n_images, proposals.n_compared(workspace)
    n_left = max(0, n_images - n_compared)
    if not n_left or (job is not None and job.state not in queue.ENDED):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        were = "was" if n_left == 1 else "were"
        st.caption(
            f"{words.n_of(n_left, 'image')} {were} not compared with turned, cropped and recoloured copies"
            f" yet.{_cost(n_left)}",
            width="content",
        )
        _show_button(workspace)


def show_before_freezing(workspace: Workspace) -> None:
    """Say that copies may be in different splits of a snapshot where nothing searched for them."""
    n_left = proposals.n_not_searched(workspace)
    if not n_left:
        return
    job = queue.newest(workspace, KIND)
    if job is not None and job.state not in queue.ENDED:
        st.caption("Changed copies are being searched for. Freeze afterwards, so that they share a split.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(proposals.not_searched_text(n_left) + _cost(n_left), width="stretch")
        _show_button(workspace)


def _show_button(workspace: Workspace) -> None:
    submission.renew_ended(workspace)
    if st.button(
        "Search for changed copies", icon=":material/content_copy:", key="find-copies"
    ) and submission.submit(
        KIND,
        lambda request_id: copies.find_copies(workspace, request_id=request_id, actor=session.actor()),
    ):
        st.rerun()


def _cost(n_images: int) -> str:
    """Say how long a search takes on two cores without a GPU."""
    minutes = round(n_images * view_search.SECONDS_PER_IMAGE / 60)
    return f" That takes about {words.n_of(minutes, 'minute')} on a small machine." if minutes else ""
