"""The folders whose images stay where they are: which are still there, and the check that finds what was moved in them."""

from pathlib import Path

import streamlit as st

from peakid.acquire import roots
from peakid.acquire.roots import Root
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.records import Job
from peakid.store.workspace import Workspace
from peakid.web import session, uploads, words
from peakid.web.jobs import job_panel

TABLE_PX = 250  # Six files and the header; the rest scrolls.
_FORM = "verify"


def show(workspace: Workspace) -> None:
    """Draw the in-place roots with what is missing and its remedy; nothing where there are none."""
    held = roots.list_roots(workspace, is_in_place=True)
    if not held:
        return
    job_panel.renew_ended(workspace)
    st.subheader("Folders left in place")
    st.dataframe([_line(root) for root in held], hide_index=True)
    for root in held:
        _remedy(workspace, root)
    if st.button(
        "Check the files",
        help="Reads every image. What was moved or renamed inside its folder is found again.",
    ):
        job_panel.submit_once(
            _FORM, lambda request_id: submit.verify(workspace, request_id=request_id, actor=session.actor())
        )
    checks = [job for job in queue.list_jobs(workspace) if job.kind == "verify"]
    if checks:
        job_panel.show(workspace, checks[0], body=_told)


def _line(root: Root) -> dict[str, object]:
    return {
        "Folder": root.path,
        "Images": root.n_images,
        "Missing": root.n_missing,
        "Checked": words.ago(root.verified_at) if root.verified_at else "never",
        "State": "there" if root.is_there else "not there",
    }


def _remedy(workspace: Workspace, root: Root) -> None:
    if not root.is_there:
        st.warning(
            f"The folder {session.plain(root.path)} is not there; its images can be seen small, and not be trained on."
            " Connect its disk, or say where it lies now.",
            icon=":material/folder_off:",
        )
        _relink_form(workspace, root)
    elif root.n_missing:
        st.warning(
            f"{words.n_of(root.n_missing, 'image')} of {session.plain(root.path)} cannot be read: removed or changed."
            " Put the files back and check again; a changed file is taken in as a new image by the next import.",
            icon=":material/broken_image:",
        )


def _relink_form(workspace: Workspace, root: Root) -> None:
    with st.form(f"relink:{root.root_id}", border=False):
        new = st.text_input(
            "Where it lies now", placeholder="/home/you/photos", key=f"relink_path:{root.root_id}"
        )
        if not st.form_submit_button("Read its images from there"):
            return
    try:
        roots.relink(workspace, Path(root.path), uploads.given(new, "folder"), actor=session.actor())
    except PeakidError as error:
        session.show_error(error)
    else:
        st.rerun()


def _told(job: Job) -> None:
    if job.state != "done":
        return
    found = job.result
    moved = f" {words.n_of(found['n_moved'], 'file')} found at another place." if found["n_moved"] else ""
    st.caption(
        f"Last check: {words.n_of(found['n_images'], 'image')}, {found['n_damaged']:,} of them cannot be read.{moved}"
    )
    if found["damaged"]:
        lines = [{"File": each["path"], "What is wrong": each["reason"]} for each in found["damaged"]]
        st.dataframe(lines, hide_index=True, height=min(38 + 35 * len(lines), TABLE_PX))
