"""Build paths from names that come from a database, an archive or a document, and refuse all others.

A row of a restored database can hold anything, and `folder / "/etc/x"` is `/etc/x`. So no other module joins
a stored name to a folder; `tests/test_architecture.py` checks it.
"""

import re
from pathlib import Path, PurePosixPath

from peakid.errors import UnsafePath

_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: object) -> bool:
    """Return whether a value is a digest: 64 lower-case hexadecimal digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def checked_digest(digest: str) -> str:
    """Return the digest.

    Raises:
        UnsafePath: If it is not 64 lower-case hexadecimal digits.
    """
    if not is_digest(digest):
        raise UnsafePath(
            f"{str(digest)[:80]!r} is not a digest of 64 hexadecimal digits.",
            "The database was changed by another program; restore a backup.",
        )
    return digest


def of_digest(folder: Path, digest: str, suffix: str = "") -> Path:
    """Return the path of the file that is named after a digest, such as `folder/ab/abcd....jpg`.

    Raises:
        UnsafePath: If it is not 64 lower-case hexadecimal digits.
    """
    name = checked_digest(digest)
    return folder / name[:2] / f"{name}{suffix}"


def inside(folder: Path, relative: str) -> Path:
    """Return the path of a stored name below a folder. Links on the way are not resolved.

    Raises:
        UnsafePath: If the name is empty or absolute, or contains `..` or a NUL character.
    """
    if not is_inside(relative):
        raise UnsafePath(
            f"The stored path {relative[:80]!r} leads out of {folder}.",
            "The database or document that names it was not written by Peakid; do not use it.",
        )
    return folder / relative


def is_inside(relative: str) -> bool:
    """Return whether a name stays below the folder that it is joined to."""
    path = PurePosixPath(relative)
    is_named = relative.strip("/.") != "" or bool(path.name)
    return is_named and not path.is_absolute() and ".." not in path.parts and "\0" not in relative


def is_below(path: Path, folder: Path) -> bool:
    """Return whether an absolute path without `..` is below a folder; no link is resolved."""
    return ".." not in path.parts and path != folder and path.is_relative_to(folder)
