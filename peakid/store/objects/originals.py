"""Where the original of an image is, reading it from its store, and bringing new ones there.

An import writes the files of a batch to the workspace, from the process that decodes them and has no
credentials. `settle` sends them to the store before the rows of the batch are written, and `release` lets the
local files go afterwards. So a process that is killed leaves files too many, never a row without its bytes.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from peakid import files, paths, store_urls
from peakid.imaging import inspection
from peakid.store import tombstones
from peakid.store.objects import cache, image_stores, reading
from peakid.store.objects.image_stores import THUMBNAILS
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl

N_READERS = 24  # Threads that read and decode, where originals are far away: most of them wait.
_AT_ONCE = 500


def locations(workspace: Workspace, digests: Sequence[str]) -> list[str]:
    """Return the path or URL of the original of each image, '' where none may be read.

    The copy in the workspace comes first, then the store, then the places that were imported in place. No
    file is opened and no server asked.
    """
    wanted = [digest for digest in digests if not _copy(workspace, digest).is_file()]
    stores, places = image_stores.stores_of(workspace, wanted), in_place(workspace, wanted)
    elsewhere = {digest: str(places[digest][0]) for digest in wanted if places.get(digest)}
    elsewhere |= {digest: str(image_stores.object_of(store.url, digest)) for digest, store in stores.items()}
    far = set(wanted)
    return [
        elsewhere.get(digest, "") if digest in far else str(_copy(workspace, digest)) for digest in digests
    ]


def in_place(workspace: Workspace, digests: Sequence[str]) -> dict[str, list[Path | StoreUrl]]:
    """Return where images are in the places that were imported in place, in the order of import.

    Places that only a restored backup names are left out until a person accepts them.

    Raises:
        UnsafePath: If a stored path leads out of its place.
    """
    found: dict[str, list[Path | StoreUrl]] = {}
    for begin in range(0, len(digests), _AT_ONCE):
        some = digests[begin : begin + _AT_ONCE]
        for row in workspace.query(
            "SELECT image.digest, root.path AS root, origin.path FROM image"
            " JOIN origin ON origin.image_id = image.id JOIN root ON root.id = origin.root_id"
            f" WHERE image.digest IN ({','.join('?' * len(some))})"
            " AND root.is_in_place = 1 AND root.is_foreign = 0 ORDER BY origin.id",
            list(some),
        ):
            found.setdefault(row["digest"], []).append(_inside(row["root"], row["path"]))
    return found


def remote(workspace: Workspace, digest: str) -> list[StoreUrl]:
    """Return the objects that an image can be read from: in its store, and where it was imported in place."""
    stores = image_stores.stores_of(workspace, [digest])
    own = [image_stores.object_of(store.url, digest) for store in stores.values()]
    placed = in_place(workspace, [digest]).get(digest, [])
    return [*own, *(each for each in placed if isinstance(each, StoreUrl))]


def is_anything_remote(workspace: Workspace) -> bool:
    """Return whether originals of this workspace may be in a store."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM stored_original)"
        " OR EXISTS (SELECT 1 FROM root WHERE is_in_place = 1 AND path GLOB '*://*')"
    )
    row = workspace.one(sql)
    return bool(row and row[0])


def read_object(workspace: Workspace, digest: str, url: StoreUrl, n_bytes: int) -> bytes | None:
    """Return the bytes of an image from an object, and keep them in the cache; None where it is another one.

    Raises:
        StoreUnreachable: If its store does not answer for long.
        StoreRefused: If its store does not accept the credentials.
    """
    try:
        data = reading.fetch(url, n_bytes)  # A larger object is another one.
    except OSError:
        return None
    if inspection.digest_of(data) != digest:
        return None
    cache.of(workspace.cache_dir).put(digest, data)
    return data


def thumbnail(workspace: Workspace, digest: str) -> bytes | None:
    """Return the thumbnail that is beside the original in its store, None without one."""
    store = image_stores.stores_of(workspace, [digest]).get(digest)
    if store is None or not store.has_thumbnails:
        return None
    with contextlib.suppress(OSError):
        return reading.fetch(image_stores.object_of(store.url, digest, kind=THUMBNAILS), 2**20)
    return None


@dataclass(frozen=True)
class Settled:
    """What of a batch is in a store now.

    Attributes:
        store_id: The store that was written to; None = the files stay in the workspace.
        sent: Images whose originals were written to it.
        held: Images whose files in the workspace are no longer needed.
    """

    store_id: int | None = None
    sent: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def settle(workspace: Workspace, written: Iterable[str], damaged: Set[str] = frozenset()) -> Settled:
    """Make the files that were written for new images last; call it before their rows are written.

    Args:
        written: Digests of images that were inspected; their files may be in the workspace.
        damaged: Those among them whose object is replaced.

    Raises:
        StoreRefused: If the store cannot be written.
        StoreUnreachable: If it does not answer for long.
    """
    digests = list(dict.fromkeys(written))
    if not digests:
        return Settled()
    files.sync_disk(workspace.images_dir)  # A power failure leaves no row without its bytes.
    store = image_stores.current(workspace)
    if store is None:
        return Settled()
    there = image_stores.stores_of(workspace, digests)
    local = _known(workspace, digests) - set(there)  # Images from before the store was chosen.
    held = [d for d in digests if d not in local and _copy(workspace, d).is_file()]
    sent = [d for d in held if (d not in there or d in damaged) and not tombstones.is_forgotten(workspace, d)]

    def send(digest: str) -> None:
        data = files.read_regular(_copy(workspace, digest), files.ANY_SIZE)
        image_stores.write(image_stores.object_of(store.url, digest), data)
        small = paths.of_digest(workspace.thumbs_dir, digest, ".jpg")
        if store.has_thumbnails and small.is_file():
            at = image_stores.object_of(store.url, digest, kind=THUMBNAILS)
            image_stores.write(at, small.read_bytes())

    for _ in reading.ahead(sent, send):
        pass
    return Settled(store.store_id, tuple(sent), tuple(held))


def note(connection: sqlite3.Connection, settled: Settled) -> None:
    """Note in the transaction of a batch what `settle` has brought to the store."""
    if settled.store_id is not None:
        image_stores.note(connection, settled.store_id, settled.sent)


def release(workspace: Workspace, settled: Settled) -> None:
    """Move the files of a batch that are in the store into the cache; call it after the rows are written."""
    kept = cache.of(workspace.cache_dir)
    for digest in settled.held:
        copy = _copy(workspace, digest)
        with contextlib.suppress(OSError):
            kept.put(digest, copy.read_bytes())
            copy.unlink()


def remove(workspace: Workspace, digests: Sequence[str]) -> None:
    """Remove the objects of images, and their thumbnails, that this workspace wrote to its stores.

    Raises:
        StoreError: If a store does not answer or allow it.
    """
    for digest, store in image_stores.stores_of(workspace, digests).items():
        for kind in (image_stores.IMAGES, *([THUMBNAILS] if store.has_thumbnails else [])):
            image_stores.remove(image_stores.object_of(store.url, digest, kind=kind))


def _copy(workspace: Workspace, digest: str) -> Path:
    return paths.of_digest(workspace.images_dir, digest)


def _known(workspace: Workspace, digests: Sequence[str]) -> set[str]:
    marks = ",".join("?" * len(digests))
    rows = workspace.query(f"SELECT digest FROM image WHERE digest IN ({marks})", list(digests))
    return {row["digest"] for row in rows}


def _inside(root: str, path: str) -> Path | StoreUrl:
    place = store_urls.place(root)
    return paths.inside(place, path) if isinstance(place, Path) else place.inside(path)
