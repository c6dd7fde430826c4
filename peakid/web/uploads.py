"""Files that come from the browser or are named by their path on this machine."""

import hashlib
from pathlib import Path, PurePath
from typing import Any

from peakid.errors import BadInput
from peakid.store.workspace import Workspace


def given(path: str, what: str) -> Path:
    """Read a path that a person typed or pasted, quotes and blanks around it included.

    Raises:
        BadInput: If nothing was typed.
    """
    clean = path.strip().strip("\"'").strip()
    if not clean:
        raise BadInput(
            f"No {what} is named.", f"Type the path of a {what} on the machine that Peakid runs on."
        )
    return Path(clean).expanduser()


def kept(workspace: Workspace, upload: Any, path: str) -> Path:
    """Store an uploaded file until its import is done and answer where, or else the file at `path`.

    Its folder is named by the digest of its bytes, so the same archive sent twice is known to be the same.

    Raises:
        BadInput: If neither is there.
    """
    if upload is None:
        return given(path, "file")
    data = upload.getvalue()
    folder = workspace.uploads_dir / hashlib.sha256(data).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (PurePath(upload.name).name or "upload")
    target.write_bytes(data)
    return target
