"""Cookies of the browser: read when a page is loaded, and written by a script, as Streamlit cannot."""

from collections.abc import Callable
from urllib.parse import quote, unquote

import streamlit as st


def read(name: str) -> str:
    """Return the value that a cookie had when the page was loaded; '' where there is none."""
    value = st.context.cookies.get(name)
    return unquote(value) if isinstance(value, str) else ""


def write(name: str, value: str, *, max_age_s: int | None = None) -> None:
    """Write a cookie that pages of other sites cannot send.

    Args:
        max_age_s: How long it is kept; None = until the browser is closed.
    """
    age = "" if max_age_s is None else f"; max-age={max_age_s}"
    data = {"cookie": f"{name}={quote(value)}; path=/{age}; samesite=strict"}
    _writer()(key=f"cookie:{name}", data=data, height=0)


@st.cache_resource(show_spinner=False)
def _writer() -> Callable[..., object]:
    script = "export default function ({ data }) {\n  document.cookie = data.cookie;\n}"
    return st.components.v2.component("peakid_cookie", js=script)
