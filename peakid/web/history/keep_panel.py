"""Back up the whole workspace into one file, and restore a backup into a new workspace."""

import streamlit as st

from peakid.errors import PeakidError
from peakid.keep import backup, report_text, restore
from peakid.store.workspace import Workspace
from peakid.web import address, session, uploads, words
from peakid.web.history import space_panel
from peakid.web.jobs import progress
from peakid.web.workspaces import folder_browser

_BACKUP_PATH = "backup:path"  # Key of the field.


def show(workspace: Workspace) -> None:
    """Draw the forms for a backup and for restoring one."""
    with st.container():  # Always one element: the expander below it would close when a message goes.
        _show_backup(workspace)
    is_given = address.text("file") is not None
    with st.expander("Restore a backup", expanded=is_given, icon=":material/settings_backup_restore:"):
        _show_restore(workspace)
    space_panel.show(workspace)


def _show_backup(workspace: Workspace) -> None:
    st.markdown(
        "Writes the database, stored images, runs and exports into one file. What can be made again, such as "
        "thumbnails, is left out."
    )
    st.session_state.setdefault(_BACKUP_PATH, str(workspace.path.parent))
    folder_browser.button(_BACKUP_PATH, label="Browse folders")
    with st.form("backup", border=False):
        path = st.text_input("Folder or new file on this machine", key=_BACKUP_PATH)
        with_checkpoints = st.checkbox(
            "With checkpoints of interrupted trainings",
            help="Each is several times as large as its model. Without them, such a training starts anew "
            "after a restore.",
            key="backup:checkpoints",
        )
        is_submitted = st.form_submit_button("Back up now", type="primary", icon=":material/save:")
    if not is_submitted:
        return
    try:
        with progress.bar() as report:
            file = uploads.given(path, "folder or file")
            done = backup.backup(workspace, file, with_checkpoints=with_checkpoints, report=report)
    except PeakidError as error:
        session.show_error(error)
    else:
        n_images, size = words.n_of(done.n_images, "image"), words.n_bytes(done.n_bytes)
        st.success(session.plain(f"Backed up {n_images}, {size}, to {done.path}."))
        for line in report_text.left_out(done):
            st.caption(session.plain(line))
        _show_problems(report_text.of_backup(done))


def _show_restore(workspace: Workspace) -> None:
    st.markdown(
        "Restores into a new workspace; the open one is not changed. Forgotten images stay forgotten, even "
        "if the "
        "backup is older."
    )
    given = address.text("file")
    new = workspace.path.with_name(f"{workspace.path.name}-restored")
    file_key, folder_key = f"restore:file:{given}" if given else "restore:file", "restore:folder"
    st.session_state.setdefault(file_key, given or "")
    st.session_state.setdefault(folder_key, str(new))
    with st.container(horizontal=True):
        folder_browser.button(file_key, label="Browse backups", suffixes=(".zip",))
        folder_browser.button(folder_key, label="Browse folders", new_name=new.name)
    with st.form("restore", border=False):
        file = st.text_input(
            "Backup file on this machine", placeholder="/home/you/peakid-backup.zip", key=file_key
        )
        folder = st.text_input("New or empty folder on this machine", key=folder_key)
        is_submitted = st.form_submit_button("Restore the backup", icon=":material/settings_backup_restore:")
    if not is_submitted:
        return
    try:
        with progress.bar() as report:
            source, target = uploads.given(file, "backup file"), uploads.given(folder, "folder")
            done = restore.restore(source, target, report=report)
    except PeakidError as error:
        session.show_error(error)
    else:
        n_images = words.n_of(done.n_images, "image")
        st.success(
            session.plain(
                f"Restored {n_images} to {done.workspace}. Start Peakid with this workspace to open it."
            )
        )
        _show_problems(report_text.of_restore(done))


def _show_problems(lines: list[str]) -> None:
    if lines:
        st.warning("  \n".join(session.plain(line) for line in lines), icon=":material/warning:")
