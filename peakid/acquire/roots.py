"""The folders that images were imported from: which there are, whether they are still there, and where one has gone."""

import os
from dataclasses import dataclass
from pathlib import Path

from peakid.acquire import reading
from peakid.errors import BadInput, NotFound
from peakid.store.workspace import Workspace, now

SHOWN_PATHS = 3


@dataclass(frozen=True)
class Root:
    """One folder, archive or table's folder. `n_missing` counts files that the last verification, at `verified_at`, did not find."""

    root_id: int
    path: str
    is_in_place: bool
    is_there: bool
    n_images: int
    n_missing: int | None
    verified_at: str | None


@dataclass(frozen=True)
class Relinked:
    """What was found of a root's files at its new place."""

    root_id: int
    path: str
    n_found: int
    n_missing: int
    missing: list[str]


def list_roots(workspace: Workspace, *, is_in_place: bool = False) -> list[Root]:
    """List the roots in the order of their first import.

    Args:
        is_in_place: Only those whose images stay there, without a copy.
    """
    rows = workspace.query(
        "SELECT id, path, is_in_place, n_missing, verified_at, (SELECT COUNT(DISTINCT image_id) FROM origin WHERE root_id = root.id)"
        f" AS n_images FROM root {'WHERE is_in_place = 1' if is_in_place else ''} ORDER BY id"
    )
    return [
        Root(
            r["id"],
            r["path"],
            bool(r["is_in_place"]),
            Path(r["path"]).exists(),
            r["n_images"],
            r["n_missing"],
            r["verified_at"],
        )
        for r in rows
    ]


def relink(workspace: Workspace, old: Path, new: Path, *, is_partial: bool = False, actor: str) -> Relinked:
    """Say that a root lies elsewhere now. Nothing is changed unless its files are there, told by path and size.

    Args:
        is_partial: Also where some of its files are missing there.

    Raises:
        NotFound: If there is no such root, or none of its files lies in `new`.
        BadInput: If `new` is no folder or a root already, or files are missing there and `is_partial` was not said.
    """
    root_id, old_path = _root_at(workspace, old)
    place = reading.checked_folder(new)
    taken = workspace.one("SELECT id FROM root WHERE path = ?", (str(place),))
    if taken is not None:
        raise BadInput(
            f"{place} is a root already.",
            "Images that lie there are read from there; nothing needs relinking.",
        )
    found = _found_at(workspace, root_id, place)
    _refuse_strangers(found, old_path, is_partial=is_partial)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO root_move (root_id, from_path, to_path, actor, moved_at) VALUES (?, ?, ?, ?, ?)",
            (root_id, old_path, str(place), actor, now()),
        )
        connection.execute(
            "UPDATE root SET path = ?, n_missing = NULL, verified_at = NULL WHERE id = ?",
            (str(place), root_id),
        )
    return found


def _root_at(workspace: Workspace, path: Path) -> tuple[int, str]:
    wanted = os.path.abspath(path.expanduser())  # noqa: PTH100 - also folds `..`; the folder need not be there any more.
    row = workspace.one("SELECT id, path FROM root WHERE path = ?", (wanted,))
    if row is None:
        raise NotFound(f"No images were imported from {wanted}.", "See the roots with: peakid roots list")
    return row["id"], row["path"]


def _found_at(workspace: Workspace, root_id: int, place: Path) -> Relinked:
    n_found, missing = 0, []
    for row in workspace.query(
        "SELECT DISTINCT o.path, i.n_bytes FROM origin o JOIN image i ON i.id = o.image_id WHERE o.root_id = ? ORDER BY o.path",
        (root_id,),
    ):
        if size_of(place / row["path"]) == row["n_bytes"]:
            n_found += 1
        else:
            missing.append(row["path"])
    return Relinked(root_id, str(place), n_found, len(missing), missing)


def size_of(file: Path) -> int | None:
    """Answer a file's bytes, None where there is none that could be read."""
    try:
        return file.stat().st_size if file.is_file() else None
    except OSError:
        return None


def _refuse_strangers(found: Relinked, old: str, *, is_partial: bool) -> None:
    n_all = found.n_found + found.n_missing
    if n_all and not found.n_found:
        raise NotFound(
            f"None of the {n_all:,} files of {old} lies in {found.path}.",
            "Give the folder that took the place of the old one.",
        )
    if found.n_missing and not is_partial:
        some = ", ".join(found.missing[:SHOWN_PATHS])
        raise BadInput(
            f"{found.n_found:,} of {n_all:,} files are in {found.path}; {found.n_missing:,} are missing or of another size, such as {some}."
            " Nothing was changed.",
            "Put them there, or relink all the same with --partial; `peakid verify` then looks for what was moved inside.",
        )
