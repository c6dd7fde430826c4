"""The button that leads from labelled images to the first score in one click: freeze, then train quickly."""

from typing import Literal

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.store import runs, status
from peakid.store.workspace import Workspace
from peakid.web import navigation, session, words
from peakid.web.jobs import progress
from peakid.web.training import recipe_draft, weights_folder

LABEL = "Train a first model"
_TIP = (
    "Freezes the present labels as a snapshot and trains the quick preset on it. Its errors show which "
    "labels to check. Labels can be changed afterwards; the next snapshot contains the changes."
)


def is_next(workspace: Workspace) -> bool:
    """Return whether two classes have images, and no model was trained or is being trained."""
    if not navigation.can_train(status.read(workspace)):
        return False
    is_training = any(job.kind in ("train", "sweep") for job in queue.list_active(workspace))
    return not is_training and not any(run.has_model for run in runs.list_runs(workspace))


def button(
    workspace: Workspace,
    *,
    kind: Literal["primary", "secondary"] = "primary",
    label: str = LABEL,
    key: str = "first model",
) -> None:
    """Draw the button; a click freezes, submits the training and opens it on the Train page.

    Args:
        key: Distinguishes it from the same button elsewhere on the page.
    """
    icon = ":material/model_training:"
    if st.button(words.plain(label), type=kind, icon=icon, help=_TIP, key=key, width="content"):
        _start(workspace)


def show_way(workspace: Workspace, sentence: str, *, page: str, label: str) -> None:
    """Draw what a page without any model says: the next step from here, also where there are no images yet.

    Args:
        sentence: What the page will show.
        page: Where the step is done if it is not one click: the button `label` opens it.
    """
    st.info(sentence, icon=":material/info:")
    if not status.read(workspace).n_images:
        page, label = "collect", "Import images"
    is_possible = is_next(workspace)
    with st.container(horizontal=True):
        if is_possible:
            button(workspace)
        if st.button(label, type="secondary" if is_possible else "primary"):
            navigation.go(page)


def _start(workspace: Workspace) -> None:
    try:
        with progress.bar() as report:
            frozen = snapshots.create(workspace, actor=session.actor(), report=report)
    except PeakidError as error:
        session.show_error(error)
        return
    try:
        job = submit.train(
            workspace,
            recipe_draft.first(),
            snapshot=frozen.digest,
            settings=weights_folder.settings(),
            request_id=session.request_id(f"first model:{frozen.digest}"),
            actor=session.actor(),
        )
    except PeakidError:  # No pretrained weights, or a leak: the form of the Train page asks about it.
        navigation.go("train", snapshot=frozen.digest)
    else:
        navigation.go("train", snapshot=frozen.digest, job=str(job.job_id))
