"""Imports that the first pages need, made after the start of the server, so that no visit waits for them."""

import importlib
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import streamlit as st

# The slowest ones, in the order in which a first visit needs them: pandas, then what Evaluate computes.
MODULES = ("sqlite_utils", "peakid.suggest.linear_probe", "peakid.evaluate.report_file.page")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncGenerator[None]:
    """Import `MODULES` in a thread once the server starts. It does not delay the start or the end."""
    threading.Thread(target=_import, name="warm-up", daemon=True).start()
    yield


def _import() -> None:
    for name in MODULES:
        importlib.import_module(name)
