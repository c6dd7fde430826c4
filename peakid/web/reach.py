"""Decide what pages may use: folders of this machine, any or those below PEAKID_ALLOWED_FOLDERS, and stores.

Of image stores only the places that PEAKID_ALLOWED_STORES names: a page must not reach arbitrary servers.
"""

import os
from pathlib import Path

from peakid import clean_text, settings, settings_file, store_urls
from peakid.errors import BadInput
from peakid.store_urls import StoreUrl


def folders() -> list[Path]:
    """Return the folders that the setting names, without links; an empty list where it names none."""
    return [
        Path(os.path.realpath(each)) for each in settings_file.folders_of(settings.read().allowed_folders)
    ]


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


def stores() -> list[StoreUrl]:
    """Return the places in image stores that pages may use."""
    return store_urls.listed(settings.read().allowed_stores)


def checked_place(place: Path | StoreUrl) -> Path | StoreUrl:
    """Return a folder or a place in an image store.

    Raises:
        BadInput: If pages must not use it.
    """
    if isinstance(place, Path):
        return checked(place)
    allowed = stores()
    if store_urls.is_allowed(place, allowed):
        return place
    what = f"pages may use only {', '.join(map(str, allowed))}" if allowed else "pages use no image stores"
    raise BadInput(
        f"{place} is not allowed here: {what}.",
        "Whoever runs the server allows it with PEAKID_ALLOWED_STORES, or imports it on the command line.",
    )
