"""Read only regular files up to a size, and write files whole: under a temporary name, then renamed.

What an error of the disk means is said here too.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import BinaryIO

from peakid.errors import DiskError

IN_USE = "used"  # In a folder that is only a cache: its users hold a shared lock on this file.
ANY_SIZE = 2**62  # As a limit: only pipes, devices and folders are refused.
_PART = re.compile(r"\.(\d{1,9})-\d+\.part$")  # As `replacing` names it: process and thread.
_PART_AGE_S = 60.0
_CHUNK_BYTES = 2**20
_COPIED_BYTES = 2**30  # By one call of the kernel, which takes a little less than 2**31 at most.
# The kernel or one of the two disks cannot copy by itself (copy_file_range(2)).
_NOT_BY_KERNEL = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV)


def open_regular(path: Path, limit: int, *, follow_links: bool = True) -> BinaryIO:
    """Open a file for reading if it is a regular file of at most `limit` bytes.

    A pipe, socket, device or folder is refused without waiting for it.

    Raises:
        OSError: If it cannot be opened, is not a regular file (`EINVAL`), is larger than the limit
            (`EFBIG`), or is a link and `follow_links` is False (`ELOOP`).
    """
    # O_NONBLOCK: opening a pipe without a writer would wait for one. Windows has neither flag.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # A name with a zero byte.
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > limit:
            message = f"{status.st_size:,} bytes, over the limit of {limit:,}"
            raise OSError(errno.EFBIG, message, str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, limit: int, *, follow_links: bool = True) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes; see `open_regular`.

    Raises:
        OSError: As `open_regular`, also if the file grows over the limit while it is read.
    """
    with open_regular(path, limit, follow_links=follow_links) as file:
        # Not read(limit + 1), which allocates that much for a small file.
        data = file.read(min(os.fstat(file.fileno()).st_size, limit) + 1)
        while len(data) <= limit and (more := file.read(min(_CHUNK_BYTES, limit + 1 - len(data)))):
            data += more  # The file grows, or is one of /proc, which have no size.
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"over the limit of {limit:,} bytes", str(path))
    return data


def copy(source: Path, target: Path) -> None:
    """Copy a regular file with its times and permissions, replacing an existing one.

    Where the disk can (Btrfs, XFS), both files share their blocks until one of them changes: the copy takes
    no space and hardly any time.

    Raises:
        OSError: As `open_regular`, or if the target cannot be written.
    """
    with open_regular(source, ANY_SIZE) as old, target.open("wb") as new:
        if not _is_copied_by_kernel(old, new):
            shutil.copyfileobj(old, new, _CHUNK_BYTES)
    shutil.copystat(source, target)


def _is_copied_by_kernel(old: BinaryIO, new: BinaryIO) -> bool:
    """Copy an open file into an empty one, and return whether it is whole. Both stay at their start."""
    if not hasattr(os, "copy_file_range"):  # Only Linux has it.
        return False
    at, n_bytes = 0, os.fstat(old.fileno()).st_size
    try:
        while n := os.copy_file_range(old.fileno(), new.fileno(), _COPIED_BYTES, at, at):
            at += n
    except OSError as error:
        if error.errno in _NOT_BY_KERNEL:
            return False
        raise
    return at >= n_bytes  # Some file systems copy nothing and report no error.


def is_regular(path: Path) -> bool:
    """Return whether there is a regular file at a path, whatever text the path is made of."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # A name that is too long or has a zero byte.
        return False


def expanded(path: str | Path) -> Path:
    """Return an absolute path. `~` and `~user` become the home folder if there is such a user."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:  # No such user: a file of that name is meant.
        return Path(path).absolute()


_FULL = (errno.ENOSPC, errno.EDQUOT)
# Of safetensors, of NumPy (which writes less than it was asked to), and of torch.
_SAYS_FULL = re.compile(r"No space left on device|\d+ requested and \d+ written|PytorchStreamWriter failed")
_FULL_BYTES = 64 * 1024  # What SQLite needs to open a database and to write one page.
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


def sweep(folders: Iterable[Path]) -> int:
    """Remove what killed processes of this machine left of files that they were writing; return how many.

    A temporary file younger than a minute stays: its process may be in another container.
    """
    n_removed = 0
    for folder in folders:
        with contextlib.suppress(OSError):
            for part in folder.glob(".*.part"):
                found = _PART.search(part.name)
                is_old = time.time() - part.stat().st_mtime > _PART_AGE_S
                if found and is_old and not _is_alive(int(found[1])):
                    part.unlink(missing_ok=True)
                    n_removed += 1
    return n_removed


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # It is another user's.
        return True
    return True


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


def explained(error: BaseException, path: Path) -> DiskError | None:
    """Return what an error of the operating system means for a person; None where it is about no disk.

    Args:
        error: Also one of a library that writes files itself and has the system's error in its text.
        path: Where the program writes; used where the error names no path.
    """
    name, number = getattr(error, "filename", None), getattr(error, "errno", None)
    at = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else path
    if number is None and _SAYS_FULL.search(str(error)):
        number = errno.ENOSPC
    if number in _FULL:
        quota = "The quota of this user is used up" if number == errno.EDQUOT else "The disk is full"
        return DiskError(
            f"{quota}: {at} cannot be written{free_space(at)}.",
            "Free some space, then try again. What was saved before is kept.",
        )
    if number == errno.EROFS:
        return DiskError(
            f"{at} is on a disk that is mounted read-only.",
            "Make the disk writable, or use a copy elsewhere.",
        )
    if number in _DENIED:
        return DiskError(
            f"{at} cannot be opened or written: {getattr(error, 'strerror', error)}.",
            "Check the permissions of the file and its folder.",
        )
    if number == errno.EIO:
        return DiskError(
            f"The disk does not read or write {at}: {getattr(error, 'strerror', error)}.",
            "Make a backup to another disk, and check this one.",
        )
    return None


def is_full(path: Path) -> bool:
    """Return whether the disk that a path is on has no room for even a small file."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(folder).free < _FULL_BYTES
    return False


def free_space(path: Path) -> str:
    """Return the free space of the disk that a path is on, as ` (3 MB free on its disk)`; '' if unknown."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return f" ({shutil.disk_usage(folder).free / 2**20:,.0f} MB free on its disk)"
    return ""


def file_of(path: Path) -> str:
    """Return which file or folder is at a path, as `device:inode`; '' where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def size_of(path: Path) -> int | None:
    """Return the size of a file in bytes, None where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def is_used(folder: Path) -> bool:
    """Return whether a process holds the lock of a folder (`IN_USE`)."""
    try:
        lock = os.open(folder / IN_USE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


def remove_unless_used(folder: Path) -> bool:
    """Remove a folder unless a process holds its lock (`IN_USE`); return whether it was removed."""
    try:
        lock = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
