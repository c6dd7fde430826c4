"""Write files whole: under a temporary name, then renamed. A reader never sees half a file."""

import contextlib
import json
import os
import threading
from collections.abc import Generator
from pathlib import Path


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
