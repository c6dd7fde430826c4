"""The script that runs for every page: navigation, sidebar, then the page."""

from pathlib import Path

import streamlit as st

from peakid import settings
from peakid.jobs import suggester
from peakid.jobs.collecting import retraining
from peakid.store.workspace import Workspace
from peakid.web import address, narrow_window, navigation, remedies, session
from peakid.web.jobs import job_log, sidebar_jobs
from peakid.web.workspaces import menu

HERE = Path(__file__).resolve().parent
PAGES_OF_PICTURES = ("review", "duplicates")  # Their grid takes the focus from the link past the controls.


def main() -> None:
    # Local files: a Material icon of the tab would be downloaded from another server.
    st.set_page_config(page_title="Peakid", page_icon=str(HERE / "icon.svg"), layout="wide")
    st.logo(str(HERE / "logo.svg"), size="large")
    st.html(HERE / "page.css")  # First: it has the places of what is drawn next.
    with session.error_boundary():
        with st.sidebar:
            menu.show()  # First: where this workspace cannot be opened, it leads to another one.
        workspace = session.workspace()
        st.html(navigation.group_headings())
        page = st.navigation(navigation.pages(workspace))
        remedies.follow_link()
        sidebar(workspace, page.url_path)
        if page.url_path in PAGES_OF_PICTURES:
            st.html('<a class="skip" href="#pictures">Skip to the images</a>')
        address.begin()
        job_log.show_requested(workspace)
        suggester.ensure(workspace)
        retraining.ensure(workspace, actor=session.actor())
        page.run()


def sidebar(workspace: Workspace, page: str) -> None:
    """Draw the reviewer, what is special about the workspace, and the running jobs below the navigation."""
    with st.sidebar:
        session.reviewer_field()
        menu.note(workspace)
        if workspace.is_read_only:
            tip = "Its files or its disk do not allow writing. Pages show it, and nothing can be changed."
            st.caption(":material/lock: Read-only", help=tip)
        sidebar_jobs.show(workspace, page)
        if settings.read().password.get_secret_value():
            st.html('<a href="/logout" style="color:inherit;font-size:.875rem">Log out</a>')
        narrow_window.fold_sidebar()  # Here, where the space that Streamlit gives it is not seen.


main()
