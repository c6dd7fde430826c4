"""Write a snapshot to files, or verify it against the images on disk."""

import streamlit as st

from peakid.dataset import credits
from peakid.dataset import snapshot as snapshots
from peakid.dataset import write as writing
from peakid.errors import PeakidError
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web import session, tables, uploads, words
from peakid.web.jobs import progress
from peakid.web.workspaces import folder_browser

FORMATS: dict[writing.WriteFormat, str] = {
    "imagefolder": "Folders: split / class / image",
    "csv": "Table: images and labels.csv",
}

_FOLDER = "folder"  # Key of the field.


def show(workspace: Workspace, frozen: Snapshot) -> None:
    """Draw the form to write a snapshot and the button to verify it."""
    n_images = words.n_of(frozen.n_images, "image")
    folder_browser.button(_FOLDER, label="Browse folders", new_name=f"snapshot-{frozen.snapshot_id}")
    with st.form("write", border=False):
        fmt = st.radio("Format", list(FORMATS), format_func=FORMATS.__getitem__, horizontal=True)
        path = st.text_input("New folder on this machine", placeholder="/home/you/first-look", key=_FOLDER)
        tip = (
            "Otherwise metadata is removed, because it can hold the position where a photo was taken. Pixels,"
            " orientation and colours do not change."
        )
        keep_position = st.checkbox("Keep metadata and GPS positions", help=tip)
        is_write = st.form_submit_button(f"Write {n_images}")
    is_verify = st.button(f"Verify {n_images}", help="Reads every image and compares it with the snapshot.")
    try:
        if is_write:
            _write(workspace, frozen, fmt, path, keep_position=keep_position)
        if is_verify:
            with st.spinner("Reading every image"):
                n_read = snapshots.verify(workspace, frozen.digest)
            verified = words.n_of(n_read, "image")
            st.success(
                f"Verified {verified}: files, labels and splits match the snapshot."
                f" {snapshots.compared(frozen).finding}"
            )
    except PeakidError as error:
        session.show_error(error)
    _show_credits(workspace, frozen)


def _show_credits(workspace: Workspace, frozen: Snapshot) -> None:
    """Draw the number of images by licence, and buttons that download the credits."""
    st.subheader("Credits", anchor=False)
    found = credits.of_snapshot(workspace, frozen)
    if not any(line.is_known for line in found.lines):
        st.caption("No image of this snapshot names an author, a licence or a page.")
        return
    counts = found.n_by_licence().items()
    tables.show([{"Licence": name or "Unknown", "Images": n} for name, n in counts], height="content")
    with st.container(horizontal=True):
        for name, content in found.writers().items():
            st.download_button(name, content, file_name=name, icon=":material/download:", on_click="ignore")


def _write(
    workspace: Workspace, frozen: Snapshot, fmt: writing.WriteFormat, path: str, *, keep_position: bool
) -> None:
    with progress.bar() as report:
        folder = uploads.given(path, "folder")
        written = writing.write(workspace, frozen, fmt, folder, keep_position=keep_position, report=report)
    text = f"Wrote {words.n_of(written.n_images, 'image')} to {session.plain(str(written.path))}."
    st.success(" ".join([text, *writing.sentences(written)]))
