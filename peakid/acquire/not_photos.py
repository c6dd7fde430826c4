"""Folders and archives that look like photos and are none: backups, workspaces and exports of Peakid.

Their images would become a class called `images`, or one for each of the folders in which they are kept.
"""

import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from peakid import clean_text
from peakid.errors import NotPhotos
from peakid.recipe import export_formats
from peakid.remedies import action
from peakid.store.workspace import BACKUP_MANIFEST, DATABASE_NAME, FOLDERS

MAX_WRAPPERS = 4  # Folders around everything, as archives often have one.
_WEIGHTS = frozenset(export_formats.FILE_NAMES.values())


def refuse_folder(root: Path) -> None:
    """Raise if a folder is a workspace, part of one, an unpacked backup or an export.

    Raises:
        NotPhotos: With the way to use it.
    """
    _refuse_inside(root)
    folder = root
    for _ in range(MAX_WRAPPERS):
        names = _names(folder)
        _refuse(names, folder, is_file=False)
        if len(names) != 1 or not (folder := folder / next(iter(names))).is_dir():
            return


def refuse_archive(file: Path, members: Iterable[zipfile.ZipInfo]) -> None:
    """Raise if an archive is a backup, or has a workspace, an unpacked backup or an export.

    Raises:
        NotPhotos: With the way to use it.
    """
    paths = [PurePosixPath(member.filename.replace("\\", "/")).parts for member in members]
    for depth in range(MAX_WRAPPERS):
        names = {parts[0] for parts in paths if parts}
        _refuse(names, file, is_file=depth == 0)
        if len(names) != 1:
            return
        paths = [parts[1:] for parts in paths]


def workspaces_in(names: Iterable[str]) -> set[str]:
    """Return the folders of an archive that are workspaces: an import skips them, as it does in a folder."""
    return {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == DATABASE_NAME}


def workspace_around(path: str, workspaces: Collection[str]) -> str | None:
    """Return the workspace that a file of an archive belongs to, None where it belongs to none."""
    if not workspaces:
        return None
    return next((str(each) for each in PurePosixPath(path).parents if str(each) in workspaces), None)


def _refuse(names: Collection[str], place: Path, *, is_file: bool) -> None:
    shown = clean_text.clean_path(str(place))
    if BACKUP_MANIFEST in names and DATABASE_NAME in names:
        if is_file:
            raise NotPhotos(
                f"{shown} is a backup of Peakid, not an archive of photos.",
                "Restore it into a new workspace: its images come with their labels and decisions.",
                action("restore_file", file=str(place)),
            )
        raise NotPhotos(
            f"{shown} has an unpacked backup of Peakid, not photos.",
            "Restore the backup file. If there is none any more, pack what is in this folder, without the"
            " folder itself, into a zip and restore that.",
            action("restore_backup"),
        )
    if DATABASE_NAME in names:
        is_folder = place.is_dir()
        raise NotPhotos(
            f"{shown} {'is' if is_folder else 'has'} a workspace of Peakid, not photos.",
            "Open it as the workspace. To move it, make a backup of it and restore that.",
            *([action("open_workspace", path=str(place))] if is_folder else []),
        )
    if export_formats.CARD in names and not _WEIGHTS.isdisjoint(names):
        raise NotPhotos(
            f"{shown} has a model that Peakid exported, not photos.",
            "Try the model on a photo, or import the photos themselves.",
            action("list_exports"),
        )


def _refuse_inside(root: Path) -> None:
    for parent in root.parents:
        is_own = root.relative_to(parent).parts[0] in FOLDERS
        if is_own and _is_file(parent / DATABASE_NAME):
            raise NotPhotos(
                f"{clean_text.clean_path(str(root))} is where the workspace"
                f" {clean_text.clean_path(str(parent))} keeps its own files.",
                "Choose the folder that the photos are from, or open that workspace.",
                action("open_workspace", path=str(parent)),
            )


def _names(folder: Path) -> set[str]:
    """Return the names in a folder that are not hidden; nothing of a folder that cannot be read."""
    try:
        return {each.name for each in folder.iterdir() if not each.name.startswith(".")}
    except OSError:
        return set()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
