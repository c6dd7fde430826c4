"""Check the database and the bytes of every image, and find files that were moved inside an in-place root."""

import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from peakid import files, paths, progress_text, store_urls
from peakid.acquire import reading, roots
from peakid.acquire.objects import listing
from peakid.embed import stored
from peakid.errors import NotFound, UnreadableImage
from peakid.imaging import inspection
from peakid.records import Report, no_report
from peakid.store import damaged_images, images, integrity, origins, saved_decisions
from peakid.store.objects import image_stores
from peakid.store.objects import reading as objects
from peakid.store.workspace import Workspace, now
from peakid.store_urls import StoreUrl

PAGE_SIZE = 200  # Images per transaction.
DIGEST_CHARS = 64  # Temporary files beside the images have longer names.


@dataclass(frozen=True)
class Damage:
    """An image whose bytes can no longer be read; `path` is that of its first origin."""

    digest: str
    path: str
    reason: str


@dataclass(frozen=True)
class Move:
    """A file that was moved inside its root."""

    digest: str
    root: str
    path: str
    new_path: str


@dataclass
class Verified:
    """Result of one check.

    Attributes:
        n_redrawn: Missing thumbnails that were made again.
        database: What is wrong with the database, in words; empty where it is sound.
        losses: Saved decisions that the database no longer has, in words.
        n_unknown: Stored files that no image of the database has, as after an older copy was put in place.
        notes: What is incomplete and can be computed again, in words.
    """

    n_images: int = 0
    n_redrawn: int = 0
    damaged: list[Damage] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    database: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    n_unknown: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """One path of one image in an in-place root, which is a folder or a place in a store."""

    image_id: int
    root_id: int
    root: Path | StoreUrl
    path: str


@dataclass
class _Verification:
    workspace: Workspace
    actor: str
    found: Verified = field(default_factory=Verified)
    n_missing: Counter[int] = field(default_factory=Counter)
    searches: dict[Path | StoreUrl, "_Search"] = field(default_factory=dict)
    objects: dict[StoreUrl, str | None] = field(default_factory=dict)  # Digests of the page's objects.
    without_thumbnail: list[str] = field(default_factory=list)


def verify(workspace: Workspace, *, actor: str, report: Report = no_report) -> Verified:
    """Check the database, and compare the bytes of every image with its digest.

    Missing thumbnails are made again. Damaged images are noted, so that the next import of the same bytes
    writes them again.

    A file that was moved or renamed inside its root is searched by size, then by digest. Its origin gets the
    new path, and `origin_move` keeps the old one. A file that was changed counts as damaged; the next import
    adds its new bytes as a new image. Files of in-place roots are never written.
    """
    run = _Verification(workspace, actor)
    report("Checking the database", 0, 0, "")
    run.found.database += integrity.full_check(workspace.connection())
    run.found.notes += stored.incomplete(workspace)
    run.found.losses += [loss.text() for loss in saved_decisions.losses(workspace.connection())]
    n_all = workspace.query("SELECT COUNT(*) AS n FROM image_state")[0]["n"]
    for page in _pages(workspace):
        places, moves = _places(workspace, page), []
        objects_of = _read_objects(run, [row["digest"] for row in page], places)
        for row in page:
            _report_verified(run, n_all, report)
            moves += _verify_one(run, row["digest"], places.get(row["id"], []), objects_of.get(row["digest"]))
            run.found.n_images += 1
        _write_moves(run, moves)
        _note_damage(run, [row["digest"] for row in page])
        _redraw(run)
    _write_counts(run)
    run.found.n_unknown = _n_unknown(workspace)
    _report_verified(run, n_all, report)
    return run.found


def _report_verified(run: _Verification, n_all: int, report: Report) -> None:
    counted = progress_text.counted(run.found.n_images, n_all, "images")
    report("Verifying images", run.found.n_images, n_all, f"{counted}, {len(run.found.damaged)} damaged")


