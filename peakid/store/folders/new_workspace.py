"""Create a workspace in a folder of its own, never among other files."""

from pathlib import Path

from peakid.clean_text import clean_path
from peakid.errors import BadInput, WorkspaceNotWritable
from peakid.store import database_errors
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

MAX_NAME_BYTES = 200  # Of the 255 that file systems allow; copies get longer names.


def create(parent: Path, name: str) -> Workspace:
    """Create a workspace in a new folder, or in an empty one, below `parent`.

    Raises:
        BadInput: If the name cannot be that of a folder, or the folder has other files.
        WorkspaceNotWritable: If it cannot be written.
    """
    folder = parent / _checked_name(name)
    try:
        is_taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise database_errors.not_writable(folder, error) from error
    if is_taken:
        raise BadInput(
            f"{clean_path(str(folder))} exists already and is not empty.",
            "Choose another name. A workspace has a folder of its own.",
        )
    if not parent.is_dir():
        raise WorkspaceNotWritable(
            f"There is no folder {clean_path(str(parent))}.", "Choose a folder that exists."
        )
    return workspaces.create(folder)


def _checked_name(name: str) -> str:
    text = name.strip()
    if not text:
        raise BadInput(
            "The workspace has no name.", "Enter one, such as peaks. It becomes that of its folder."
        )
    is_name = text.isprintable() and "/" not in text and not text.startswith(".")
    if not is_name or len(text.encode()) > MAX_NAME_BYTES:
        raise BadInput(
            f"{text[:80]!r} cannot be the name of a workspace.",
            "Enter a short name without slashes and control characters that does not begin with a dot.",
        )
    return text
