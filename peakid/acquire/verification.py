"""Is every image still there, and still itself? Files that were moved inside an in-place root are found again by their bytes."""

import contextlib
import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from peakid.acquire import reading, roots
from peakid.errors import NotFound, UnreadableImage
from peakid.imaging import inspection
from peakid.records import Report, no_report
from peakid.store import images, origins
from peakid.store.workspace import Workspace, now

PAGE_SIZE = 200  # Images whose moves are written down together.


@dataclass(frozen=True)
class Damage:
    """An image whose bytes cannot be read any more, under the path that names it to people."""

    digest: str
    path: str
    reason: str


@dataclass(frozen=True)
class Move:
    """A file that lies elsewhere in its root than it did."""

    digest: str
    root: str
    path: str
    new_path: str


@dataclass
class Verified:
    """What one verification found. `n_redrawn` counts thumbnails that were lost."""

    n_images: int = 0
    n_redrawn: int = 0
    damaged: list[Damage] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """One path of one image below an in-place root."""

    image_id: int
    root_id: int
    root: Path
    path: str


@dataclass
class _Verification:
    workspace: Workspace
    actor: str
    found: Verified = field(default_factory=Verified)
    n_missing: Counter[int] = field(default_factory=Counter)
    searches: dict[Path, "_Search"] = field(default_factory=dict)
    without_thumbnail: list[str] = field(default_factory=list)


def verify(workspace: Workspace, *, actor: str, report: Report = no_report) -> Verified:
    """Compare every image's bytes with its digest, find moved files of in-place roots, and draw lost thumbnails again.

    A file that was moved or renamed inside its root is looked for by size, then by digest; its origin gets the new path
    and `origin_move` keeps the old one. A file that was changed is no longer the image: that is told, and the next
    import takes its new bytes in as a new image. Nothing of the user's is written to.
    """
    run = _Verification(workspace, actor)
    n_all = workspace.query("SELECT COUNT(*) AS n FROM image_state")[0]["n"]
    for page in _pages(workspace):
        places, moves = _places(workspace, page), []
        for row in page:
            report("Verifying", run.found.n_images, n_all, f"{len(run.found.damaged)} damaged")
            moves += _verify_one(run, row["digest"], places.get(row["id"], []))
            run.found.n_images += 1
        _write_moves(run, moves)
        _redraw(run)
    _write_counts(run)
    report("Verifying", run.found.n_images, n_all, f"{len(run.found.damaged)} damaged")
    return run.found


def _pages(workspace: Workspace) -> Iterator[list[sqlite3.Row]]:
    last = 0
    # An image that was removed for good has no state.
    sql = "SELECT i.id, i.digest FROM image_state s JOIN image i ON i.id = s.image_id WHERE s.image_id > ? ORDER BY s.image_id LIMIT ?"
    while page := workspace.query(sql, (last, PAGE_SIZE)):
        yield page
        last = page[-1]["id"]


def _places(workspace: Workspace, page: Sequence[sqlite3.Row]) -> dict[int, list[_Place]]:
    """Answer, by image, where the images of a page lie in place."""
    places: dict[int, list[_Place]] = defaultdict(list)
    for row in workspace.query(
        "SELECT o.image_id, o.root_id, r.path AS root, o.path FROM origin o JOIN root r ON r.id = o.root_id"
        " WHERE o.image_id BETWEEN ? AND ? AND r.is_in_place = 1 GROUP BY o.image_id, o.root_id, o.path ORDER BY MIN(o.id)",
        (page[0]["id"], page[-1]["id"]),
    ):
        places[row["image_id"]].append(
            _Place(row["image_id"], row["root_id"], Path(row["root"]), row["path"])
        )
    return places


def _verify_one(run: _Verification, digest: str, places: Sequence[_Place]) -> list[tuple[_Place, str]]:
    """Check one image; answer which of its places have moved, and to where."""
    stored = _digest_at(images.image_path(run.workspace, digest))
    lost = [place for place in places if _digest_at(place.root / place.path) != digest]
    moves = _moves(run, digest, places, lost)
    still_lost = [place for place in lost if place not in dict(moves)]
    is_sound = stored == digest or (stored is None and len(still_lost) < len(places))
    if not is_sound:
        run.n_missing.update({place.root_id for place in still_lost})
        run.found.damaged.append(_damage(run.workspace, digest, still_lost, is_stored=stored is not None))
    elif not images.thumbnail_path(run.workspace, digest).exists():
        run.without_thumbnail.append(digest)
    return moves


