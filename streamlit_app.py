"""The web app: `streamlit run streamlit_app.py`, or `uvicorn streamlit_app:app`."""

import streamlit as st
from starlette.middleware import Middleware

from peakid.resources import PACKAGE_DIR
from peakid.web import navigation, page_script, routes, session
from peakid.web.guard import Guard
from peakid.web.missing_page import MissingPage
from peakid.web.page_script import PageScript
from peakid.web.streamed_uploads import StreamedUploads

# The router must not be next to pages/: there, the first request after a start, if it is for a page, would
# run that page alone, without navigation and error handling.
SHELL = PACKAGE_DIR / "web" / "shell.py"

app = st.App(
    SHELL,
    routes=routes.build(session.workspace),
    middleware=[
        Middleware(Guard, bound_address=lambda: st.get_option("server.address")),
        Middleware(StreamedUploads, folder=lambda: session.workspace().uploads_dir),
        Middleware(MissingPage, pages=[page.name for page in navigation.PAGES]),
        Middleware(PageScript, script=page_script.SCRIPT.read_text(encoding="utf-8")),
    ],
)
