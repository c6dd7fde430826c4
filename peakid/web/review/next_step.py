"""The step after "worth your time" is done: train a first model."""

import streamlit as st

from peakid.curate import waiting
from peakid.curate.queues import suggested
from peakid.embed import stored
from peakid.store.workspace import Workspace
from peakid.web.training import first_model


def show(workspace: Workspace) -> None:
    """Offer to train where nothing is worth a person's time before a first model."""
    if not suggested.fit_number(workspace) and stored.sets(workspace):
        return  # The live head may doubt some labels in a moment.
    if waiting.worth(workspace).n or not first_model.is_next(workspace):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Enough for a first model.** The other queues are optional.", width="content")
        first_model.button(workspace)
