"""Download the report of the run in view, as one HTML page or as JSON."""

import streamlit as st

from peakid.evaluate.report_file import gather, writing
from peakid.evaluate.report_file.gather import RunReport
from peakid.suggest import linear_probe
from peakid.web.evaluation.view import EvaluationView

HELP = (
    "Scores, matrix, errors, classes, confidence and slices in one file that loads nothing and prints on A4. "
    "Names of reviewers are left out."
)


def show(view: EvaluationView) -> None:
    """Draw the button; the report is made when a file is downloaded."""
    with st.popover("Report as a file", icon=":material/description:"):
        st.caption(HELP)
        with_gallery = st.checkbox(
            "Gallery of errors", help="Thumbnails of the errors, without metadata. They leave the workspace."
        )
        file = f"run-{view.run.run_id}-{view.split}"

        def made() -> RunReport:
            return gather.gather(
                view.workspace,
                view.run,
                view.scored,
                view.images,
                with_gallery=with_gallery,
                probe=linear_probe.baseline(view.workspace, view.run, view.split),
            )

        st.download_button(
            "Download as HTML",
            lambda: writing.as_html(made()),
            f"{file}.html",
            "text/html",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Download as JSON",
            lambda: writing.as_json(made()),
            f"{file}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
