"""Whether a person has come near a place of the page: what is further down does not delay the rest."""

from typing import Any

import streamlit as st

from peakid.web.gallery import scripts

_SEEN = "in-sight:seen"  # Session state: the keys of the places that were reached.


def reached(key: str, *, height_px: int) -> bool:
    """Return whether the place was near the window or in an expander that is open; else draw an empty place.

    Call it in a fragment: it runs again when the place is reached.

    Args:
        height_px: About that of what will be drawn, so that the page does not move under the reader.
    """
    seen: set[str] = st.session_state.setdefault(_SEEN, set())
    if key in seen:
        return True

    def near() -> None:
        seen.add(key)

    _component()(key=f"near:{key}", data={"height_px": height_px}, on_near_change=near)
    return False


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("peakid_in_sight", js=scripts.loader("in_sight.js"))
