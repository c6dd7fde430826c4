"""Check files before they are read: only regular files, inside their root, up to a size."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from peakid import clean_text, settings
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


def rejection(root: Path, path: str, *, also: Sequence[Path] = ()) -> tuple[RejectionReason, str] | None:
    """Return why the file at `path` in `root` must not be read, None if it can be read.

    Args:
        also: Further folders that links may lead into.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return "unsafe_path", "its name is not UTF-8"
    if "\0" in path:
        return "unsafe_path", "a name with a zero byte"
    file = root / path
    try:
        target = file.resolve()
        if not any(target.is_relative_to(place.resolve()) for place in (root, *also)):
            return "unsafe_path", f"a link that leaves {root}"
        return _rejection_of(file.stat())
    except FileNotFoundError:
        return "missing_file", "a broken link" if file.is_symlink() else "the file does not exist"
    except PermissionError as error:
        return "no_permission", error.strerror or str(error)
    except (OSError, RuntimeError) as error:  # Before Python 3.13 circular links raise RuntimeError.
        return ("unsafe_path", "a circular link") if _is_circle(error) else ("unreadable", str(error))


class PathFinder:
    """Finds the files of a table in a folder, also where one has composed letters and the other has not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[Path, dict[str, str]] = {}  # By folder: the name of each entry by its key.

    def actual(self, path: str) -> str:
        """Return the path of the file that exists, or `path` if there is none; both are relative."""
        if path.isascii() or "\0" in path or os.path.lexists(self.root / path):
            return path
        folder, parts = self.root, []
        for part in PurePosixPath(path).parts:
            name = part if part == ".." else self._entries(folder).get(clean_text.path_key(part), part)
            parts.append(name)
            folder /= name
        return "/".join(parts)

    def _entries(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            try:
                names = [entry.name for entry in folder.iterdir()]
            except (OSError, ValueError):
                names = []
            self._names[folder] = {clean_text.path_key(name): name for name in names}
        return self._names[folder]


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
