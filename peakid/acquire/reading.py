"""Which files are read: regular ones, inside their root, not larger than, not deeper than. One set of rules.

Everything that comes from a folder, an archive or a table is read by these rules.
"""

import errno
import functools
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from peakid import clean_text, files, settings
from peakid.acquire import layout
from peakid.errors import BadInput, UnreadableImage
from peakid.records import RejectionReason

MAX_DEPTH = 100  # Folders above a file. A deeper tree is a mistake, or made to exhaust its reader.
MAX_PATHS = 1_000_000  # Files that a search looks at.
MAX_RATIO = 200  # No photo compresses to half a percent; a zip bomb does.
MAX_TOTAL_RATIO = 50  # Of a whole archive; drawings compress to a few percent.
TOO_DEEP = f"in more than {MAX_DEPTH} folders"
RATIO_FREE_BYTES = 10 * 2**20  # Smaller files are harmless; a blank image may compress that well.
TOTAL_FREE_BYTES = 2 * 2**30
ENCRYPTED = 0x1  # First general purpose bit, zip specification 4.4.4.
LOCAL_HEADER_BYTES = 30  # Before the name, zip specification 4.3.7.
CHECK_SPELLING = "Check the spelling; a relative path starts at the current folder."


def checked_folder(path: Path) -> Path:
    """Return the absolute path of a folder.

    Raises:
        BadInput: If it does not exist, is not a folder, or cannot be named in a workspace.
    """
    folder = _absolute(path)
    status = _status(folder, "folder")
    if not stat.S_ISDIR(status.st_mode):
        remedy = "Choose its folder. Zip archives and tables have imports of their own."
        raise BadInput(f"{folder} is a file, not a folder.", remedy)
    return folder


def checked_file(path: Path) -> Path:
    """Return the absolute path of a file.

    Raises:
        BadInput: If it does not exist, is not a file, cannot be read, or cannot be named in a workspace.
    """
    file = _absolute(path)
    status = _status(file, "file")
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{file} is not a file.", "Choose a file. Folders have an import of their own.")
    if not os.access(file, os.R_OK):
        raise BadInput(f"No permission to read {file}.", "Change its permissions, or copy it.")
    return file


def _status(path: Path, what: str) -> os.stat_result:
    shown = clean_text.clean_path(str(path))
    try:
        return path.stat()
    except PermissionError as error:
        raise BadInput(f"No permission to open {shown}.", "Change its permissions, or copy it.") from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a zero byte.
        raise BadInput(f"There is no {what} {shown}.", CHECK_SPELLING) from error
    except (OSError, RuntimeError) as error:  # A name that is too long, a circular link.
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"The {what} {shown[:200]} cannot be opened: {why}.", CHECK_SPELLING) from error


def rejection(root: Path, path: str, *, also: Sequence[Path] = ()) -> tuple[RejectionReason, str] | None:
    """Return why the file at `path` in `root` must not be read, None if it can be read.

    Args:
        also: Further folders that links may lead into.
    """
    if not is_utf8(path):
        return "unsafe_path", "its name is not UTF-8"
    if "\0" in path:
        return "unsafe_path", "a name with a zero byte"
    if is_too_deep(path):
        return "unsafe_path", TOO_DEEP
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


def is_utf8(path: str) -> bool:
    """Return whether a path can be stored; a byte that was not UTF-8 is half a surrogate pair in Python."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_too_deep(path: str) -> bool:
    """Return whether a path with `/` has more folders than are searched."""
    return path.count("/") > MAX_DEPTH


def reader(file: Path) -> Callable[[], bytes]:
    """Return a function that reads the file later, and checks it again then."""
    return functools.partial(_read, file)


def exists(file: Path) -> bool:
    """Return whether there is a file, a broken link included, under a path from outside."""
    try:
        return os.path.lexists(file)
    except ValueError:  # A zero byte or half a surrogate pair.
        return False


def paths_below(root: Path) -> Iterator[str]:
    """Yield the paths of the files in a folder that an import would read, at most `MAX_PATHS`."""
    n_seen = 0
    for folder, names, found in os.walk(root):
        inside = os.path.relpath(folder, root).removeprefix(".").replace(os.sep, "/")
        names[:] = sorted(name for name in names if layout.hidden_part(name) is None)
        if inside.count("/") >= MAX_DEPTH:
            names.clear()
        for name in sorted(found):
            n_seen += 1
            if n_seen > MAX_PATHS:
                return
            path = f"{inside}/{name}" if inside else name
            if layout.hidden_part(name) is None and is_utf8(path):
                yield path


def member_rejections(
    members: Sequence[zipfile.ZipInfo], archive_bytes: int
) -> list[tuple[RejectionReason, str] | None]:
    """Return for every member of an archive why it must not be unpacked, None if it can be.

    The name is checked elsewhere. Sizes are those that the archive states; a reader must not unpack more.
    Members that share bytes, as in a zip bomb, are rejected but for the first of them.
    """
    found = [_rejection_of_member(member) for member in members]
    total, limit = 0, max(TOTAL_FREE_BYTES, MAX_TOTAL_RATIO * archive_bytes)
    end = -1
    for n in sorted(range(len(members)), key=lambda n: members[n].header_offset):
        member = members[n]
        if member.header_offset < end:
            found[n] = found[n] or ("unreadable", "shares its bytes with another file of the archive")
            continue
        end = member.header_offset + LOCAL_HEADER_BYTES + member.compress_size
        total += member.file_size if found[n] is None else 0
        if found[n] is None and total > limit:
            found[n] = ("too_large", f"the archive unpacks to more than {limit:,} bytes")
    return found


def _rejection_of_member(member: zipfile.ZipInfo) -> tuple[RejectionReason, str] | None:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "unsafe_path", "a link"
    if member.flag_bits & ENCRYPTED:
        return "unreadable", "is encrypted; unpack it with its password first"
    limit = settings.current().max_image_bytes
    if member.file_size > limit:
        return "too_large", f"{member.file_size:,} bytes, over the limit of {limit:,}"
    if member.file_size > max(RATIO_FREE_BYTES, MAX_RATIO * member.compress_size):
        return "too_large", f"unpacks to {member.file_size:,} bytes from {member.compress_size:,}"
    return None


def _read(file: Path) -> bytes:
    try:
        return files.read_regular(file, settings.current().max_image_bytes)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise UnreadableImage("too_large", error.strerror or str(error)) from error
        raise


def _rejection_of(status: os.stat_result) -> tuple[RejectionReason, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "not_an_image", "not a regular file"  # Reading a pipe would block.
    limit = settings.current().max_image_bytes
    if status.st_size > limit:
        return "too_large", f"{status.st_size:,} bytes, over the limit of {limit:,}"
    return None


def _absolute(path: Path) -> Path:
    # Not pathlib: absolute() keeps `..`, and expanduser() raises an error for an unknown user.
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111


def _is_circle(error: Exception) -> bool:
    return isinstance(error, RuntimeError) or getattr(error, "errno", None) == errno.ELOOP
