"""New photos: whether the model is less sure of other subjects, and whether they look like test images."""

from pathlib import Path

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate.trust import new_photos, trust_text
from peakid.evaluate.trust.new_photos import Finding
from peakid.evaluate.trust.stored_trust import TrustFigures
from peakid.jobs import queue
from peakid.jobs.arguments import OpenSetArguments
from peakid.jobs.evaluation import open_set
from peakid.jobs.job import Job
from peakid.store.evaluation.operating_points import OperatingPoint
from peakid.web import session, uploads
from peakid.web.evaluation.view import EvaluationView
from peakid.web.jobs import job_panel, submission
from peakid.web.workspaces import folder_browser

FOLDER = "trust:folder"  # Session state: the path of the folder.
ABOUT = (
    "Photos that were not in the snapshot: of a folder, or images that were excluded as showing another "
    "subject. The model should be less sure of photos of something else. An alarm says that photos look "
    "different from the test images, so that the test score may not hold for them."
)


def show(view: EvaluationView, point: OperatingPoint | None, stored: TrustFigures) -> None:
    """Draw what earlier photos say, and the means to predict others."""
    st.markdown(ABOUT)
    try:
        found = new_photos.findings(view.workspace, stored.answers, point)
    except PeakidError as error:
        session.show_error(error)
        found = []
    for each in found:
        _show_finding(each)
    job = _newest(view)
    if job is not None and (job.state not in queue.ENDED or job.state in queue.RESUMABLE):
        job_panel.show(view.workspace, job)
    if job is None or job.state in queue.ENDED:
        _offer(view)


def _show_finding(found: Finding) -> None:
    st.markdown(f"**{session.plain(trust_text.photos(found.photos))}**")
    if found.as_unrelated is not None:
        lead = "" if found.photos.source == "excluded" else "If they show none of the classes: "
        st.markdown(lead + session.plain(trust_text.open_set(found.as_unrelated)))
    if found.comparison is not None:
        text = session.plain(trust_text.alarm(found.comparison))
        if found.comparison.is_alarm and found.photos.source == "folder":
            st.warning(text, icon=":material/warning:")
        else:
            st.markdown(text)


def _offer(view: EvaluationView) -> None:
    st.session_state.setdefault(FOLDER, "")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Folder of photos on this machine", key=FOLDER)
        folder_browser.button(FOLDER)
        is_folder = st.button("Predict the folder", icon=":material/image_search:")
    is_excluded = st.button("Predict the excluded images", type="tertiary", icon=":material/block:")
    try:
        if is_folder:
            _submit(view, uploads.given(st.session_state[FOLDER], "folder"))
        elif is_excluded:
            _submit(view, None)
    except PeakidError as error:
        session.show_error(error)


def _submit(view: EvaluationView, folder: Path | None) -> None:
    if submission.submit(
        f"open-set:{view.run.run_id}:{folder}",
        lambda request_id: open_set.submit(
            view.workspace, view.run.run_id, folder=folder, request_id=request_id, actor=view.actor
        ),
    ):
        st.rerun()


def _newest(view: EvaluationView) -> Job | None:
    return queue.newest(
        view.workspace,
        "open-set",
        lambda job: job.arguments_as(OpenSetArguments).run_id == view.run.run_id,
    )
