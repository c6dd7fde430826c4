"""Keep the drawn images of the demo apart from photos: the demo has a workspace of its own."""

import itertools
from pathlib import Path

from peakid.errors import BadInput
from peakid.records import Source
from peakid.remedies import action
from peakid.store.folders import holdings
from peakid.store.workspace import Workspace

DEMO_FOLDER = "demo"


def refuse_mixture(workspace: Workspace, source: Source) -> None:
    """Refuse an import that would mix the demo with photos: a model would learn both.

    A workspace of an earlier version that has both already takes further photos.

    Args:
        source: Of the images that are to be imported.

    Raises:
        BadInput: If the workspace holds photos and the demo is to be added, or the other way round.
    """
    there = holdings.sources(workspace.connection())
    if source == "demo" and there - {"demo"}:
        raise BadInput(
            f"The workspace {workspace.path} holds images that are not of the demo.",
            "Open the demo in a workspace of its own.",
            action("open_demo", path=str(own_folder(workspace.path.parent))),
        )
    if source != "demo" and there == {"demo"}:
        raise BadInput(
            f"The workspace {workspace.path} is that of the demo: its drawn mountains would be mixed with"
            " photos.",
            "Import them into a workspace of their own.",
            action("create_workspace", path=str(workspace.path.with_name("photos"))),
        )


def is_demo(workspace: Workspace) -> bool:
    """Return whether a workspace holds the images of the demo alone."""
    return holdings.sources(workspace.connection()) == {"demo"}


def own_folder(parent: Path) -> Path:
    """Return the folder below `parent` for the demo: `demo`, or `demo-2` where that holds something else."""
    names = itertools.chain([DEMO_FOLDER], (f"{DEMO_FOLDER}-{n}" for n in itertools.count(2)))
    return next(folder for name in names if _is_free_for_demo(folder := parent / name))


def is_complete(workspace: Workspace) -> bool:
    """Return whether an import of the demo has come to its end in a workspace."""
    sql = "SELECT 1 FROM acquisition WHERE source = 'demo' AND finished_at IS NOT NULL"
    return workspace.one(sql) is not None


def _is_free_for_demo(path: Path) -> bool:
    if not path.exists():
        return True
    try:
        if path.is_dir() and not any(path.iterdir()):
            return True
    except OSError:
        return False
    held = holdings.read(path)
    return not held.problem and (held.is_demo or held.n_images == 0)
