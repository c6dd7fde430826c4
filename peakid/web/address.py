"""What a page shows stands in its address, so that a link shows a colleague the same thing."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st


def value(name: str, options: Sequence[str], default: str | None = None) -> str | None:
    """Answer what the address says of `name`; the default, else the first option, where it says nothing that fits."""
    asked = st.query_params.get(name)
    return asked if asked in options else default or next(iter(options), None)


def select(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """Let a person choose one of `options`, which must not be empty; the choice stands in the address as `name`."""
    return st.selectbox(label, options, format_func=format_func, **_bound(name, options, default))


def segments(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """As `select`, for a few short options that stand side by side."""
    bound = _bound(name, options, default)
    return st.segmented_control(
        label, options, format_func=format_func, required=True, label_visibility="collapsed", **bound
    )


def write(**values: object) -> None:
    """Put values into the address; None takes one out."""
    for name, each in values.items():
        if each is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(each)


def _bound(name: str, options: Sequence[str], default: str | None) -> dict[str, Any]:
    """Tie a widget to the address, which has the last word: written before the widget is made, read when it changes."""
    key = f"address:{name}"
    said = value(name, options, default)
    if st.session_state.get(key) != said:  # Writing it at every run would undo what is chosen meanwhile.
        st.session_state[key] = said
    return {"key": key, "on_change": lambda: write(**{name: st.session_state[key]})}
