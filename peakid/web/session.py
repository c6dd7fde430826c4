"""What all pages of a session share: the workspace, the reviewer, request ids of forms, error messages."""

import contextlib
import functools
import hashlib
import logging
import uuid
from collections.abc import Generator
from pathlib import Path
from urllib.parse import unquote

import streamlit as st
from starlette.requests import Request

from peakid import printable, settings
from peakid.errors import NoWorkspace, PeakidError, WorkspaceDamaged, WorkspaceError
from peakid.evaluate import figures
from peakid.settings import NOBODY, is_person
from peakid.store import connection, database_errors
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace
from peakid.web import cookies, remedies, rescue, words, workspace_address

REVIEWER = "reviewer"  # Key of the name field in the sidebar.
MAX_NAME_CHARS = 80
YEAR_S = 365 * 24 * 3600
LOOK_EVERY_S = 2.0  # For a folder that has disappeared.
_COOKIE = "peakid_reviewer"
_ANSWERED = "reviewer:answered"  # Session state: the cookie is only read when the page is loaded again.
_LOG = logging.getLogger("peakid.web")


def workspace() -> Workspace:
    """Return the workspace of this session (see `workspace_address`), opened once per process.

    Raises:
        WorkspaceError: If it cannot be opened or written.
    """
    return opened(workspace_address.of_session())


def opened(path: Path) -> Workspace:
    """Return the workspace in a folder, opened once per process; that of the settings is created if needed.

    Raises:
        WorkspaceError: If it cannot be opened or written.
    """
    found = _opened(path)
    if found.is_read_only and connection.can_write(found.path):
        _opened.cache_clear()
        found = _opened(found.path)
    return found


def _folder() -> Path:
    return workspace_address.of_session()


@functools.cache  # Not st.cache_resource: the image routes open it outside every session.
def _opened(path: Path) -> Workspace:
    is_own = path == workspace_address.start()
    found = workspaces.create(path) if is_own else workspaces.open_existing(path)
    figures.keep_scores(found)
    return found


def default_reviewer() -> str:
    """Return the name in this browser's cookie, else PEAKID_ACTOR, else the user of the system."""
    return _remembered() or settings.read().actor_name().removeprefix("human:")


def _remembered() -> str:
    return _checked_name(cookies.read(_COOKIE))


def _checked_name(text: str) -> str:
    name = text.strip()[:MAX_NAME_CHARS]
    return name if name.isprintable() and is_person(name) else ""


def actor_of(request: Request) -> str:
    """Return the reviewer of the browser that sends a request, outside of a session, as `human:NAME`."""
    name = _checked_name(unquote(request.cookies.get(_COOKIE, "")))
    return f"human:{name}" if name else settings.read().actor_name()


def reviewer_field() -> None:
    """Draw the field for the reviewer's name, which a cookie of the browser keeps for a year.

    A browser without a name is asked once, in the sidebar: a dialog would stand in the way of the work.
    """
    proposed = default_reviewer()
    st.session_state.setdefault(REVIEWER, "" if proposed == NOBODY else proposed)
    tip = "Your decisions are stored under this name. This browser remembers it."
    st.text_input("Reviewer", key=REVIEWER, max_chars=MAX_NAME_CHARS, help=tip, placeholder="Your name")
    typed = str(st.session_state.get(REVIEWER) or "").strip()
    if typed and not is_person(typed):
        st.warning(f"{words.plain(typed)} is an account of a system, not a person. Enter your own name.")
    name = actor().removeprefix("human:")
    is_answered = st.session_state.get(_ANSWERED, False) or name != proposed
    if not is_answered and not _remembered() and not settings.read().actor:
        st.caption("Who reviews in this browser? Decisions are stored under this name. It asks only once.")
        if name != NOBODY:
            is_answered = st.button("Use this name")
    if is_answered and name != NOBODY:
        st.session_state[_ANSWERED] = True
        cookies.write(_COOKIE, name, max_age_s=YEAR_S)


def actor() -> str:
    """Return the reviewer of this session as `human:NAME`."""
    name = str(st.session_state.get(REVIEWER) or "").strip()
    return f"human:{name if is_person(name) else default_reviewer()}"


def request_id(name: str) -> str:
    """Return the request id of the form `name`, so that two clicks on it submit one job.

    The id stays until `renew_request`, which a page calls once the job has ended. Renewing it right after
    submitting would give the second of two quick clicks an id of its own.
    """
    return st.session_state.setdefault(f"request:{name}", uuid.uuid4().hex)


def renew_request(name: str) -> None:
    """Make the next click on the form `name` a new request."""
    st.session_state.pop(f"request:{name}", None)


@contextlib.contextmanager
def error_boundary() -> Generator[None]:
    """Show a PeakidError of the block as a message with its remedy instead of a traceback."""
    rescue.show_done()
    if failed := remedies.take_error():
        show_error(failed, key="remedy")
    try:
        yield
    except PeakidError as error:
        _LOG.warning("%s: %s", type(error).__name__, printable.line(str(error)))
        show_error(error)
    except Exception as error:
        found = database_errors.unexpected(error, _folder())
        if found is None:
            raise
        _LOG.exception("%s: %s", type(found).__name__, found)
        show_error(found)


@contextlib.contextmanager
def reported() -> Generator[None]:
    """Show a PeakidError of the block in its place; what the page draws after the block is drawn."""
    try:
        yield
    except PeakidError as error:
        show_error(error, key="reported")


def show_error(error: PeakidError, *, key: str = "page") -> None:
    """Draw an error: what happened, what to do, and the buttons and links that do it.

    Args:
        key: Distinguishes the buttons of this error from those of the same error elsewhere on the page.
    """
    remedy = f"\n\n{plain(error.remedy)}" if error.remedy else ""
    st.error(plain(error.message) + remedy, icon=":material/error:")
    if isinstance(error, NoWorkspace):
        st.caption(
            "This page continues by itself once the folder is back. Judgements that are not saved yet are"
            " kept in this browser."
        )
        _wait_for_folder()
    if isinstance(error, WorkspaceDamaged):
        rescue.show(_folder(), _opened.cache_clear, key=key)
        return
    if not error.actions:
        return
    with contextlib.suppress(WorkspaceError):  # No button can act without a workspace.
        digest = hashlib.sha256(str(error).encode()).hexdigest()[:12]
        remedies.offer(workspace(), error.actions, actor=actor(), key=f"{key}:{digest}")


@st.fragment(run_every=LOOK_EVERY_S)
def _wait_for_folder() -> None:
    if (_folder() / DATABASE_NAME).is_file():
        st.rerun()


plain = words.plain
