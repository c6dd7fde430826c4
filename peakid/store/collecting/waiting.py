"""The URLs that wait in any collection: their fetched files are still needed."""

from peakid.store.workspace import Workspace


def urls(workspace: Workspace) -> list[str]:
    """Return the URLs of all candidates that wait, of every collection."""
    rows = workspace.query("SELECT DISTINCT url FROM candidate WHERE state = 'waiting'")
    return [row["url"] for row in rows]
