"""Choices that are kept in the page's address, so that a link shows another person the same thing."""

from collections.abc import Callable, Sequence

import streamlit as st


def value(name: str, options: Sequence[str], default: str | None = None) -> str | None:
    """Return the query parameter `name`; the default, else the first option, where it names no option."""
    given = st.query_params.get(name)
    return given if given in options else default or next(iter(options), None)


def select(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """Draw a menu of `options`, which must not be empty, bound to the query parameter `name`."""
    key = _bind(name, options, default)
    return st.selectbox(
        label, options, format_func=format_func, key=key, on_change=_write_choice, args=(name,)
    )


def segments(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """Draw a few short options in a row, bound to the query parameter `name`; `label` is not visible."""
    chosen = st.segmented_control(
        label,
        options,
        format_func=format_func,
        required=True,
        label_visibility="collapsed",
        key=_bind(name, options, default),
        on_change=_write_choice,
        args=(name,),
    )
    return str(chosen)  # `required`: there is always one.


def write(**values: object) -> None:
    """Set query parameters; None removes one."""
    for name, each in values.items():
        if each is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(each)


def _bind(name: str, options: Sequence[str], default: str | None) -> str:
    """Return the key of the widget for `name`, with its state set to what the address says.

    The address wins over the widget's state. It is read before the widget is drawn and written on a change.
    """
    key, current = _key(name), value(name, options, default)
    if st.session_state.get(key) != current:  # Setting it on every run would revert the choice just made.
        st.session_state[key] = current
    return key


def _write_choice(name: str) -> None:
    write(**{name: st.session_state[_key(name)]})


def _key(name: str) -> str:
    return f"address:{name}"
