"""The folders whose images were left in place: which are available, and the check that finds moved files."""

import streamlit as st

from peakid import store_urls
from peakid.acquire import roots
from peakid.acquire.roots import Root
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.jobs.job import Job
from peakid.jobs.results import VerifyResult
from peakid.store.workspace import Workspace
from peakid.web import reach, session, tables, uploads, words
from peakid.web.jobs import job_panel, submission
from peakid.web.workspaces import folder_browser

TABLE_PX = 250  # Six files and the header; the rest scrolls.
_FORM = "verify"


def show(workspace: Workspace) -> None:
    """Draw the folders left in place, what is missing and how to fix it; nothing where there are none."""
    in_place = roots.list_roots(workspace, is_in_place=True)
    if not in_place:
        return
    submission.renew_ended(workspace)
    st.header("Folders left in place")
    tables.show([_line(root) for root in in_place])
    for root in in_place:
        _show_problem(workspace, root)
    tip = "Reads every image. Files that were moved or renamed inside their folder are found again."
    if st.button("Check the files", help=tip):
        submission.submit(
            _FORM, lambda request_id: submit.verify(workspace, request_id=request_id, actor=session.actor())
        )
    if check := queue.newest(workspace, "verify"):
        job_panel.show(workspace, check, body=_show_result)


def _line(root: Root) -> dict[str, str | int]:
    return {
        "Folder": root.path,
        "Images": root.n_images,
        "Missing": "-" if root.n_missing is None else f"{root.n_missing:,}",
        "Checked": words.ago(root.verified_at) if root.verified_at else "never",
        "State": _state(root),
    }


def _state(root: Root) -> str:
    if root.is_foreign:
        return "named by a backup"
    return "available" if root.is_there else "not found"


def _show_problem(workspace: Workspace, root: Root) -> None:
    path = session.plain(root.path)
    if root.is_foreign:
        st.warning(
            f"Only the restored backup says that images are in {path}. "
            "Nothing is read there until you accept it.",
            icon=":material/folder_off:",
        )
        if st.button("Read the images in this folder", key=f"accept:{root.root_id}"):
            roots.accept(workspace, reach.checked_place(store_urls.place(root.path)))
            st.rerun()
        _relink_form(workspace, root)
    elif not root.is_there:
        st.warning(
            f"The folder {path} was not found. Thumbnails remain; training cannot use the images. "
            "Connect its disk, or enter its new path.",
            icon=":material/folder_off:",
        )
        _relink_form(workspace, root)
    elif root.n_missing:
        st.warning(
            f"{words.n_of(root.n_missing, 'image')} of {path} cannot be read: removed or changed. Put the "
            "files back and "
            "check again. The next import adds a changed file as a new image.",
            icon=":material/broken_image:",
        )


def _relink_form(workspace: Workspace, root: Root) -> None:
    folder_browser.button(f"relink_path:{root.root_id}")
    with st.form(f"relink:{root.root_id}", border=False):
        new = st.text_input(
            "New path of the folder", placeholder="/home/you/photos", key=f"relink_path:{root.root_id}"
        )
        if not st.form_submit_button("Use this folder"):
            return
    try:
        place = uploads.given_place(new, "folder")
        roots.relink(workspace, store_urls.place(root.path), place, actor=session.actor())
    except PeakidError as error:
        session.show_error(error)
    else:
        st.rerun()


def _show_result(job: Job) -> None:
    found = job.result_as(VerifyResult)
    if job.state != "done" or found is None or found.n_images is None:
        return
    moved = f" {words.n_of(found.n_moved, 'moved file')} found." if found.n_moved else ""
    n_images = words.n_of(found.n_images, "image")
    st.caption(f"Last check: {n_images}, {found.n_damaged:,} of them cannot be read.{moved}")
    for problem in found.database:
        st.error(session.plain(f"The database is not sound: {problem}. Restore a backup."))
    if found.damaged:
        lines = [{"File": each.path, "Problem": each.reason} for each in found.damaged]
        tables.show(lines, height=min(38 + 35 * len(lines), TABLE_PX))
