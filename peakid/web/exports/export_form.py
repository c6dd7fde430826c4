"""The form to export the chosen run: which formats."""

from collections.abc import Sequence

import streamlit as st

from peakid.jobs import submit
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import session
from peakid.web.exports import format_choice
from peakid.web.jobs import engine_choice, submission


def show(workspace: Workspace, run: Run) -> None:
    """Draw the form and submit the export when its button is clicked."""
    cells = st.columns([5, 2], gap="small", vertical_alignment="bottom")
    with cells[0]:
        formats = format_choice.show()
    if cells[1].button(f"Export run {run.run_id}", type="primary", width="stretch", disabled=not formats):
        _submit(workspace, run.run_id, formats)
    format_choice.show_warning(formats)
    engine_choice.show(key="engine:models")


def _submit(workspace: Workspace, run_id: int, formats: Sequence[str]) -> None:
    if submission.submit(
        f"export:{run_id}:{','.join(formats)}",
        lambda request_id: submit.export(
            workspace,
            run_id,
            formats=formats,
            settings=engine_choice.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    ):
        st.rerun()
