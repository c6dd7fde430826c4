"""The step after "worth your time" is done: freeze a snapshot and train on it."""

import streamlit as st

from peakid.curate import waiting
from peakid.curate.queues import suggested
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.errors import PeakidError
from peakid.store import runs, status
from peakid.store.workspace import Workspace
from peakid.web import navigation, session
from peakid.web.jobs import progress


def show(workspace: Workspace) -> None:
    """Offer to freeze and train where nothing is worth a person's time before a first model."""
    if not suggested.fit_number(workspace) and stored.sets(workspace):
        return  # The live head may doubt some labels in a moment.
    if waiting.worth(workspace).n or not navigation.can_train(status.read(workspace)):
        return
    if any(run.state == "done" for run in runs.list_runs(workspace)):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            "**Enough for a first model: freeze and train.** The other queues are optional.", width="content"
        )
        if st.button(
            "Freeze and train", type="primary", icon=":material/model_training:", key="freeze and train"
        ):
            _freeze(workspace)


def _freeze(workspace: Workspace) -> None:
    """Freeze the present labels with the usual shares, and open the Train page with this snapshot."""
    try:
        with progress.bar() as report:
            frozen = snapshots.create(workspace, actor=session.actor(), report=report)
    except PeakidError as error:
        session.show_error(error)
        return
    navigation.go("train", snapshot=frozen.digest)