def _pages(workspace: Workspace) -> Iterator[list[sqlite3.Row]]:
    last = 0
    # An image that was removed for good has no state.
    sql = (
        "SELECT i.id, i.digest FROM image_state s JOIN image i ON i.id = s.image_id"
        " WHERE s.image_id > ? ORDER BY s.image_id LIMIT ?"
    )
    while page := workspace.query(sql, (last, PAGE_SIZE)):
        yield page
        last = page[-1]["id"]


def _places(workspace: Workspace, page: Sequence[sqlite3.Row]) -> dict[int, list[_Place]]:
    """Return the places of the images of one page in in-place roots, by image id."""
    places: dict[int, list[_Place]] = defaultdict(list)
    for row in workspace.query(
        "SELECT o.image_id, o.root_id, r.path AS root, o.path FROM origin o JOIN root r ON r.id = o.root_id"
        " WHERE o.image_id BETWEEN ? AND ? AND r.is_in_place = 1 AND r.is_foreign = 0"
        " GROUP BY o.image_id, o.root_id, o.path ORDER BY MIN(o.id)",
        (page[0]["id"], page[-1]["id"]),
    ):
        place = _Place(row["image_id"], row["root_id"], store_urls.place(row["root"]), row["path"])
        places[row["image_id"]].append(place)
    return places


def _read_objects(
    run: _Verification, digests: Sequence[str], places: Mapping[int, Sequence[_Place]]
) -> dict[str, StoreUrl]:
    """Read the objects of one page, several at once; return those in stores of the workspace by image."""
    without = [each for each in digests if not images.image_path(run.workspace, each).is_file()]
    stores = image_stores.stores_of(run.workspace, without)
    stored = {digest: image_stores.object_of(store.url, digest) for digest, store in stores.items()}
    all_places = [place for of_image in places.values() for place in of_image]
    in_place = [each.root.inside(each.path) for each in all_places if isinstance(each.root, StoreUrl)]
    run.objects = dict(objects.ahead(dict.fromkeys([*stored.values(), *in_place]), _digest_of_object))
    return stored


def _verify_one(
    run: _Verification, digest: str, places: Sequence[_Place], stored_at: StoreUrl | None
) -> list[tuple[_Place, str]]:
    """Check one image; return those of its places that were moved, with their new paths."""
    stored = _digest_at(images.image_path(run.workspace, digest))
    if stored is None and stored_at is not None:
        stored = run.objects.get(stored_at)
    lost = [place for place in places if _digest_in(run, place) != digest]
    moves = _moves(run, digest, places, lost)
    still_lost = [place for place in lost if place not in dict(moves)]
    is_sound = stored == digest or (stored is None and len(still_lost) < len(places))
    if not is_sound:
        run.n_missing.update({place.root_id for place in still_lost})
        damage = _damage(run.workspace, digest, still_lost, stored_at, is_stored=stored is not None)
        run.found.damaged.append(damage)
    elif not images.has_thumbnail(run.workspace, digest):
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


def _note_damage(run: _Verification, digests: Sequence[str]) -> None:
    """Note which of the images just checked are damaged, and drop the notes about those that are sound."""
    checked, noted = set(digests), damaged_images.digests(run.workspace)
    reasons = {each.digest: each.reason for each in run.found.damaged if each.digest in checked}
    sound = (noted & checked) - set(reasons)
    if reasons or sound:
        with run.workspace.transaction() as connection:
            damaged_images.note(connection, reasons)
            damaged_images.clear(connection, sound)


def _n_unknown(workspace: Workspace) -> int:
    """Count the stored files that the database does not know, without those of images removed for good."""
    known = {row["digest"] for row in workspace.query("SELECT digest FROM image")}
    return sum(
        len(file.name) == DIGEST_CHARS and file.name not in known
        for file in workspace.images_dir.glob("??/*")
    )


def _redraw(run: _Verification) -> None:
    for digest in run.without_thumbnail:
        # The reader of its format may have been uninstalled.
        with contextlib.suppress(NotFound, UnreadableImage):
            images.thumbnail(run.workspace, digest)
            run.found.n_redrawn += 1
    run.without_thumbnail.clear()


