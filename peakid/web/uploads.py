"""Files that were uploaded by the browser or given as a path on the server."""

import hashlib
from pathlib import Path, PurePath

from streamlit.runtime.uploaded_file_manager import UploadedFile

from peakid import files
from peakid.errors import BadInput
from peakid.store.workspace import Workspace


def given(path: str, what: str) -> Path:
    """Return a typed or pasted path without the quotes and blanks around it.

    Args:
        what: What the path should point to, for the message, such as "folder".

    Raises:
        BadInput: If nothing was typed.
    """
    clean = path.strip().strip("\"'").strip()
    if not clean:
        raise BadInput(
            f"No {what} was given.", f"Enter the path of a {what} on the machine that runs Peakid."
        )
    return files.expanded(clean)


def kept(workspace: Workspace, upload: UploadedFile | None, path: str) -> Path:
    """Store an uploaded file until its import is done and return its path; without an upload, return `path`.

    The folder is named after the digest of the bytes, so uploading the same archive twice stores it once.

    Raises:
        BadInput: If there is neither an upload nor a path.
    """
    if upload is None:
        return given(path, "file")
    data = upload.getvalue()
    folder = workspace.uploads_dir / hashlib.sha256(data).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (PurePath(upload.name).name or "upload")
    target.write_bytes(data)
    return target
