"""The code that uses the chosen export, to copy."""

import streamlit as st

from peakid.records import Export
from peakid.serve import snippets
from peakid.serve.snippets import Way
from peakid.web import words

_KEY = "code:way"


def show(export: Export) -> None:
    """Draw a choice of how the export is used, and the code for it."""
    st.markdown("**Use it from code**")
    current = st.session_state.get(_KEY) or "peakid"
    chosen: Way = (
        st.segmented_control(
            "How",
            list(snippets.TITLES),
            format_func=lambda each: words.chosen(snippets.TITLES[each], each == current),
            default="peakid",
            required=True,
            label_visibility="collapsed",
            wrap=True,
            key=_KEY,
        )
        or "peakid"
    )
    st.code(snippets.of(chosen, export), language=snippets.LANGUAGES[chosen], wrap_lines=True)
    st.caption(snippets.WHERE[chosen])
