"""Open another workspace in this tab: by a new address, so that nothing of this session goes along."""

from collections.abc import Callable
from html import escape
from pathlib import Path

import streamlit as st

from peakid import printable
from peakid.acquire import demo_apart, demo_import
from peakid.curate import scan
from peakid.jobs import embedding
from peakid.store import workspace as workspaces
from peakid.store.folders import new_workspace
from peakid.web import reach, session, workspace_address
from peakid.web.jobs import progress

GOING = "workspaces:going"  # Session state: the address that this tab is opening.


def go(path: Path, page: str = "") -> None:
    """Load a page of a workspace in place of this one. The link is for a browser that does not follow."""
    address = workspace_address.address_of(path, page)
    st.session_state[GOING] = address
    name = escape(printable.line(path.name))
    st.html(f'<a href="{address}">Opening {name} ...</a>')
    _mover()(key=f"workspaces:go:{address}", data={"address": address}, height=0)


def existing(path: Path) -> None:
    """Open the workspace in a folder.

    Raises:
        BadInput: If pages may not use the folder.
        WorkspaceError: If there is no workspace, or it cannot be opened.
    """
    opened = session.opened(reach.checked(path))
    go(opened.path)


def new(parent: Path, name: str) -> None:
    """Create a workspace and open it.

    Raises:
        BadInput: If the name cannot be used, the folder has other files, or pages may not use it.
        WorkspaceNotWritable: If it cannot be written.
    """
    go(new_workspace.create(reach.checked(parent), name).path)


def demo(parent: Path) -> None:
    """Open the demo in a workspace of its own below `parent`; draw it if it is not there yet.

    Raises:
        BadInput: If pages may not use the folder.
        WorkspaceError: If it cannot be written.
    """
    folder = demo_apart.own_folder(reach.checked(parent))
    opened = workspaces.create(folder)
    if not demo_apart.is_complete(opened):
        with progress.bar() as report:
            demo_import.import_demo(opened, actor=session.actor(), report=report)
            scan.scan(opened, report=report)
        embedding.embed_new(opened, actor=session.actor())
    go(folder, "review")


@st.cache_resource(show_spinner=False)
def _mover() -> Callable[..., object]:
    # A full load: modules of the page keep nothing of the former workspace.
    script = "export default function ({ data }) { window.location.assign(data.address); }"
    return st.components.v2.component("peakid_go", js=script)
