"""Make a bundle or a page of the chosen export, with all that is needed elsewhere, and download it."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from peakid.evaluate import score_text
from peakid.jobs import bundling, queue
from peakid.jobs.job import Job
from peakid.jobs.results import BundleResult
from peakid.records import Export
from peakid.serve.bundle import signing
from peakid.store.workspace import Workspace
from peakid.web import session, uploads, words
from peakid.web.jobs import job_panel, submission

MAX_USE_CHARS = 2000
ABOUT = (
    "One zip with the model, a model card, preprocessing, a small server and a script that proves on any"
    " machine that the model answers as it does here. It needs no Peakid."
)
ABOUT_PAGE = (
    "One HTML file that classifies photos in a browser. It opens with a double click, without a server and"
    " without network. Photos do not leave the device."
)


def show(workspace: Workspace, export: Export, threshold: float) -> None:
    """Draw the form, the job that makes the bundle, and the download; below it the same for the page.

    Args:
        threshold: Confidence in 0..1 below which the export abstains.
    """
    st.markdown("**Bundle**")
    st.caption(ABOUT)
    _show_form(workspace, export, threshold)
    _show_made(workspace, bundling.made(workspace, export.export_id))
    st.markdown("**Browser page**")
    st.caption(ABOUT_PAGE)
    form = f"page:{export.export_id}"
    if st.button("Make the page", icon=":material/web:", key=form) and submission.submit(
        form,
        lambda request_id: bundling.submit_page(
            workspace, export.export_id, request_id=request_id, actor=session.actor()
        ),
    ):
        st.rerun()
    _show_made(workspace, bundling.made(workspace, export.export_id, is_page=True))


def _show_form(workspace: Workspace, export: Export, threshold: float) -> None:
    with st.form(f"bundle:{export.export_id}", border=False):
        use = st.text_area(
            "Intended use",
            key=f"bundle:use:{export.export_id}",
            placeholder="What the model is for, and what it is not for.",
            help="It becomes a section of the model card.",
            max_chars=MAX_USE_CHARS,
            height=84,
        )
        key = st.text_input(
            "Private key to sign with",
            key=f"bundle:key:{export.export_id}",
            placeholder="Path of a PEM file; empty = not signed",
            help="A key of P-256, P-384 or P-521 without a password, on the machine that runs Peakid. "
            f"To make one: `{signing.MAKE_KEY}`. Who has your public key can check that the files are yours. "
            f"Needs `{signing.INSTALL}`.",
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
                key=uploads.given(key, "private key") if key else None,
                request_id=request_id,
                actor=session.actor(),
            ),
        ):
            st.rerun()


def _threshold_text(threshold: float) -> str:
    if not threshold:
        return "The model answers every photo: no threshold was chosen on Evaluate."
    return f"The model gives no answer below a confidence of {score_text.percent(threshold)}."


def _show_made(workspace: Workspace, jobs: Sequence[Job]) -> None:
    """Draw a job that has not made its file, and the newest file that is still there."""
    if jobs and jobs[0].state != "done":
        job_panel.show(workspace, jobs[0])
    if found := next((each for each in map(_result, jobs) if each is not None), None):
        _show_download(found)


def _result(job: Job) -> BundleResult | None:
    """Return what a job made, if it is still there."""
    found = job.result_as(BundleResult) if job.state in queue.ENDED else None
    return found if found is not None and found.path and Path(found.path).is_file() else None


def _show_download(found: BundleResult) -> None:
    file = Path(found.path or "")
    name = file.name
    st.download_button(
        f"Download {session.plain(name)} ({words.n_bytes(found.bytes)})",
        file.read_bytes,
        name,
        "application/zip" if found.files else "text/html",
        icon=":material/download:",
        on_click="ignore",
        key=f"bundle:download:{name}",
    )
    signed = ", signed" if signing.FILE in found.files else ""
    content = f"{words.n_of(len(found.files), 'file')}{signed}, also" if found.files else "Also"
    st.caption(f"{content} at {session.plain(str(file))}")
