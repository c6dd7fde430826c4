"""The link to the prediction page of an export, which the app serves at an address of its own."""

import streamlit as st

from peakid.records import Export
from peakid.web import workspace_address

HELP = (
    "A page for a phone or another browser: photos are dropped, chosen or taken, and each gets its classes."
    " Programs send photos to the same address; /openapi.json below it describes how."
)


def show(export: Export) -> None:
    """Draw the link, where the export has a file that can be served."""
    if is_served(export):
        address = workspace_address.prediction_page(export.export_id)
        st.link_button("Open the prediction page", address, icon=":material/open_in_new:", help=HELP)


def is_served(export: Export) -> bool:
    """Return whether an export can have a page: it is in this workspace and has an ONNX file."""
    return not export.is_foreign and any(file["format"] == "onnx" for file in export.files)
