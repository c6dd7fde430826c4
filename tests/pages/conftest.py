"""Pages run in Streamlit's AppTest, entered through the shell as a browser would."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid import decision_log, images
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


@pytest.fixture
def fill(workspace: Workspace, draw: Callable[..., bytes]) -> Callable[..., list[str]]:
    """Put drawn images with labels from a folder into the workspace: `fill(river=3, sea=2)`; answers their digests."""

    def filled(**n_images: int) -> list[str]:
        digests = []
        with workspace.transaction() as connection:
            connection.execute("INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'import:folder', '2026-01-01')")
            step_id = decision_log.new_step(connection, actor="import:folder", kind="import")
            for label, n in n_images.items():
                for i in range(n):
                    data = draw(1000 * len(label) + i)
                    image_id, _ = images.add(connection, workspace, images.look(data), data)
                    connection.execute(
                        "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
                        " VALUES (?, 1, 'folder', ?, ?, '2026-01-01')",
                        (image_id, f"{label}/{i:03}.jpg", label),
                    )
                    decision_log.append(
                        connection,
                        step_id=step_id,
                        image_id=image_id,
                        verdict="label",
                        class_id=decision_log.class_id(connection, label),
                        is_reviewed=False,
                        actor="import:folder",
                    )
                    digests.append(images.digest_of(data))
        return digests

    return filled
