"""The jobs that the sidebar reads by itself, outside the error messages of the page."""

from pathlib import Path

from peakid.store.workspace import Workspace
from peakid.web.jobs import sidebar_jobs

SINCE = "2026-01-01T00:00:00.000Z"


def test_a_workspace_that_disappears_or_is_damaged_meanwhile_is_no_traceback(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert sidebar_jobs.read(workspace, SINCE) == ([], [])
    workspace.close()
    workspace.path.rename(tmp_path / "elsewhere")
    assert sidebar_jobs.read(workspace, SINCE) is None
    (tmp_path / "elsewhere").rename(workspace.path)
    assert sidebar_jobs.read(workspace, SINCE) == ([], [])
    workspace.close()
    (workspace.path / "peakid.db").write_bytes(b"no database " * 1000)
    assert sidebar_jobs.read(workspace, SINCE) is None
