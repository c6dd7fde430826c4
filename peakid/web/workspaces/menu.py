"""The menu at the top of the sidebar: which workspace this is, and the way to another one."""

from html import escape
from pathlib import Path

import streamlit as st

from peakid import printable
from peakid.acquire import demo_apart
from peakid.evaluate import score_text
from peakid.store.folders import holdings, recent_workspaces
from peakid.store.folders.holdings import Holdings
from peakid.store.folders.recent_workspaces import RecentWorkspace
from peakid.store.workspace import Workspace
from peakid.web import reach, session, words, workspace_address
from peakid.web.workspaces import folder_browser, opening

KEY = "workspaces-menu"  # Of the container, which page.css puts above the navigation.
MAX_CHARS = 22  # What fits in one line of the sidebar.
_NOTED = "workspaces:noted"  # Session state: this session has put its workspace on the list.
_STYLE = "color:inherit;opacity:.75;font-size:.875rem;overflow-wrap:anywhere"


def show() -> None:
    """Draw the menu in the sidebar. It opens no workspace, so it is there where this one cannot be opened."""
    path = workspace_address.of_session()
    with st.container(key=KEY, gap="xsmall"):
        shown = session.plain(folder_browser.shortened(printable.line(path.name), MAX_CHARS))
        tip = f"Workspace {session.plain(str(path))}. Open or create another one."
        if st.button(
            shown,
            icon=":material/unfold_more:",
            width="stretch",
            wrap=False,
            help=tip,
            key="workspaces:choose",
        ):
            _open_dialog()


def note(workspace: Workspace) -> None:
    """Put the workspace on the list, once a session, and draw the way back from the demo."""
    if not st.session_state.get(_NOTED):
        st.session_state[_NOTED] = True
        recent_workspaces.note(workspace.path)
    if demo_apart.is_demo(workspace):
        _show_way_back(workspace)


def _show_way_back(workspace: Workspace) -> None:
    held = [holdings.read(each.path) for each in _others(workspace.path)]
    others = [each.path for each in held if not each.is_demo and not each.problem]
    before = next(iter(others), workspace_address.start())
    if workspace_address.key_of(before) == workspace_address.key_of(workspace.path):
        st.caption("This is the demo.")
        return
    name = escape(printable.line(folder_browser.shortened(before.name)))
    address = workspace_address.address_of(before)
    link = f'<a href="{address}" style="color:inherit">Back to {name}</a>'
    st.html(f'<span style="{_STYLE}">This is the demo. {link}</span>')


@st.dialog("Workspaces", width="medium")
def _open_dialog() -> None:
    show_choices()


def show_choices() -> None:
    """Draw what this workspace holds, the recent ones, and the browser that opens or creates one."""
    path = workspace_address.of_session()
    held = holdings.read(path)
    st.markdown(f"**This is {session.plain(path.name)}** · {session.plain(_counts(held))}")
    st.caption(session.plain(str(path)))
    with session.reported():
        tabs = st.tabs(["Recent", "Open or create"])
        with tabs[0]:
            _show_recent(path)
        with tabs[1]:
            _show_browser(path)
        if not held.is_demo:
            _offer_demo(path)


def _show_recent(path: Path) -> None:
    others = _others(path)
    if not others:
        st.caption("No other workspace was opened yet. Those you open are listed here.")
    for each in others:
        cells = st.columns([5, 1], vertical_alignment="center")
        cells[0].html(_row(each))
        with cells[1]:
            if st.button(
                "Remove",
                key=f"workspaces:remove:{each.path}",
                icon=":material/close:",
                type="tertiary",
                help="Take it off this list. The folder is not changed.",
            ):
                recent_workspaces.remove(each.path)
                st.rerun(scope="fragment")


def _others(path: Path) -> list[RecentWorkspace]:
    """Return the recent workspaces besides this one that pages may open, and that of the settings."""
    own = workspace_address.start()
    found = recent_workspaces.listed()
    keys = {workspace_address.key_of(each.path) for each in found}
    if workspace_address.key_of(own) not in keys:
        found.append(RecentWorkspace(own, ""))
    here = workspace_address.key_of(path)
    return [
        each
        for each in found
        if workspace_address.key_of(each.path) != here and (each.path == own or reach.is_allowed(each.path))
    ]


def _row(entry: RecentWorkspace) -> str:
    """Return a workspace as HTML: a link to it, what it holds, when it was opened, and where it is."""
    held = holdings.read(entry.path)
    name = escape(printable.line(folder_browser.shortened(entry.path.name) or "/"))
    opened = f" · opened {words.ago(entry.opened_at)}" if entry.opened_at else ""
    title = (
        name
        if held.problem
        else f'<a href="{workspace_address.address_of(entry.path)}" style="color:inherit">{name}</a>'
    )
    counts = escape(printable.line(held.problem or _counts(held)))
    where = escape(printable.line(str(entry.path)))
    return f'<div><b>{title}</b><div style="{_STYLE}">{counts}{opened}<br><bdi>{where}</bdi></div></div>'


def _counts(held: Holdings) -> str:
    if held.problem:
        return held.problem
    n_classes = f"{held.n_classes:,} class{'' if held.n_classes == 1 else 'es'}"
    parts = [words.n_of(held.n_images, "image"), n_classes]
    if held.accuracy is not None:
        score = score_text.score(held.accuracy, held.accuracy_interval, held.n_scored)
        parts.append(f"run {held.run_id}: {score}")
    return " · ".join(["demo", *parts] if held.is_demo else parts)


def _show_browser(path: Path) -> None:
    beginning = path.parent if reach.is_allowed(path.parent) else folder_browser.start()
    listing = folder_browser.show("workspaces", beginning=beginning)
    if listing is None:
        return
    if listing.is_workspace:
        st.markdown(f"Workspace: {session.plain(_counts(holdings.read(listing.path)))}")
        if st.button("Open this workspace", type="primary"):
            opening.existing(listing.path)
        return
    with st.form("workspaces:new", border=False):
        name = st.text_input("Name of a new workspace in this folder", max_chars=80, placeholder="peaks")
        is_wanted = st.form_submit_button("Create")
    if is_wanted:
        opening.new(listing.path, name)


def _offer_demo(path: Path) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown("The demo has a workspace of its own: drawn mountains with known faults.")
        if st.button("Open the demo", key="workspaces:demo"):
            opening.demo(path.parent)
