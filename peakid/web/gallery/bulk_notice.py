"""What a button of a page did to many images, with a button and the key Z that take it back."""

import contextlib
import uuid
from dataclasses import dataclass
from typing import Any

import streamlit as st

from peakid.curate import decisions, step_events
from peakid.errors import NothingToUndo
from peakid.store.workspace import Workspace
from peakid.web import session

MAX_DIGESTS = 50  # Sent to the grid, which only needs to know where to go.


_UNDONE = "undone"  # Session state: what to say in the run after an undo.


@dataclass(frozen=True)
class Done:
    """One step of a button. `text` says what it did: `excluded 5 duplicates`."""

    event_id: str
    text: str
    digests: tuple[str, ...]


def new_event_id() -> str:
    """Return an id for the step that a button is about to make."""
    return f"bulk-{uuid.uuid4().hex}"


def note(name: str, done: Done) -> None:
    """Show what was done on the following runs of the page, until it is undone."""
    st.session_state[_key(name)] = done


def is_noted(name: str) -> bool:
    """Return whether a step is noted, whether or not it was undone meanwhile."""
    return _key(name) in st.session_state


def current(workspace: Workspace, name: str) -> Done | None:
    """Return the noted step if it was not undone meanwhile, and say what an undo took back.

    The grid, another tab or the History page can have undone it.
    """
    if text := st.session_state.pop(_UNDONE, None):
        st.markdown(f":material/undo: {session.plain(text)}")  # A toast would cover the buttons.
    done: Done | None = st.session_state.get(_key(name))
    if done is None:
        return None
    with contextlib.suppress(NothingToUndo):  # Another reviewer now: the step is not theirs to undo.
        if not step_events.is_undone(workspace, done.event_id, actor=session.actor()):
            return done
    st.session_state.pop(_key(name))
    return None


def show(workspace: Workspace, name: str, done: Done) -> bool:
    """Draw the notice. Return whether the step was undone just now, so that the page runs again.

    The key Z belongs to the grid where there is one, which knows this step too; the button has it for a page
    that the step left empty.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        text = done.text[:1].upper() + done.text[1:]
        st.markdown(f":material/done_all: {session.plain(text)}.", width="content")
        if not st.button("Undo", shortcut="z", key=f"undo:{name}"):
            return False
    try:
        step_id = step_events.step_of(workspace, done.event_id, actor=session.actor())
        decisions.undo(workspace, actor=session.actor(), step_id=step_id)
        st.session_state[_UNDONE] = f"Undid: {done.text}."
    except NothingToUndo as error:
        st.session_state[_UNDONE] = str(error)
    st.session_state.pop(_key(name), None)
    return True


def document(done: Done | None) -> dict[str, Any] | None:
    """Return the step as JSON for the grid, which adds it to those that Z can undo."""
    if done is None:
        return None
    return {
        "id": done.event_id,
        "seq": 0,
        "kind": "bulk",
        "text": done.text,
        "digests": list(done.digests[:MAX_DIGESTS]),
    }


def _key(name: str) -> str:
    return f"done:{name}"
