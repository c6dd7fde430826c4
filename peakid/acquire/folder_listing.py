"""List the sub-folders of a folder with the number of pictures below each, to choose one by browsing.

It shows what an import would search: no hidden folders, and links only by name. It looks at a bounded number
of files for a bounded time, so that a huge or slow disk does not hold the page.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from peakid import clean_text
from peakid.acquire import layout, reading
from peakid.errors import BadInput
from peakid.store.workspace import DATABASE_NAME

# Counted by their names: opening every file would take minutes.
PICTURE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".avif"),
    }
)
MAX_ENTRIES = 50_000  # Of the folder itself.
MAX_SHOWN = 60  # Sub-folders; the rest is found by a part of the name.
MAX_COUNTED = 5000  # Entries below one sub-folder.
MAX_SECONDS = 0.8  # For counting in all of them.


@dataclass(frozen=True)
class SubFolder:
    """One folder in a listing.

    Attributes:
        path: Where it is; for a link, where that leads.
        n_pictures: Files below it that are pictures by their names; None if they were not counted.
        is_more: There are more than were counted.
        is_link: It is a link, which an import of the folder around it does not follow unless asked to.
        problem: Why it cannot be opened, in a few words; "" if it can.
    """

    name: str
    path: Path
    n_pictures: int | None = None
    is_more: bool = False
    is_link: bool = False
    is_workspace: bool = False
    problem: str = ""


@dataclass(frozen=True)
class ListedFile:
    """A file in a folder that can be chosen."""

    name: str
    path: Path
    n_bytes: int
    modified_s: float


@dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes:
        n_pictures: Directly in it, not in its sub-folders.
        n_left_out: Sub-folders that fit but are not listed, because there are too many.
        is_cut: The folder has more entries than were looked at.
        is_empty: There is nothing in it, hidden files included.
    """

    path: Path
    folders: tuple[SubFolder, ...]
    n_pictures: int
    n_left_out: int
    is_cut: bool
    is_workspace: bool
    is_empty: bool


def read(
    path: Path, *, matching: str = "", is_allowed: Callable[[Path], bool] = lambda path: True
) -> Listing:
    """Return the sub-folders of a folder in the order of their names.

    Args:
        matching: Only those with this text in their name, in any case.
        is_allowed: Whether a folder may be opened; those that may not are listed with the reason.

    Raises:
        BadInput: If the folder does not exist, is not a folder, or cannot be opened.
    """
    folder = Path(os.path.realpath(reading.checked_folder(path)))
    found, n_pictures, n_seen, is_cut = [], 0, 0, False
    for n_seen, entry in enumerate(_entries(folder), 1):
        if n_seen > MAX_ENTRIES:
            is_cut = True
            break
        if layout.hidden_part(entry.name) is not None:
            continue
        if _is_folder(entry):
            found.append(entry)
        n_pictures += _is_picture(entry)
    fitting = sorted(
        (each for each in found if matching.casefold() in each.name.casefold()),
        key=lambda each: (each.name.casefold(), each.name),
    )
    shown = [_sub_folder(each, is_allowed) for each in fitting[:MAX_SHOWN]]
    return Listing(
        path=folder,
        folders=tuple(_counted(shown, time.monotonic() + MAX_SECONDS)),
        n_pictures=n_pictures,
        n_left_out=len(fitting) - len(shown),
        is_cut=is_cut,
        is_workspace=_is_workspace(folder),
        is_empty=n_seen == 0,
    )


def files(
    path: Path, suffixes: Collection[str], *, is_allowed: Callable[[Path], bool] = lambda path: True
) -> list[ListedFile]:
    """Return the files directly in a folder with one of these suffixes, such as `.zip`, the newest first.

    Raises:
        BadInput: As `read` does.
    """
    found = []
    for n_seen, entry in enumerate(_entries(Path(os.path.realpath(reading.checked_folder(path)))), 1):
        if n_seen > MAX_ENTRIES:
            break
        target = Path(entry.path)
        if target.suffix.lower() not in suffixes or layout.hidden_part(entry.name) is not None:
            continue
        if not (entry.path.isprintable() and reading.is_utf8(entry.path) and is_allowed(target)):
            continue
        with contextlib.suppress(OSError):  # A broken link.
            if entry.is_file():
                status = entry.stat()
                found.append(ListedFile(entry.name, target, status.st_size, status.st_mtime))
    return sorted(found, key=lambda each: (-each.modified_s, each.name))[:MAX_SHOWN]


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    shown = clean_text.clean_path(str(folder))
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except PermissionError as error:
        raise BadInput(
            f"No permission to open the folder {shown}.", "Change its permissions, or choose another folder."
        ) from error
    except OSError as error:
        raise BadInput(
            f"The folder {shown} cannot be read: {error.strerror or error}.", "Choose another folder."
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link that is not one to a file."""
    try:
        return entry.is_dir() or (entry.is_symlink() and not entry.is_file())
    except OSError:  # A circular link, or a disk that does not answer.
        return True


def _is_picture(entry: os.DirEntry[str]) -> bool:
    try:
        has_suffix = os.path.splitext(entry.name)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122
        return has_suffix and entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _sub_folder(entry: os.DirEntry[str], is_allowed: Callable[[Path], bool]) -> SubFolder:
    path = Path(entry.path)
    is_link = entry.is_symlink()
    found = SubFolder(entry.name, Path(os.path.realpath(path)) if is_link else path, is_link=is_link)
    problem = _problem(found)
    if not problem and not is_allowed(found.path):
        problem = "outside the allowed folders"
    return replace(found, problem=problem, is_workspace=not problem and _is_workspace(found.path))


def _problem(folder: SubFolder) -> str:
    """Return why a folder cannot be opened or chosen, "" if it can."""
    if not reading.is_utf8(str(folder.path)):
        return "its name is not UTF-8: rename it to choose it here"
    if not str(folder.path).isprintable():
        return "its name has control characters: rename it to choose it here"
    try:
        if not folder.path.is_dir():
            return "a broken link"
    except PermissionError:
        return "no permission"
    except (OSError, RuntimeError):
        return "a circular link" if folder.is_link else "it cannot be opened"
    return "" if os.access(folder.path, os.R_OK | os.X_OK) else "no permission"


def _is_workspace(folder: Path) -> bool:
    try:
        return (folder / DATABASE_NAME).is_file()
    except OSError:
        return False


def _counted(folders: list[SubFolder], ends_at: float) -> Iterator[SubFolder]:
    for each in folders:
        is_counted = not each.problem and not each.is_workspace and time.monotonic() < ends_at
        if not is_counted:
            yield each
            continue
        n_pictures, is_more = _count(each.path, ends_at)
        yield replace(each, n_pictures=n_pictures, is_more=is_more)


def _count(folder: Path, ends_at: float) -> tuple[int, bool]:
    """Count the pictures below a folder; also return whether there may be more."""
    waiting, n_seen, n_pictures = [(folder, 0)], 0, 0
    while waiting:
        path, depth = waiting.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    n_seen += 1
                    if n_seen > MAX_COUNTED or time.monotonic() > ends_at:
                        return n_pictures, True
                    if layout.hidden_part(entry.name) is not None:
                        continue
                    n_pictures += _is_picture(entry)
                    if entry.is_dir(follow_symlinks=False) and depth < reading.MAX_DEPTH:
                        waiting.append((Path(entry.path), depth + 1))
        except OSError:
            continue  # The import says which folders it could not open.
    return n_pictures, False