class _Search:
    """The files of one root by size. The folder is read at the first search, and each file at most once."""

    def __init__(self, root: Path | StoreUrl) -> None:
        self._root = root
        self._by_size: dict[int, list[str]] | None = None
        self._digest = cache(lambda path: _digest_below(root, path))

    def find(self, digest: str, n_bytes: int, taken: set[str]) -> str | None:
        """Return the first path, in sorted order, with these bytes that is not taken, None without one."""
        if self._by_size is None:
            self._by_size = _files_by_size(self._root)
        same_size = (path for path in self._by_size.get(n_bytes, []) if path not in taken)
        return next((path for path in same_size if self._digest(path) == digest), None)


def _files_by_size(root: Path | StoreUrl) -> dict[int, list[str]]:
    """List the files in a root that an import would read, by size."""
    found: dict[int, list[str]] = defaultdict(list)
    if isinstance(root, StoreUrl):
        for path, n_bytes in listing.sizes(root).items():
            if paths.is_inside(path):
                found[n_bytes].append(path)
        return found
    for path in reading.paths_below(root):
        if reading.rejection(root, path) is None and (n_bytes := roots.size_of(root / path)) is not None:
            found[n_bytes].append(path)
    return found


def _digest_at(file: Path) -> str | None:
    try:
        return inspection.digest_of(files.read_regular(file, files.ANY_SIZE))
    except OSError:
        return None


def _digest_of_object(url: StoreUrl) -> str | None:
    try:
        return inspection.digest_of(objects.fetch(url))
    except OSError:
        return None


def _digest_in(run: _Verification, place: _Place) -> str | None:
    if isinstance(place.root, StoreUrl):
        return run.objects.get(place.root.inside(place.path))
    return _digest_below(place.root, place.path)


def _digest_below(root: Path | StoreUrl, path: str) -> str | None:
    """Return the digest of a file in a root that was left in place. It may be anything by now."""
    if isinstance(root, StoreUrl):
        return _digest_of_object(root.inside(path))
    return _digest_at(paths.inside(root, path))


def _damage(
    workspace: Workspace,
    digest: str,
    lost: Sequence[_Place],
    stored_at: StoreUrl | None,
    *,
    is_stored: bool,
) -> Damage:
    path = origins.path_and_root(workspace, digest)[0]
    if is_stored:
        return Damage(
            digest,
            path,
            "Its stored bytes no longer match its digest. Import the original file again, or restore a"
            " backup.",
        )
    if stored_at is not None:
        gone = f"{stored_at} does not exist any more. Import the original file again, or restore the object."
        return Damage(digest, path, gone)
    if lost:
        return Damage(digest, path, " ".join(dict.fromkeys(_why(place) for place in lost)))
    try:
        images.read_bytes(workspace, digest)
    except (NotFound, OSError) as error:
        return Damage(digest, path, str(error))
    return Damage(digest, path, "Its bytes changed during the check.")


def _why(place: _Place) -> str:
    if isinstance(place.root, StoreUrl):
        return (
            f"{place.path} is not in {place.root} any more, or was changed, and no other object there has the"
            " bytes of the image: put it back. The next import adds new bytes as a new image."
        )
    if not place.root.is_dir():
        return f"The folder {place.root} does not exist: connect its disk, or relink it if it was moved."
    if not paths.inside(place.root, place.path).exists():
        return f"{place.path} does not exist, and no other file in {place.root} has its bytes: put it back."
    return (
        f"{place.path} was changed, and no other file in {place.root} has the bytes of the image: restore the"
        " file. The next import adds the new bytes as a new image."
    )


def _write_moves(run: _Verification, moves: Sequence[tuple[_Place, str]]) -> None:
    """Update the paths of origins, and keep the old ones as history."""
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
        for row in connection.execute(
            "SELECT id FROM root WHERE is_in_place = 1 AND is_foreign = 0"
        ).fetchall():
            connection.execute(
                "UPDATE root SET n_missing = ?, verified_at = ? WHERE id = ?",
                (run.n_missing[row["id"]], now(), row["id"]),
            )
