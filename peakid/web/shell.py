"""The router, entered by every page: navigation in journey order, and under it what every page shares."""

from pathlib import Path

import streamlit as st

from peakid.store.workspace import Workspace
from peakid.web import journey, session
from peakid.web.jobs import progress

HERE = Path(__file__).resolve().parent


def main() -> None:
    # Our own files: a Material icon of the tab would be fetched from its maker's server.
    st.set_page_config(page_title="Peakid", page_icon=str(HERE / "icon.svg"), layout="wide")
    st.logo(str(HERE / "logo.svg"), size="large")
    with session.error_boundary():
        workspace = session.workspace()
        page = st.navigation(journey.pages(workspace))
        sidebar(workspace)
        page.run()


def sidebar(workspace: Workspace) -> None:
    """Draw what stands under the navigation: the reviewer, the workspace, the running jobs."""
    with st.sidebar:
        session.reviewer_field()
        st.caption(f"Workspace {session.plain(workspace.path.name)}", help=session.plain(str(workspace.path)))
        progress.running_jobs(workspace)


main()
