"""Peakid's face: `streamlit run streamlit_app.py`, or `uvicorn streamlit_app:app`."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from peakid.web import routes, session
from peakid.web.guard import Guard

# The router lies away from pages/: beside it, a cold deep link would run that page alone, without the shell.
SHELL = Path(__file__).resolve().parent / "peakid" / "web" / "shell.py"

app = st.App(SHELL, routes=routes.build(session.workspace), middleware=[Middleware(Guard)])
