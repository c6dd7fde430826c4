"""Digests of images that were removed for good. They are never imported again, also not after a restore."""

import contextlib
import functools
import re
import sqlite3
from pathlib import Path

from peakid import files, paths
from peakid.errors import UnreadableImage
from peakid.store.workspace import DATABASE_NAME, Workspace

FILE_NAME = "forgotten.txt"  # Next to the database, so that a restore of an older database can read it.
MAX_BYTES = 65 * 2**20  # A million digests, one per line.
DETAIL = "was removed for good earlier and is not imported again"


def is_forgotten(workspace: Workspace, digest: str) -> bool:
    """Return whether an image was removed for good."""
    return workspace.one("SELECT 1 FROM tombstone WHERE digest = ?", (digest,)) is not None


def refuse(folder: Path, digest: str) -> None:
    """Raise an error for an image that was removed for good.

    It is cheap enough to call for every file: the list is read again only when it changes.

    Args:
        folder: The folder of the workspace. Files are read, so the process needs no database connection.

    Raises:
        UnreadableImage: If the image was removed for good.
    """
    file = folder / FILE_NAME
    if digest in _digests_at(folder, file.stat().st_mtime_ns if file.exists() else 0):
        raise UnreadableImage("forgotten", DETAIL)


@functools.lru_cache(4)
def _digests_at(folder: Path, _changed_ns: int) -> frozenset[str]:
    return frozenset(of_folder(folder))


def digests(workspace: Workspace) -> list[str]:
    return [row["digest"] for row in workspace.query("SELECT digest FROM tombstone ORDER BY digest")]


def write_file(workspace: Workspace) -> None:
    """Write the digests to a file next to the database, one per line."""
    files.write_text(workspace.path / FILE_NAME, "".join(f"{digest}\n" for digest in digests(workspace)))


def of_folder(folder: Path) -> set[str]:
    """Read the digests from the file and the database in a folder, if they exist and are readable.

    A restore calls this for a workspace whose database may be damaged.
    """
    found = _of_file(folder / FILE_NAME)
    if (folder / DATABASE_NAME).is_file():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(folder / DATABASE_NAME)) as connection,
        ):
            rows = connection.execute("SELECT digest FROM tombstone").fetchall()
            found |= {row[0] for row in rows if paths.is_digest(row[0])}
    return found


def _of_file(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    with file.open("rb") as lines:
        return parse(lines.read(MAX_BYTES))


def parse(lines: bytes) -> set[str]:
    """Read digests, one per line. Other lines are ignored."""
    found = re.findall(rb"^[0-9a-f]{64}\r?$", lines, flags=re.MULTILINE)
    return {line.rstrip(b"\r").decode("ascii") for line in found}
