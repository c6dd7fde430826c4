"""The form to export a run: which run, which formats."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.jobs import submit
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import address, names, session
from peakid.web.exports import format_choice
from peakid.web.jobs import submission


def show(workspace: Workspace, trained: Mapping[str, Run]) -> None:
    """Draw the form and submit the export when its button is clicked.

    Args:
        trained: Runs with a model, by id as text; not empty.
    """
    cells = st.columns([4, 5, 2], gap="small", vertical_alignment="bottom")
    with cells[0]:
        run_id = address.select(
            "Run", "run", list(trained), format_func=lambda each: names.run_option(trained[each])
        )
    with cells[1]:
        formats = format_choice.show()
    if cells[2].button(f"Export run {run_id}", type="primary", width="stretch", disabled=not formats):
        _submit(workspace, int(run_id), formats)
    format_choice.show_warning(formats)


def _submit(workspace: Workspace, run_id: int, formats: Sequence[str]) -> None:
    if submission.submit(
        f"export:{run_id}:{','.join(formats)}",
        lambda request_id: submit.export(
            workspace, run_id, formats=formats, request_id=request_id, actor=session.actor()
        ),
    ):
        st.rerun()
