"""Make a bundle of the chosen export, the model with all that is needed elsewhere, and download it."""

from pathlib import Path

import streamlit as st

from peakid.evaluate import score_text
from peakid.jobs import bundling, queue
from peakid.jobs.job import Job
from peakid.jobs.results import BundleResult
from peakid.records import Export
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.jobs import job_panel, submission

MAX_USE_CHARS = 2000
ABOUT = (
    "One zip with the model, a model card, preprocessing, a small server and a script that proves on any"
    " machine that the model answers as it does here. It needs no Peakid."
)


def show(workspace: Workspace, export: Export, threshold: float) -> None:
    """Draw the form, the job that makes the bundle, and the download.

    Args:
        threshold: Confidence in 0..1 below which the export abstains.
    """
    st.markdown("**Bundle**")
    st.caption(ABOUT)
    with st.form(f"bundle:{export.export_id}", border=False):
        use = st.text_area(
            "Intended use",
            key=f"bundle:use:{export.export_id}",
            placeholder="What the model is for, and what it is not for.",
            help="It becomes a section of the model card.",
            max_chars=MAX_USE_CHARS,
            height=84,
        )
        names_people = st.checkbox(
            "The classes name people",
            key=f"bundle:people:{export.export_id}",
            help="The model card then warns of it: a photo of a person is personal data.",
        )
        st.caption(_threshold_text(threshold))
        if st.form_submit_button("Make the bundle", icon=":material/inventory_2:") and submission.submit(
            f"bundle:{export.export_id}",
            lambda request_id: bundling.submit(
                workspace,
                export.export_id,
                names_people=names_people,
                intended_use=use or "",
                request_id=request_id,
                actor=session.actor(),
            ),
        ):
            st.rerun()
    jobs = bundling.made(workspace, export.export_id)
    if jobs and jobs[0].state != "done":
        job_panel.show(workspace, jobs[0])
    if found := next((each for each in map(_result, jobs) if each is not None), None):
        _show_made(found)


def _threshold_text(threshold: float) -> str:
    if not threshold:
        return "The model answers every photo: no threshold was chosen on Evaluate."
    return f"The model gives no answer below a confidence of {score_text.percent(threshold)}."


def _result(job: Job) -> BundleResult | None:
    """Return what a job made, if it is still there."""
    found = job.result_as(BundleResult) if job.state in queue.ENDED else None
    return found if found is not None and found.path and Path(found.path).is_file() else None


def _show_made(found: BundleResult) -> None:
    file = Path(found.path or "")
    name = file.name
    st.download_button(
        f"Download {session.plain(name)} ({words.n_bytes(found.bytes)})",
        file.read_bytes,
        name,
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        key=f"bundle:download:{name}",
    )
    st.caption(f"{words.n_of(len(found.files), 'file')}, also at {session.plain(str(file))}")
