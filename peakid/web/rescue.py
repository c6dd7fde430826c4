"""The way back from a damaged or missing database: a form that restores a backup in its place."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from peakid.errors import PeakidError
from peakid.keep import backup
from peakid.web import uploads, words

_DONE = "rescue:done"  # Session state, for one run after a restore.


def show(folder: Path, on_restored: Callable[[], None], *, key: str) -> None:
    """Draw the form below the error about the workspace in `folder`.

    Args:
        on_restored: Called after a restore, so that the next run opens the new workspace.
        key: Distinguishes this form from another one on the same page.
    """
    with st.form(f"rescue:{key}", border=True):
        st.markdown("**Restore a backup**")
        file = st.text_input(
            "Backup file on this machine", placeholder="/home/you/peakid-backup.zip", key=f"rescue:{key}:file"
        )
        is_submitted = st.form_submit_button("Restore the backup", icon=":material/settings_backup_restore:")
    if not is_submitted:
        return
    try:
        with st.spinner("Restoring the backup"):
            done = backup.restore(uploads.given(file, "backup file"), folder, replace=True)
    except PeakidError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    on_restored()
    former = f" The former workspace is at {done.replaced}." if done.replaced else ""
    st.session_state[_DONE] = f"Restored {words.n_of(done.n_images, 'image')}.{former}"
    st.rerun()


def show_done() -> None:
    """Draw, once, what the last restore did."""
    if text := st.session_state.pop(_DONE, None):
        st.success(words.plain(text))
