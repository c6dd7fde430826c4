"""What was pushed to the Hugging Face Hub from this workspace, and pulled from there into it."""

import streamlit as st

from peakid.store import exports, pulled_models
from peakid.store.workspace import Workspace
from peakid.web import tables, words

NOT_PROVEN = (
    "A pulled model was made and measured elsewhere: nothing in this workspace proves what it predicts, and"
    " its images are not known here."
)


def show(workspace: Workspace) -> None:
    """Draw a table of both, newest first; nothing where there is neither."""
    pushed = [
        {
            "Model": f"Export {each.export_id}",
            "Repository": words.shown(each.repository),
            "Way": f"pushed, {'public' if each.is_public else 'private'}",
            "When": words.ago(each.pushed_at),
            "Address": words.shown(each.url),
        }
        for each in exports.pushes(workspace)
    ]
    pulled = [
        {
            "Model": f"{len(each.class_names)} classes: {words.shown(', '.join(each.class_names[:4]))}",
            "Repository": words.shown(each.repository),
            "Way": "pulled",
            "When": words.ago(each.pulled_at),
            "Address": words.shown(each.url),
        }
        for each in pulled_models.list_models(workspace)
    ]
    if not pushed and not pulled:
        return
    st.header("On the Hugging Face Hub")
    tables.show([*pushed, *pulled], height="content")
    if pulled:
        st.caption(NOT_PROVEN)
