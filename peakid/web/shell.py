"""The router: every page's way in. Names the pages in journey order and keeps the sidebar."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from peakid.curate import review_queue
from peakid.web import session
from peakid.workspace import PROJECT_ROOT, Workspace

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Stop:
    """One stop of the image's journey; `waits` counts what waits there for a person."""

    name: str
    icon: str
    waits: Callable[[Workspace], int] | None = None

    @property
    def file(self) -> Path:
        return PROJECT_ROOT / "pages" / f"{self.name}.py"


JOURNEY = (
    Stop("overview", ":material/landscape:"),
    Stop("collect", ":material/add_photo_alternate:"),
    Stop("review", ":material/done_all:", lambda workspace: review_queue.count(workspace, "unreviewed")),
    Stop("snapshots", ":material/inventory_2:"),
    Stop("train", ":material/model_training:"),
    Stop("evaluate", ":material/grid_on:"),
    Stop("models", ":material/deployed_code:"),
)


def title(stop: Stop, workspace: Workspace) -> str:
    """Name a stop with what waits there: `Review 128`."""
    n_waiting = stop.waits(workspace) if stop.waits else 0
    return f"{stop.name.capitalize()} {n_waiting:,}" if n_waiting else stop.name.capitalize()


def pages(workspace: Workspace) -> list[st.Page]:
    """Answer the pages that exist, the first being the start page."""
    return [
        st.Page(stop.file, title=title(stop, workspace), icon=stop.icon, url_path=stop.name, default=stop.name == "overview")
        for stop in JOURNEY
        if stop.file.is_file()
    ]


def sidebar(workspace: Workspace) -> None:
    """Draw what stands under the navigation: the workspace, the reviewer, the running job."""
    st.session_state.setdefault(session.REVIEWER, session.default_reviewer())
    with st.sidebar:
        st.text_input("Reviewer", key=session.REVIEWER, max_chars=80, help="Every judgement is written down under this name.")
        st.caption(f"Workspace {session.plain(workspace.path.name)}", help=session.plain(str(workspace.path)))


def main() -> None:
    # Our own files: a Material icon of the tab would be fetched from its maker's server.
    st.set_page_config(page_title="Peakid", page_icon=str(HERE / "icon.svg"), layout="wide")
    st.logo(str(HERE / "logo.svg"), size="large")
    with session.error_boundary():
        workspace = session.workspace()
        page = st.navigation(pages(workspace))
        sidebar(workspace)
        page.run()


main()
