"""Pages run in Streamlit's AppTest, entered through the shell as a browser would."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.workspace import Workspace

SHELL = Path(__file__).resolve().parents[2] / "peakid" / "web" / "shell.py"


@pytest.fixture
def open_page(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open a page on the test's workspace: `open_page("review", queue="flagged")`; keywords are query parameters."""
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("PEAKID_ACTOR", "anna")

    def opened(name: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(str(SHELL))
        app.query_params.update(query)
        if name != "overview":
            app.switch_page(f"../../pages/{name}.py")
        return app.run()

    return opened
