"""The stage of an export: whether it is a candidate, the current model, or retired; who set it, and when."""

from typing import get_args

import streamlit as st

from peakid.errors import PeakidError
from peakid.records import Export, ExportStage
from peakid.store import exports
from peakid.store.workspace import Workspace
from peakid.web import session, words

TITLES: dict[ExportStage, str] = {"candidate": "Candidate", "current": "Current", "retired": "Retired"}
HELP = "One export can be the current one."


def show(workspace: Workspace, export: Export) -> None:
    """Draw the stages with the chosen one, and who chose it."""
    key = f"stage:{export.export_id}:{export.stage}"  # New for each stage: another session may set it.
    st.segmented_control(
        "Stage",
        get_args(ExportStage),
        default=export.stage,
        required=True,
        format_func=lambda each: words.chosen(TITLES[each], each == export.stage),
        label_visibility="collapsed",
        key=key,
        on_change=_set,
        args=(workspace, export, key),
    )
    if failed := st.session_state.pop("stage:failed", None):
        session.show_error(failed, key="stage")
    st.caption(changed_text(workspace, export) or HELP, width="content")


def changed_text(workspace: Workspace, export: Export) -> str:
    """Return who set the stage and when, as Markdown: `by anna, 5 min ago`; '' for a new export."""
    newest = next(iter(exports.stage_changes(workspace, export.export_id)), None)
    return f"by {session.plain(words.who(newest.actor))}, {words.ago(newest.changed_at)}" if newest else ""


def _set(workspace: Workspace, export: Export, key: str) -> None:
    stage: ExportStage = st.session_state[key]
    try:
        exports.set_stage(workspace, export.export_id, stage, actor=session.actor())
    except PeakidError as error:  # Raised inside a callback, it would be shown as a traceback.
        st.session_state["stage:failed"] = error
        return
    st.toast(f"Export {export.export_id} is {TITLES[stage].lower()} now.")
