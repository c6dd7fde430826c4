"""Which layout the map shows, and how to get one: embeddings first, then UMAP as a job."""

import streamlit as st

from peakid.embed import layouts
from peakid.embed.layouts import Layout, Method
from peakid.embed.stored import EmbeddingSet
from peakid.jobs import queue
from peakid.jobs.from_embeddings import map_layout
from peakid.jobs.job import Job
from peakid.store import status
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.collect import embedding_panel
from peakid.web.jobs import job_panel, submission

_FORM = "map"


def show_no_embeddings(workspace: Workspace) -> None:
    """Say what the map will show, with the button or the job that computes the embeddings."""
    st.markdown(
        "The map shows every image as a point, beside the images that look like it. It needs the"
        " embeddings of the images, which a job computes once."
    )
    embedding_panel.show(workspace)


def show(workspace: Workspace, embedded: EmbeddingSet, method: Method) -> Layout | None:
    """Return the layout to draw, None where there is none yet; draw what can be done about it."""
    if method == "pca":
        with st.spinner("Computing the map"):
            layout = layouts.pca(workspace, embedded.set_id)
    else:
        layout = layouts.find(workspace, embedded.set_id, method)
    _show_job(workspace, layout, method)
    n_without = status.read(workspace).n_images - embedded.n_images
    if n_without > 0:
        have, are = ("has", "is") if n_without == 1 else ("have", "are")
        st.caption(f"{words.n_of(n_without, 'image')} {have} no embedding yet and {are} not on the map.")
    return layout


def _show_job(workspace: Workspace, layout: Layout | None, method: Method) -> None:
    """Draw the running job, or offer what it would do; say which images of very many are drawn."""
    submission.renew_ended(workspace)
    job = queue.newest(workspace, "map")
    if job is not None and (job.state not in queue.ENDED or job.state in queue.RESUMABLE):
        job_panel.show(workspace, job)
        if job.state not in queue.ENDED:
            return
    if layout is not None and not layout.is_outdated:
        _show_sample(workspace, layout)
        return
    if method == "pca":  # The page computes it itself.
        return
    if layout is None:
        sentence = (
            "UMAP places each image beside those it resembles most. It takes about two minutes for 100,000"
            " images. Distances between groups mean little."
        )
    elif layout.n_missing:
        sentence = f"{words.n_of(layout.n_missing, 'image')} came after this layout."
    else:
        sentence = "The embeddings were computed anew after this layout."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(sentence, width="stretch" if layout is None else "content")
        label = "Compute the UMAP layout" if layout is None else "Update the layout"
        if st.button(
            label, type="primary" if layout is None else "secondary", key="umap"
        ) and submission.submit(_FORM, lambda request_id: _submitted(workspace, method, request_id)):
            st.rerun()


def _show_sample(workspace: Workspace, layout: Layout) -> None:
    """Say which images are drawn of more than a map shows, and offer to place the others."""
    if layout.n_embedded <= layout.n_images:
        return
    drawn = f"{words.n_of(layout.n_images, 'image')} of {layout.n_embedded:,}"
    if not layout.n_without_place:
        st.caption(f"{drawn} are drawn of the whole map. Zoom in to see the others.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{drawn}, drawn at random: more points would hide each other.", width="content")
        label = f"Place {layout.n_without_place:,} others"
        tip = "A job gives every image a place. Zooming in then shows all of them."
        if st.button(label, key="place", help=tip) and submission.submit(
            f"{_FORM}:place", lambda request_id: _submitted(workspace, layout.method, request_id)
        ):
            st.rerun()


def _submitted(workspace: Workspace, method: Method, request_id: str) -> Job:
    return map_layout.lay_out(workspace, method=method, request_id=request_id, actor=session.actor())
