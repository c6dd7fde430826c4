"""The web app: `streamlit run streamlit_app.py`, or `uvicorn streamlit_app:app`."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request

from peakid.resources import PACKAGE_DIR
from peakid.store.workspace import Workspace
from peakid.web import navigation, session, workspace_address
from peakid.web.server import element_scripts, page_script, routes, warm_up
from peakid.web.server.guard import Guard
from peakid.web.server.missing_page import MissingPage
from peakid.web.server.page_script import PageScript
from peakid.web.server.prediction_pages import PredictionPages
from peakid.web.server.static_cache import StaticCache
from peakid.web.server.streamed_uploads import StreamedUploads
from peakid.web.workspace_address import WorkspaceAddress

# The router must not be next to pages/: there, the first request after a start, if it is for a page, would
# run that page alone, without navigation and error handling.
SHELL = PACKAGE_DIR / "web" / "shell.py"
PAGE_NAMES = [page.name for page in navigation.PAGES]


def opened(request: Request) -> Workspace:
    """Return the workspace that a request is about."""
    return session.opened(workspace_address.of_request(request))


app = st.App(
    SHELL,
    lifespan=warm_up.lifespan,
    routes=routes.build(opened),
    middleware=[
        Middleware(Guard, bound_address=lambda: st.get_option("server.address")),
        Middleware(StaticCache),
        Middleware(WorkspaceAddress),
        Middleware(PredictionPages, workspace=opened),
        Middleware(StreamedUploads, folder=lambda request: opened(request).uploads_dir),
        Middleware(MissingPage, pages=PAGE_NAMES),
        Middleware(PageScript, script=page_script.script(PAGE_NAMES), modules=element_scripts.of_page),
    ],
)
