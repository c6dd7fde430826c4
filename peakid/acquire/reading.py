"""Check files before they are read: only regular files, inside their root, up to a size."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from peakid import settings
from peakid.errors import BadInput
from peakid.records import RejectionReason

CHECK_SPELLING = "Check the spelling; a relative path starts at the current folder."


def checked_folder(path: Path) -> Path:
    """Return the absolute path of a folder.

    Raises:
        BadInput: If it does not exist, or is not a folder.
    """
    folder = _absolute(path)
    if not folder.exists():
        raise BadInput(f"There is no folder {folder}.", CHECK_SPELLING)
    if not folder.is_dir():
        remedy = "Choose its folder. Zip archives and tables have imports of their own."
        raise BadInput(f"{folder} is a file, not a folder.", remedy)
    return folder


def checked_file(path: Path) -> Path:
    """Return the absolute path of a file.

    Raises:
        BadInput: If it does not exist, is not a file, or cannot be read.
    """
    file = _absolute(path)
    if not file.exists():
        raise BadInput(f"There is no file {file}.", CHECK_SPELLING)
    if not file.is_file():
        raise BadInput(f"{file} is not a file.", "Choose a file. Folders have an import of their own.")
    if not os.access(file, os.R_OK):
        raise BadInput(f"No permission to read {file}.", "Change its permissions, or copy it.")
    return file


def rejection(root: Path, path: str) -> tuple[RejectionReason, str] | None:
    """Return why the file at `path` in `root` must not be read, None if it can be read."""
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
        return _rejection_of(file.stat())
    except FileNotFoundError:
        return "missing_file", "a broken link" if file.is_symlink() else "the file does not exist"
    except PermissionError as error:
        return "no_permission", error.strerror or str(error)
    except (OSError, RuntimeError) as error:  # Before Python 3.13 circular links raise RuntimeError.
        return ("unsafe_path", "a circular link") if _is_circle(error) else ("unreadable", str(error))


def reader(file: Path) -> Callable[[], bytes]:
    """Return a function that reads the file later."""
    return file.read_bytes


def _rejection_of(status: os.stat_result) -> tuple[RejectionReason, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "not_an_image", "not a regular file"  # Reading a pipe would block.
    limit = settings.current().max_image_bytes
    if status.st_size > limit:
        return "too_large", f"{status.st_size:,} bytes, over the limit of {limit:,}"
    return None


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - absolute() keeps `..`.


def _is_circle(error: Exception) -> bool:
    return isinstance(error, RuntimeError) or getattr(error, "errno", None) == errno.ELOOP
