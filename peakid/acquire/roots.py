"""Roots: the folders and places in stores that images were imported from. List and relink them."""

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peakid import clean_text, files, paths, store_urls
from peakid.acquire import reading
from peakid.acquire.objects import listing
from peakid.errors import BadInput, NotFound
from peakid.remedies import action
from peakid.store.objects import image_stores
from peakid.store.workspace import Workspace, now
from peakid.store_urls import StoreUrl

SHOWN_PATHS = 3


@dataclass(frozen=True)
class Root:
    """One imported folder or archive.

    Attributes:
        n_missing: Files that the check at `verified_at` missed.
        is_foreign: Only a restored backup names this folder; it is not read until a person accepts it.
    """

    root_id: int
    path: str
    is_in_place: bool
    is_there: bool
    n_images: int
    n_missing: int | None
    verified_at: str | None
    is_foreign: bool = False


@dataclass(frozen=True)
class Relinked:
    """The files of a root that are, or are not, in its new folder."""

    root_id: int
    path: str
    n_found: int
    n_missing: int
    missing: list[str]


def list_roots(workspace: Workspace, *, is_in_place: bool = False) -> list[Root]:
    """List the roots, in the order of their first import.

    Args:
        is_in_place: List only roots whose images were not copied.
    """
    rows = workspace.query(
        "SELECT id, path, is_in_place, is_foreign, n_missing, verified_at,"
        " (SELECT COUNT(DISTINCT image_id) FROM origin WHERE root_id = root.id) AS n_images"
        f" FROM root {'WHERE is_in_place = 1' if is_in_place else ''} ORDER BY id"
    )
    return [_root(row) for row in rows]


def _root(row: sqlite3.Row) -> Root:
    return Root(
        root_id=row["id"],
        path=row["path"],
        is_in_place=bool(row["is_in_place"]),
        is_there=not row["is_foreign"] and _is_there(row["path"]),
        n_images=row["n_images"],
        n_missing=row["n_missing"],
        verified_at=row["verified_at"],
        is_foreign=bool(row["is_foreign"]),
    )


def _is_there(path: str) -> bool:
    """Return whether a root exists; a store is not asked, so that no page waits for it."""
    place = store_urls.place(path)
    return isinstance(place, StoreUrl) or place.exists()


def accept(workspace: Workspace, path: Path | StoreUrl) -> None:
    """Read the images of a place that a restored backup names: left in place, or the store of its originals.

    Raises:
        NotFound: If there is no such place.
    """
    with workspace.transaction() as connection:
        if isinstance(path, StoreUrl) and image_stores.accept(connection, str(path)):
            connection.execute("UPDATE root SET is_foreign = 0 WHERE path = ?", (str(path),))
            return
    root_id, _ = _root_at(workspace, path)
    with workspace.transaction() as connection:
        connection.execute("UPDATE root SET is_foreign = 0 WHERE id = ?", (root_id,))


def relink(
    workspace: Workspace,
    old: Path | StoreUrl,
    new: Path | StoreUrl,
    *,
    is_partial: bool = False,
    actor: str,
) -> Relinked:
    """Change the place of a root that was moved, if its files, by path and size, are in the new place.

    A folder may become a place in a store, and the other way round.

    Args:
        is_partial: Also change it if some files are missing in the new folder.

    Raises:
        NotFound: If there is no such root, or none of its files is in `new`.
        BadInput: If `new` is not a folder or already a root, or if files are missing and `is_partial` is
            False.
        StoreError: If a place in a store cannot be listed.
    """
    root_id, old_path = _root_at(workspace, old)
    place = new if isinstance(new, StoreUrl) else reading.checked_folder(new)
    if workspace.one("SELECT id FROM root WHERE path = ?", (str(place),)) is not None:
        raise BadInput(
            f"{place} is a root already.", "Its images are read from there; nothing needs to be relinked."
        )
    found = _found_at(workspace, root_id, place)
    _check(found, old_path, is_partial=is_partial)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO root_move (root_id, from_path, to_path, actor, moved_at) VALUES (?, ?, ?, ?, ?)",
            (root_id, old_path, str(place), actor, now()),
        )
        connection.execute(
            "UPDATE root SET path = ?, is_foreign = 0, n_missing = NULL, verified_at = NULL WHERE id = ?",
            (str(place), root_id),
        )
    return found


def _root_at(workspace: Workspace, path: Path | StoreUrl) -> tuple[int, str]:
    wanted = str(path)
    if isinstance(path, Path):
        # Not Path.absolute: it keeps `..`, and resolve() follows links. The folder may be gone.
        wanted = clean_text.clean_path(os.path.abspath(files.expanded(path)))  # noqa: PTH100
    row = workspace.one("SELECT id, path FROM root WHERE path = ?", (wanted,))
    if row is None:
        raise NotFound(
            f"No images were imported from {wanted}.", "Choose another root.", action("list_roots")
        )
    return row["id"], row["path"]


def _found_at(workspace: Workspace, root_id: int, place: Path | StoreUrl) -> Relinked:
    n_found, missing = 0, []
    there = listing.sizes(place) if isinstance(place, StoreUrl) else None
    for row in workspace.query(
        "SELECT DISTINCT o.path, i.n_bytes FROM origin o JOIN image i ON i.id = o.image_id"
        " WHERE o.root_id = ? ORDER BY o.path",
        (root_id,),
    ):
        is_inside = paths.is_inside(row["path"])  # A row of a table may have an address instead.
        if is_inside and _size_at(place, there, row["path"]) == row["n_bytes"]:
            n_found += 1
        else:
            missing.append(row["path"])
    return Relinked(root_id, str(place), n_found, len(missing), missing)


def _size_at(place: Path | StoreUrl, there: Mapping[str, int] | None, path: str) -> int | None:
    if there is not None:
        return there.get(path)
    assert isinstance(place, Path)
    return size_of(paths.inside(place, path))


def size_of(file: Path) -> int | None:
    """Return the size of a file in bytes, None if there is no readable file."""
    try:
        return file.stat().st_size if file.is_file() else None
    except OSError:
        return None


def _check(found: Relinked, old: str, *, is_partial: bool) -> None:
    n_all = found.n_found + found.n_missing
    if n_all and not found.n_found:
        raise NotFound(
            f"None of the {n_all:,} files of {old} is in {found.path}.",
            "Choose the folder that replaced the old one.",
        )
    if found.n_missing and not is_partial:
        some = ", ".join(found.missing[:SHOWN_PATHS])
        raise BadInput(
            f"{found.n_found:,} of {n_all:,} files are in {found.path}; {found.n_missing:,} are missing or"
            f" have another size, such as {some}. Nothing was changed.",
            "Put them there, or relink without them and then check the images: files that moved are found.",
            action("relink_partially", path=old, new=found.path),
        )
