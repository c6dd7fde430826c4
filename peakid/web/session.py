"""What one browser session stands on: the workspace, who judges, one id per form, and errors in words."""

import contextlib
import functools
import hashlib
import logging
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st

from peakid.errors import PeakidError
from peakid.settings import Settings
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from peakid.web import remedies

REVIEWER = "reviewer"  # Key of the name field in the sidebar.
MAX_NAME_CHARS = 80
_COOKIE = "peakid_reviewer"
_LOG = logging.getLogger("peakid.web")


def workspace() -> Workspace:
    """Answer the workspace of the settings, made where there is none, opened once per process.

    Raises:
        WorkspaceError: If it cannot be opened or written.
    """
    return _opened(Settings().workspace.expanduser().absolute())


@functools.cache  # Not st.cache_resource: the image routes open it outside every session.
def _opened(path: Path) -> Workspace:
    return workspaces.create(path)


def default_reviewer() -> str:
    """Answer the name offered in the sidebar: the one this browser was given before, else PEAKID_ACTOR, else the user of the system."""
    cookie = st.context.cookies.get(_COOKIE)
    remembered = unquote(cookie).strip()[:MAX_NAME_CHARS] if isinstance(cookie, str) else ""
    return (
        remembered
        if remembered and remembered.isprintable()
        else Settings().actor_name().removeprefix("human:")
    )


def reviewer_field() -> None:
    """Ask for the name once: the browser keeps it for a year, whatever page or session comes next."""
    st.session_state.setdefault(REVIEWER, default_reviewer())
    tip = "Every judgement is written down under this name. This browser remembers it; another person types their own."
    st.text_input("Reviewer", key=REVIEWER, max_chars=MAX_NAME_CHARS, help=tip)
    name = actor().removeprefix("human:")
    if name != default_reviewer():
        _keeper()(key="reviewer:keep", data={"cookie": _COOKIE, "name": quote(name)}, height=0)


@st.cache_resource(show_spinner=False)
def _keeper() -> Any:
    # SameSite: no other site's page can send it along. Streamlit reads cookies and cannot set one.
    script = """export default function ({ data }) {
      document.cookie = `${data.cookie}=${data.name}; path=/; max-age=31536000; samesite=strict`;
    }"""
    return st.components.v2.component("peakid_reviewer", js=script)


def actor() -> str:
    """Answer who judges in this session, as `human:NAME`."""
    name = str(st.session_state.get(REVIEWER) or "").strip()
    return f"human:{name or default_reviewer()}"


def request_id(name: str) -> str:
    """Answer the id of the form `name` as it stands rendered: two clicks on it make one job.

    It stays until `renew_request`, which a page calls once the job made with it is no longer active; renewing
    right after submitting would give the second of two quick clicks an id of its own.
    """
    return st.session_state.setdefault(f"request:{name}", uuid.uuid4().hex)


def renew_request(name: str) -> None:
    """Let the next click on the form `name` be a new request."""
    st.session_state.pop(f"request:{name}", None)


@contextlib.contextmanager
def error_boundary() -> Generator[None]:
    """Show an error that Peakid can explain as what happened and what to do, never as a traceback."""
    if failed := remedies.take_error():
        show_error(failed)
    try:
        yield
    except PeakidError as error:
        _LOG.warning("%s: %s", type(error).__name__, error)
        show_error(error)


def show_error(error: PeakidError) -> None:
    """Draw one error: what happened with the value, what to do, and the buttons and links that do it."""
    st.error(
        plain(error.message) + (f"\n\n{plain(error.remedy)}" if error.remedy else ""), icon=":material/error:"
    )
    if error.actions:
        key = hashlib.sha256(str(error).encode()).hexdigest()[:12]
        remedies.offer(workspace(), error.actions, actor=actor(), key=key)


def plain(text: str) -> str:
    """Escape what Markdown would read as markup, for names that people, folders and web pages gave."""
    return "".join(f"\\{char}" if char in _MARKUP else char for char in text)


_MARKUP = frozenset("\\`*_{}[]<>()#+-!|~$:")
