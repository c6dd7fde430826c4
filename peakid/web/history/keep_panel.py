"""The whole workspace in one file: where to, how far, and how it comes back."""

from pathlib import Path

import streamlit as st

from peakid.errors import PeakidError
from peakid.keep import backup
from peakid.store.workspace import Workspace
from peakid.web import session, uploads, words
from peakid.web.jobs import progress


def show(workspace: Workspace) -> None:
    """Draw the form of a backup and how to restore one."""
    st.markdown(
        "Database, stored images, runs and exports in one file. Thumbnails and caches are left out; they are drawn again."
    )
    with st.form("backup", border=False):
        path = st.text_input(
            "Folder or new file, on the machine that Peakid runs on", str(workspace.path.parent)
        )
        is_asked = st.form_submit_button("Back up now", type="primary", icon=":material/save:")
    if is_asked:
        try:
            with progress.bar() as report:
                done = backup.backup(workspace, uploads.given(path, "folder or file"), report=report)
        except PeakidError as error:
            session.show_error(error)
        else:
            st.success(
                session.plain(
                    f"Backed up {words.n_of(done.n_images, 'image')}, {words.n_bytes(done.n_bytes)}, to {done.path}."
                )
            )
    st.markdown("To bring one back, stop the app and run, with a folder that is empty or not there yet:")
    st.code(f"peakid --workspace {Path('new-folder')} restore FILE", language="bash")
    st.caption("What was forgotten stays forgotten, also when an older backup comes back.")
