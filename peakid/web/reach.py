"""Decide which folders of this machine pages may use: any, or those below PEAKID_ALLOWED_FOLDERS."""

import os
from pathlib import Path

from peakid import clean_text, settings
from peakid.errors import BadInput
from peakid.settings import Settings


def folders() -> list[Path]:
    """Return the folders that the setting names, without links; an empty list where it names none."""
    return [Path(os.path.realpath(each)) for each in settings.folders_of(Settings().allowed_folders)]


def is_allowed(path: Path) -> bool:
    """Return whether pages may use a path. Links are followed first: they may lead out of a folder."""
    allowed = folders()
    target = Path(os.path.realpath(path))
    return not allowed or any(target.is_relative_to(each) for each in allowed)


def checked(path: Path) -> Path:
    """Return the path.

    Raises:
        BadInput: If pages must not use it.
    """
    if is_allowed(path):
        return path
    shown = clean_text.clean_path(str(path))
    names = ", ".join(map(str, folders()))
    raise BadInput(
        f"{shown} is outside the folders that pages may use: {names}.",
        "Choose a folder below these, or ask whoever runs the server to allow it.",
    )
