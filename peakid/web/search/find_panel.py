"""The menu "Find" of the review page: by a picture from elsewhere, strange images, irrelevant images."""

import hashlib

import streamlit as st

from peakid.curate import classes
from peakid.curate.queues import review_queue, search_plans
from peakid.curate.queues.search_plans import ALONE, outlier_queue
from peakid.embed import outlier_scores, stored
from peakid.errors import PeakidError
from peakid.jobs import queue as jobs
from peakid.jobs import search
from peakid.jobs.arguments import SimilarArguments
from peakid.jobs.job import Job
from peakid.jobs.results import SimilarResult
from peakid.store.workspace import Workspace
from peakid.web import navigation, session, uploads, words
from peakid.web.collect import embedding_panel
from peakid.web.jobs import submission
from peakid.web.search import more_like_this, relevance_panel

EMPTY = {
    "similar": "Every similar image is judged here, or none has an embedding yet.",
    "outliers": "No image is left that is unlike the others. Find, above, computes the outliers.",
    "alone": "No image is left that looks like nothing here. Find, above, computes them.",
    "irrelevant": "Every image shows one of the ImageNet classes to keep. Choose them under Find, above.",
}
_FORM, _CLASS = "find:file", "find:class"
_SEARCHING = "find:job"  # Session state: the job whose queue is opened when it is done.
_POLL_S = 1.0


def show(workspace: Workspace) -> None:
    """Draw the menu."""
    # Under another key it is closed again, when a queue was opened from it.
    key = f"find:{more_like_this.n_opened()}"
    with st.popover("Find", icon=":material/image_search:", width="content", key=key):
        if not stored.sets(workspace):
            st.markdown("Similar and strange images are found by their embeddings. No image has one yet.")
            if embedding_panel.lacks_weights(workspace):
                st.markdown(embedding_panel.NO_WEIGHTS)
            elif st.button("Compute the embeddings", key="find:embed"):
                navigation.go("collect")
            return
        _show_file(workspace)
        _show_strange(workspace)
        relevance_panel.show(workspace)


def show_searching(workspace: Workspace) -> None:
    """Say that a picture is searched for, and open its queue when that is done. The sidebar has the job."""
    if _SEARCHING in st.session_state:
        _follow(workspace, st.session_state[_SEARCHING])


@st.fragment(run_every=_POLL_S)
def _follow(workspace: Workspace, job_id: int) -> None:
    with session.reported():
        _open_when_done(workspace, job_id)


def _open_when_done(workspace: Workspace, job_id: int) -> None:
    job = jobs.show(workspace, job_id)
    if job.state not in jobs.ENDED:
        name = job.arguments_as(SimilarArguments).name
        st.caption(f"Searching for images like {words.plain(name)}. You can go on judging.", width="content")
        return
    found = job.result_as(SimilarResult)
    st.session_state.pop(_SEARCHING, None)
    if job.state == "done" and found is not None:
        more_like_this.go(search_plans.similar_queue(found.digest))
    st.rerun()


def _show_file(workspace: Workspace) -> None:
    submission.renew_ended(workspace)
    upload = st.file_uploader(
        "Images similar to a picture from elsewhere",
        key=f"{_FORM}:{more_like_this.n_opened()}",
        max_upload_size=uploads.most_photo_mb(),
        help="Similar in what they show. The picture is not added to the images.",
    )
    if upload is None or not st.button("Find similar images", key="find:similar", type="primary"):
        return
    try:
        data = uploads.content(upload)
        digest = hashlib.sha256(data).hexdigest()
        queue = search_plans.similar_queue(digest)
        if review_queue.exists(workspace, queue):  # It is in the workspace, or was searched for before.
            more_like_this.go(queue)
            st.rerun()
        path = uploads.kept(workspace, upload, "")
    except PeakidError as error:
        session.show_error(error)
        return

    def request(request_id: str) -> Job:
        return search.find_similar(workspace, path, request_id=request_id, actor=session.actor())

    job = submission.submit(f"{_FORM}:{digest}", request)
    if job is not None:
        st.session_state[_SEARCHING] = job.job_id
        more_like_this.close()
        st.rerun()


def _show_strange(workspace: Workspace) -> None:
    st.markdown("**Strange images**")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for queue, title, tip in (
            (outlier_queue(), "Outliers", "Unlike the images of every class, the strangest first"),
            (ALONE, "Looks like nothing here", "No other image is similar to these"),
        ):
            st.button(
                _counted(workspace, title, queue),
                key=f"find:{queue}",
                help=tip,
                on_click=_open_strange,
                args=(workspace, queue),
            )
    names = classes.names(workspace)
    if len(names) > 1:
        st.session_state[_CLASS] = None
        st.selectbox(
            "Outliers of one class",
            names,
            placeholder="Choose a class",
            format_func=words.shown,
            key=_CLASS,
            on_change=_open_class,
            args=(workspace,),
            help="Unlike the other images of their class: another subject, or a wrong label.",
        )


def _counted(workspace: Workspace, title: str, queue: str) -> str:
    n = 0 if outlier_scores.is_outdated(workspace) else review_queue.count(workspace, queue)
    return f"{title} {n:,}" if n else title


def _open_class(workspace: Workspace) -> None:
    if st.session_state[_CLASS]:
        _open_strange(workspace, outlier_queue(st.session_state[_CLASS]))


def _open_strange(workspace: Workspace, queue: str) -> None:
    """Compute the scores if embeddings or labels have changed and it takes seconds, and open the queue."""
    try:
        outlier_scores.refresh(workspace, most=outlier_scores.MOST_AT_ONCE)
    except PeakidError as error:
        session.show_error(error)
        return
    more_like_this.go(queue)
