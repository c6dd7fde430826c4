"""Write files whole (under a temporary name, then renamed), and say in words why a disk refuses.

A reader never sees half a file.
"""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import threading
from collections.abc import Generator
from pathlib import Path

from peakid.errors import DiskError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM)


@contextlib.contextmanager
def replacing(path: Path, *, is_synced: bool = False) -> Generator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` when the block ends without an error.

    Several writers of one path do not disturb each other; the last one wins. After an error the temporary
    file is removed and `path` is unchanged.

    Args:
        is_synced: Flush the file to the disk before it is renamed, so that it survives a power failure.

    Raises:
        OSError: If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if is_synced:
            _sync(part)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes, *, is_synced: bool = False) -> None:
    """Write a file, replacing an existing one."""
    with replacing(path, is_synced=is_synced) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str, *, is_synced: bool = False) -> None:
    """Write a UTF-8 file, replacing an existing one."""
    write_bytes(path, text.encode("utf-8"), is_synced=is_synced)


def write_json(path: Path, document: object, *, indent: int | None = None) -> None:
    """Write a document as JSON, replacing an existing file."""
    write_text(path, json.dumps(document, ensure_ascii=False, indent=indent))


def sync_disk(folder: Path) -> None:
    """Flush everything written to the disk of a folder: much faster than flushing many small files.

    Raises:
        OSError: If the disk could not take what was written before.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(library, "syncfs"):  # Only Linux has it.
            os.sync()
        elif library.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    finally:
        os.close(descriptor)


def explained(error: OSError, path: Path) -> DiskError | None:
    """Return what an error of the operating system means for a person; None where it is about no disk.

    Args:
        path: Where the program writes; used where the error names no path.
    """
    at = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else path
    if error.errno in _FULL:
        quota = "The quota of this user is used up" if error.errno == errno.EDQUOT else "The disk is full"
        return DiskError(
            f"{quota}: {at} cannot be written{free_space(at)}.",
            "Free some space, then try again. What was saved before is kept.",
        )
    if error.errno == errno.EROFS:
        return DiskError(
            f"{at} is on a disk that is mounted read-only.",
            "Make the disk writable, or use a copy elsewhere.",
        )
    if error.errno in _DENIED:
        return DiskError(
            f"{at} cannot be opened or written: {error.strerror}.",
            "Check the permissions of the file and its folder.",
        )
    if error.errno == errno.EIO:
        return DiskError(
            f"The disk does not read or write {at}: {error.strerror}.",
            "Make a backup to another disk, and check this one.",
        )
    return None


def free_space(path: Path) -> str:
    """Return the free space of the disk that a path is on, as ` (3 MB free on its disk)`; '' if unknown."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return f" ({shutil.disk_usage(folder).free / 2**20:,.0f} MB free on its disk)"
    return ""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
