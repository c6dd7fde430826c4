"""A snapshot leaves Peakid as files, or is compared with what was frozen."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.dataset import write as writing
from peakid.errors import PeakidError
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web import session, uploads, words
from peakid.web.jobs import progress

FORMATS: dict[writing.WriteFormat, str] = {
    "imagefolder": "Folders: split / class / image",
    "csv": "Table: images and labels.csv",
}


def show(workspace: Workspace, frozen: Snapshot) -> None:
    """Ask where to write a snapshot to, write it, verify it."""
    with st.form("write", border=False):
        fmt = st.radio("Write as", list(FORMATS), format_func=FORMATS.__getitem__, horizontal=True)
        path = st.text_input("New folder on this machine", placeholder="/home/you/first-look", key="folder")
        keep = st.checkbox(
            "Keep where photos were taken",
            help="Otherwise the position is removed from the metadata; pixels stay as they are.",
        )
        is_write = st.form_submit_button(f"Write {words.n_of(frozen.n_images, 'image')}")
    is_verify = st.button(
        f"Verify {words.n_of(frozen.n_images, 'image')}",
        help="Reads every image and compares it with what was frozen.",
    )
    try:
        if is_write:
            with progress.bar() as report:
                written = writing.write(
                    workspace, frozen, fmt, uploads.given(path, "folder"), keep_position=keep, report=report
                )
            removed = (
                f"; the position was removed from {written.n_positions_removed:,}"
                if written.n_positions_removed
                else ""
            )
            st.success(
                f"Wrote {words.n_of(written.n_images, 'image')} to {session.plain(str(written.path))}{removed}."
            )
        if is_verify:
            with st.spinner("Reading every image"):
                n_read = snapshots.verify(workspace, frozen.digest)
            st.success(
                f"Verified {words.n_of(n_read, 'image')}: bytes, labels and splits are as they were frozen."
            )
    except PeakidError as error:
        session.show_error(error)
