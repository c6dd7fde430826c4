"""Files that were uploaded by the browser or given as a path on the server."""

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from peakid import files, paths, settings, store_urls
from peakid.clean_text import clean_text
from peakid.errors import BadInput
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl
from peakid.web import reach
from peakid.web.server.streamed_uploads import open_upload

_CHUNK_BYTES = 2**20
_LONGEST_NAME = 200  # Bytes, of the 255 that file systems allow.
_PART = "part-"  # Begins the name of a file that is being written.


def most_mb() -> int:
    """Return the largest upload in MB: the limit of Streamlit or of a request body, the smaller one.

    One MB of a request is left for what surrounds the file.
    """
    return max(1, min(st.get_option("server.maxUploadSize"), settings.read().max_body_bytes // 2**20 - 1))


def most_photo_mb() -> int:
    """Return the largest photo in MB: what an import accepts, and an upload."""
    return min(most_mb(), settings.read().max_image_bytes // 2**20)


def given(path: str, what: str) -> Path:
    """Return a typed, pasted or chosen path, without the quotes and blanks around it unless they are its own.

    Args:
        what: What the path should point to, for the message, such as "folder".

    Raises:
        BadInput: If nothing was typed, or pages may not use the path.
    """
    clean = path.strip().strip("\"'").strip()
    if clean != path and _is_there(path):
        clean = path
    if not clean:
        raise BadInput(
            f"No {what} was given.", f"Enter the path of a {what} on the machine that runs Peakid."
        )
    return reach.checked(files.expanded(clean))


def given_place(text: str, what: str) -> Path | StoreUrl:
    """Return a typed path as `given` does, or the address of a place in an image store.

    Raises:
        BadInput: If nothing was typed, it is no address, or pages may not use it.
    """
    clean = text.strip().strip("\"'").strip()
    found = store_urls.typed(clean)
    return given(text, what) if isinstance(found, Path) else reach.checked_place(found)


def _is_there(path: str) -> bool:
    try:
        return Path(path).is_absolute() and Path(path).exists()
    except (OSError, ValueError):  # A name that is too long or has a zero byte.
        return False


def kept(workspace: Workspace, upload: UploadedFile | None, path: str) -> Path:
    """Store an uploaded file until its import is done and return its path; without an upload, return `path`.

    The folder is named after the digest of the bytes, so uploading the same archive twice stores it once.

    Raises:
        BadInput: If there is neither an upload nor a path, or the upload is no longer there.
    """
    if upload is None:
        return given(path, "file")
    workspace.uploads_dir.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=workspace.uploads_dir, prefix=_PART, delete=False) as part:
        try:
            with _opened(upload) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    part.write(chunk)
            part.flush()
            folder = workspace.uploads_dir / digest.hexdigest()[:16]
            folder.mkdir(exist_ok=True)
            return Path(part.name).replace(folder / _file_name(upload.name))
        finally:
            Path(part.name).unlink(missing_ok=True)


def content(upload: UploadedFile) -> bytes:
    """Return the bytes of an uploaded photo.

    Raises:
        BadInput: If the upload is no longer there.
    """
    with _opened(upload) as file:
        return file.read()


def left(workspace: Workspace, used: Collection[Path]) -> list[Path]:
    """Return the stored uploads that no import reads: of a failed import or a preview that was left.

    Args:
        used: Files of the present preview and of imports that have not ended.
    """
    found = workspace.uploads_dir.glob("*/*")
    return sorted(file for file in found if file.is_file() and file not in used)


def remove(workspace: Workspace, file: Path | StoreUrl) -> None:
    """Remove a stored upload; a file that is elsewhere, or gone, is left alone."""
    if isinstance(file, Path) and paths.is_below(file, workspace.uploads_dir):
        shutil.rmtree(file.parent, ignore_errors=True)


@contextmanager
def _opened(upload: UploadedFile) -> Generator[BinaryIO]:
    try:
        with open_upload(upload) as file:
            yield file
    except FileNotFoundError as error:
        raise BadInput(str(error), "Upload the file again.") from error


def _file_name(name: str) -> str:
    """Return the last part of a name that a browser sent, so short that every file system stores it."""
    last = clean_text(PurePath(name.replace("\\", "/")).name)
    short = last.encode()[-_LONGEST_NAME:].decode(errors="ignore")
    return "upload" if short in ("", ".", "..") else short
