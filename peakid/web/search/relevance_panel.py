"""Choose the ImageNet classes to keep from those that the images show; the other images are irrelevant."""

import streamlit as st

from peakid.curate.queues import review_queue
from peakid.curate.queues.search_plans import IRRELEVANT
from peakid.embed import relevance, stored
from peakid.errors import PeakidError
from peakid.jobs import search
from peakid.store.workspace import Workspace
from peakid.web import session
from peakid.web.jobs import submission
from peakid.web.search import more_like_this

_FORM, _KEPT = "find:names", "find:kept"
_SHARE = f"{100 * relevance.IRRELEVANT_BELOW:.0f} %"


def show(workspace: Workspace) -> None:
    """Draw the choice of classes, or the button that names what the images show."""
    st.markdown("**Irrelevant images**")
    seen = relevance.seen(workspace)
    if not seen or not relevance.has_classifier(workspace, stored.find(workspace)):
        _show_begin(workspace)
        return
    counts = {each.name: each.n_images for each in seen}
    kept = relevance.kept(workspace)
    options = list(dict.fromkeys([*counts, *kept, *relevance.names().names]))
    chosen = st.multiselect(
        "What belongs here, of what ImageNet's classes name",
        options,
        default=list(kept),
        format_func=lambda name: f"{name} {counts[name]:,}" if name in counts else name,
        placeholder="Choose from what the images show",
        key=_KEPT,
        help=f"Images on which the kept classes together have less than {_SHARE} are listed.",
    )
    if not chosen:
        return
    n = review_queue.count(workspace, IRRELEVANT) if tuple(chosen) == kept else 0
    label = f"Show the irrelevant images {n:,}" if n else "Show the irrelevant images"
    st.button(label, key="find:irrelevant", on_click=_open, args=(workspace, tuple(chosen)))


def _show_begin(workspace: Workspace) -> None:
    st.caption("The classifier of the backbone names what each image shows. That takes a few seconds.")
    if st.button("Name what the images show", key=_FORM) and submission.submit(
        _FORM,
        lambda request_id: search.name_images(workspace, request_id=request_id, actor=session.actor()),
    ):
        st.rerun()


def _open(workspace: Workspace, chosen: tuple[str, ...]) -> None:
    try:
        relevance.refresh(workspace, keep=chosen)
    except PeakidError as error:
        session.show_error(error)
        return
    more_like_this.go(IRRELEVANT)
