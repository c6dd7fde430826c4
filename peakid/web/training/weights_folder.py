"""The settings of jobs that this session submits: those of the server, and the folder of weights chosen here.

The Train page computes from them what it shows, and submits them with the job.
"""

from dataclasses import replace

import streamlit as st

from peakid import files
from peakid.job_settings import JobSettings
from peakid.web import reach, words
from peakid.web.jobs import engine_choice

_FOLDER = "weights:folder"


def settings() -> JobSettings:
    """Return the settings of the server, with the engine and the folder of weights chosen in this session."""
    folder = st.session_state.get(_FOLDER)
    chosen = engine_choice.settings()
    return replace(chosen, weights_dir=folder) if folder else chosen


def choose(*, key: str) -> None:
    """Draw a field for the folder of weights, filled with the one in use.

    Args:
        key: Of the field; each place on a page has its own.
    """
    now = settings().weights_dir
    text = st.text_input(
        "Folder of weights on the server",
        value=str(now or ""),
        key=f"{key}:{now}",  # Another folder makes another field, filled with that folder.
        placeholder="/home/anna/weights",
        help="For trainings submitted in this session. PEAKID_WEIGHTS sets it for every session.",
    )
    path = files.expanded(text.strip()) if text.strip() else None
    if path == now:
        return
    if path is not None and not reach.is_allowed(path):
        st.error(f"Pages may not use the folder {words.plain(str(path))}.", icon=":material/error:")
        return
    if path is not None and not path.is_dir():
        st.error(f"There is no folder {words.plain(str(path))} on the server.", icon=":material/error:")
        return
    st.session_state[_FOLDER] = path
    st.rerun()