def _moves(
    run: _Verification, digest: str, places: Sequence[_Place], lost: Sequence[_Place]
) -> list[tuple[_Place, str]]:
    moves: list[tuple[_Place, str]] = []
    for place in lost:
        taken = {each.path for each in places if each.root_id == place.root_id} | {new for _, new in moves}
        search = run.searches.setdefault(place.root, _Search(place.root))
        new_path = search.find(digest, images.show(run.workspace, digest).n_bytes, taken)
        if new_path is not None:
            moves.append((place, new_path))
            run.found.moved.append(Move(digest, str(place.root), place.path, new_path))
    return moves


def _redraw(run: _Verification) -> None:
    for digest in run.without_thumbnail:
        with contextlib.suppress(
            NotFound, UnreadableImage
        ):  # The reader of its format may have been uninstalled.
            images.thumbnail(run.workspace, digest)
            run.found.n_redrawn += 1
    run.without_thumbnail.clear()


class _Search:
    """The files of one root by size; read when the first lost file asks, and each file's digest once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._by_size: dict[int, list[str]] | None = None
        self._digest = cache(lambda path: _digest_at(root / path))

    def find(self, digest: str, n_bytes: int, taken: set[str]) -> str | None:
        """Answer the first path, in their order, with these bytes and not among the taken ones."""
        if self._by_size is None:
            self._by_size = _files_by_size(self._root)
        return next(
            (
                path
                for path in self._by_size.get(n_bytes, [])
                if path not in taken and self._digest(path) == digest
            ),
            None,
        )


def _files_by_size(root: Path) -> dict[int, list[str]]:
    """List what an import would read below the root."""
    found: dict[int, list[str]] = defaultdict(list)
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            file = Path(folder) / name
            path = file.relative_to(root).as_posix()
            if reading.objection(root, path) is None and (n_bytes := roots.size_of(file)) is not None:
                found[n_bytes].append(path)
    return found


def _digest_at(file: Path) -> str | None:
    try:
        return inspection.digest_of(file.read_bytes())
    except OSError:
        return None


def _damage(workspace: Workspace, digest: str, lost: Sequence[_Place], *, is_stored: bool) -> Damage:
    path = origins.path_and_root(workspace, digest)[0]
    if is_stored:
        return Damage(digest, path, "Its stored bytes are no longer those that its digest names.")
    if lost:
        return Damage(digest, path, " ".join(dict.fromkeys(_why(place) for place in lost)))
    try:
        images.read_bytes(workspace, digest)
    except (NotFound, OSError) as error:
        return Damage(digest, path, str(error))
    return Damage(digest, path, "Its bytes came and went while they were verified.")


def _why(place: _Place) -> str:
    if not place.root.is_dir():
        return f"The folder {place.root} is not there: connect its disk, or say where it is now with: peakid roots relink {place.root} NEW"
    if not (place.root / place.path).exists():
        return f"{place.path} is gone, and its bytes lie nowhere else in {place.root}: put the file back."
    return (
        f"{place.path} has other bytes now, and those of the image lie nowhere else in {place.root}: put them back;"
        " the next import takes the new ones in as a new image."
    )


def _write_moves(run: _Verification, moves: Sequence[tuple[_Place, str]]) -> None:
    """Give origins their new paths, and keep the old ones as history."""
    if not moves:
        return
    with run.workspace.transaction() as connection:
        for place, new_path in moves:
            at = (place.root_id, place.path, place.image_id)
            connection.execute(
                "INSERT INTO origin_move (origin_id, from_path, to_path, actor, moved_at)"
                " SELECT id, path, ?, ?, ? FROM origin WHERE root_id = ? AND path = ? AND image_id = ?",
                (new_path, run.actor, now(), *at),
            )
            connection.execute(
                "UPDATE origin SET path = ? WHERE root_id = ? AND path = ? AND image_id = ?", (new_path, *at)
            )


def _write_counts(run: _Verification) -> None:
    with run.workspace.transaction() as connection:
        for row in connection.execute("SELECT id FROM root WHERE is_in_place = 1").fetchall():
            connection.execute(
                "UPDATE root SET n_missing = ?, verified_at = ? WHERE id = ?",
                (run.n_missing[row["id"]], now(), row["id"]),
            )
