"""How a file on this machine is read: only below its root, only if it is a regular file, only up to a size."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from peakid import settings
from peakid.errors import BadInput
from peakid.records import RejectionReason


def checked_folder(path: Path) -> Path:
    """Answer a folder's absolute path.

    Raises:
        BadInput: If it is not there, or is no folder.
    """
    folder = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - also folds `..`, which absolute() keeps.
    if not folder.exists():
        raise BadInput(
            f"There is no folder {folder}.",
            "Check the spelling; a relative path starts at the folder you are in.",
        )
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is a file, not a folder.", "Give its folder, or use `import zip` or `import csv`."
        )
    return folder


def checked_file(path: Path) -> Path:
    """Answer a file's absolute path.

    Raises:
        BadInput: If it is not there, or is no file.
    """
    file = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - also folds `..`, which absolute() keeps.
    if not file.exists():
        raise BadInput(
            f"There is no file {file}.",
            "Check the spelling; a relative path starts at the folder you are in.",
        )
    if not file.is_file():
        raise BadInput(f"{file} is not a file.", "Give a file, or use `import folder` for a folder.")
    if not os.access(file, os.R_OK):
        raise BadInput(f"{file} may not be read by you.", "Change its permissions, or copy it.")
    return file


def objection(root: Path, path: str) -> tuple[RejectionReason, str] | None:
    """Say why the file at `path` below `root` must not be read, None where it may be."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "unsafe_path", "its name is not UTF-8"
    if "\0" in path:
        return "unsafe_path", "a name with a zero byte"
    file = root / path
    try:
        if not file.resolve().is_relative_to(root.resolve()):
            return "unsafe_path", f"a link that leaves {root}"
        return _objection_to(file.stat())
    except FileNotFoundError:
        return "missing_file", "a link to nothing" if file.is_symlink() else "it is not there"
    except PermissionError as error:
        return "no_permission", error.strerror or str(error)
    except (OSError, RuntimeError) as error:  # Until Python 3.13 a circle of links is a RuntimeError.
        return ("unsafe_path", "a circle of links") if _is_circle(error) else ("unreadable", str(error))


def reader(file: Path) -> Callable[[], bytes]:
    """Answer a function that reads the file when its turn comes."""
    return file.read_bytes


def _objection_to(status: os.stat_result) -> tuple[RejectionReason, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "not_an_image", "not a regular file"  # Reading a pipe would wait for ever.
    cap = settings.current().max_image_bytes
    if status.st_size > cap:
        return "too_large", f"{status.st_size:,} bytes, over the cap of {cap:,}"
    return None


def _is_circle(error: Exception) -> bool:
    return isinstance(error, RuntimeError) or getattr(error, "errno", None) == errno.ELOOP
