"""Keep the choice of a menu whose options or labels change between two runs of a page.

A browser holds the label of an option, not the option. Once a label has changed (`just now` is `2 min ago`, a
run has got its score) or an option is gone, Streamlit does not recognise what the browser holds: a menu with
a key then returns the old label, one without a key returns to its first option.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def keep(
    key: str,
    options: Sequence[T],
    format_func: Callable[[T], str] = str,
    *,
    default: T | None = None,
    several: bool = False,
) -> None:
    """Prepare the state of the menu `key`, in the run that draws it and before it is drawn.

    Options that are gone are dropped from the choice. A choice whose labels have changed since the last run
    is sent to the browser again, so that what comes back is always a label of the last run.

    Args:
        default: What is chosen in place of an option that is gone, and at first. None = nothing.
        several: Whether the menu takes several options.
    """
    held = st.session_state.get(key, [] if several else default)
    chosen = list(held) if several else [held]
    left = [each for each in chosen if each in options]
    if not several and not left:
        left = [default]
    labels = [format_func(each) for each in left if each is not None]
    known = f"choices:{key}"  # Session state: the labels of the choice when it was last sent.
    if left != chosen or labels != st.session_state.get(known):
        st.session_state[key] = left if several else left[0]
        st.session_state[known] = labels
