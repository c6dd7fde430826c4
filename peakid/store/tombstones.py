"""What was removed for good: its digests, kept so that the images are never taken in again, here or after a restore."""

import contextlib
import functools
import os
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from peakid.errors import UnreadableImage
from peakid.store.workspace import DATABASE_NAME, Workspace

FILE_NAME = "forgotten.txt"  # Beside the database: what a restore of an older database must still heed.
TOLD = "removed for good earlier; it is not taken in again"


def is_forgotten(workspace: Workspace, digest: str) -> bool:
    """Tell whether an image was removed for good."""
    return workspace.one("SELECT 1 FROM tombstone WHERE digest = ?", (digest,)) is not None


def refuse(folder: Path, digest: str) -> None:
    """Let nothing in that was removed for good. Cheap enough for every file: the list is read again only when it changes.

    Args:
        folder: Of the workspace; its files are read, so that a process without a database connection can ask.

    Raises:
        UnreadableImage: With the reason a rejection gets, if the image was forgotten.
    """
    file = folder / FILE_NAME
    if digest in _held(folder, file.stat().st_mtime_ns if file.exists() else 0):
        raise UnreadableImage("forgotten", TOLD)


@functools.lru_cache(4)
def _held(folder: Path, _changed_ns: int) -> frozenset[str]:
    return frozenset(of_folder(folder))


def digests(workspace: Workspace) -> list[str]:
    return [row["digest"] for row in workspace.query("SELECT digest FROM tombstone ORDER BY digest")]


def write_file(workspace: Workspace) -> None:
    """Write the digests beside the database, one a line, under a temporary name first."""
    _write(workspace.path, digests(workspace))


def of_folder(folder: Path) -> set[str]:
    """Read the digests from the file and the database in a folder, whichever is there and can be read.

    A restore asks this of a workspace whose database may be the very reason for it.
    """
    found = parse((folder / FILE_NAME).read_bytes()) if (folder / FILE_NAME).is_file() else set()
    if (folder / DATABASE_NAME).is_file():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(folder / DATABASE_NAME)) as connection,
        ):
            found |= {row[0] for row in connection.execute("SELECT digest FROM tombstone")}
    return found


def parse(lines: bytes) -> set[str]:
    """Read digests, one a line. Lines that are no digest are passed over."""
    return set(
        re.findall(
            r"^[0-9a-f]{64}$", lines.decode("ascii", errors="replace").replace("\r", ""), flags=re.MULTILINE
        )
    )


def _write(folder: Path, lines: Iterable[str]) -> None:
    partial = folder / f"{FILE_NAME}.{os.getpid()}.part"
    partial.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    partial.replace(folder / FILE_NAME)
