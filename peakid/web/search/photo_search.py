"""Find a photo of a file among the images: the same bytes, the same pixels, or what looks the same."""

import streamlit as st

from peakid.curate.duplicates import image_search
from peakid.store.workspace import Workspace
from peakid.web import uploads
from peakid.web.snapshots import picture_table

FOUND = {"copy": "same bytes", "near": "looks the same", "exact": "same pixels"}


def show(workspace: Workspace) -> None:
    """Draw the button that opens the search, and what it finds."""
    with st.popover("Find a photo", icon=":material/image_search:"):
        file = st.file_uploader(
            "A photo, also a smaller, rotated or cropped copy",
            key="search",
            max_upload_size=uploads.most_photo_mb(),
        )
        if file is None:
            return
        found = image_search.search(workspace, uploads.content(file))
        rows = [
            {
                "digest": each.digest,
                "found": FOUND[each.kind],
                "distance": each.distance,
                "label": each.label,
                "path": each.path,
            }
            for each in found
        ]
        picture_table.show(rows, key="twins") if rows else st.caption("No image looks like this photo.")
