"""The image stores of a workspace: where new originals are written, and which original is where."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from peakid import paths, store_urls
from peakid.errors import BadInput
from peakid.store.objects import failures, opening, waiting
from peakid.store.workspace import Workspace, now
from peakid.store_urls import StoreUrl

MARKER = "peakid-store.json"  # In the place of a store; an import skips what is beside it.
IMAGES, THUMBNAILS = "images", "thumbs"
_AT_ONCE = 500  # Digests in one query.


@dataclass(frozen=True)
class ImageStore:
    """A place where originals of this workspace are.

    Attributes:
        is_current: New originals are written there.
        has_thumbnails: Their thumbnails, too.
        is_foreign: Only a restored backup names it; it is not read until a person accepts it.
        n_images: Originals there.
    """

    store_id: int
    url: str
    is_current: bool
    has_thumbnails: bool
    is_foreign: bool
    n_images: int


def list_stores(workspace: Workspace) -> list[ImageStore]:
    """List the stores with originals of a workspace, the current one first."""
    rows = workspace.query(
        "SELECT id, url, is_current, has_thumbnails, is_foreign,"
        " (SELECT COUNT(*) FROM stored_original WHERE store_id = s.id) AS n_images"
        " FROM image_store s ORDER BY is_current DESC, id"
    )
    return [
        ImageStore(r["id"], r["url"], bool(r[2]), bool(r[3]), bool(r[4]), r["n_images"])
        for r in rows
        if r["is_current"] or r["n_images"]
    ]


def current(workspace: Workspace) -> ImageStore | None:
    """Return the store where new originals are written; None = the folder of the workspace."""
    row = workspace.one("SELECT id, url, has_thumbnails FROM image_store WHERE is_current = 1")
    return None if row is None else ImageStore(row["id"], row["url"], True, bool(row[2]), False, 0)


def set_current(workspace: Workspace, url: StoreUrl | None, *, has_thumbnails: bool = False) -> None:
    """Write new originals of a workspace to a store from now on; None = to the folder of the workspace.

    Images that the workspace has stay where they are. A small file is written to the place and read again,
    which proves the address and the rights.

    Raises:
        BadInput: If the place is in use by another workspace.
        StoreRefused: If it cannot be written.
        StoreUnreachable: If the store does not answer.
        ExtraMissing: If the package for such stores is not installed.
    """
    if url is not None:
        _claim(workspace, url)
    with workspace.transaction() as connection:
        connection.execute("UPDATE image_store SET is_current = 0")
        if url is not None:
            connection.execute(
                "INSERT INTO image_store (url, is_current, has_thumbnails, set_at) VALUES (?, 1, ?, ?)"
                " ON CONFLICT (url) DO UPDATE SET is_current = 1, is_foreign = 0,"
                " has_thumbnails = excluded.has_thumbnails",
                (str(url), int(has_thumbnails), now()),
            )


def accept(connection: sqlite3.Connection, url: str) -> bool:
    """Read the originals in a store that a restored backup names; return whether there is such a store."""
    return bool(connection.execute("UPDATE image_store SET is_foreign = 0 WHERE url = ?", (url,)).rowcount)


def mark_foreign(connection: sqlite3.Connection, accepted: set[str] | None) -> None:
    """Mark the stores that a restored backup names, but those of `accepted`; None accepts all of them."""
    for row in connection.execute("SELECT id, url FROM image_store").fetchall():
        is_foreign = accepted is not None and row["url"] not in accepted
        connection.execute(
            "UPDATE image_store SET is_foreign = ?, is_current = is_current AND NOT ? WHERE id = ?",
            (is_foreign, is_foreign, row["id"]),
        )


def object_of(store_url: str, digest: str, *, kind: str = IMAGES) -> StoreUrl:
    """Return where the original of an image is in a store, or with `kind` its thumbnail."""
    name = paths.checked_digest(digest)
    suffix = ".jpg" if kind == THUMBNAILS else ""
    return store_urls.parse(store_url).inside(f"{kind}/{name[:2]}/{name}{suffix}")


def stores_of(workspace: Workspace, digests: Sequence[str]) -> dict[str, ImageStore]:
    """Return the store of each image whose original is in one that may be read."""
    found = {}
    for begin in range(0, len(digests), _AT_ONCE):
        some = digests[begin : begin + _AT_ONCE]
        for row in workspace.query(
            "SELECT i.digest, s.id, s.url, s.is_current, s.has_thumbnails FROM image i"
            " JOIN stored_original o ON o.image_id = i.id"
            " JOIN image_store s ON s.id = o.store_id"
            f" WHERE s.is_foreign = 0 AND i.digest IN ({','.join('?' * len(some))})",
            list(some),
        ):
            store = ImageStore(row["id"], row["url"], bool(row[3]), bool(row[4]), False, 0)
            found[row["digest"]] = store
    return found


def foreign_store(workspace: Workspace, digest: str) -> str | None:
    """Return a store with this image that only a restored backup names, None without one."""
    row = workspace.one(
        "SELECT s.url FROM image i JOIN stored_original o ON o.image_id = i.id"
        " JOIN image_store s ON s.id = o.store_id WHERE i.digest = ? AND s.is_foreign = 1",
        (digest,),
    )
    return None if row is None else row["url"]


def note(connection: sqlite3.Connection, store_id: int, digests: Iterable[str]) -> None:
    """Note that the originals of images are in a store."""
    connection.executemany(
        "INSERT INTO stored_original (image_id, store_id) SELECT id, ? FROM image WHERE digest = ?"
        " ON CONFLICT (image_id) DO UPDATE SET store_id = excluded.store_id",
        [(store_id, digest) for digest in digests],
    )


def write(url: StoreUrl, data: bytes) -> None:
    """Write an object, replacing an existing one.

    Raises:
        StoreRefused: If it cannot be written.
        StoreUnreachable: If its store does not answer for long.
    """
    system = opening.file_system(url)

    def send() -> None:
        if url.scheme == "file":
            system.makedirs(str(url).rpartition("/")[0], exist_ok=True)
        system.pipe_file(str(url), data)

    try:
        waiting.call(url, send)
    except OSError as error:
        raise failures.refusal_of_place(error, url) from error


def remove(url: StoreUrl) -> None:
    """Remove an object that this workspace wrote; it may be gone already.

    Raises:
        StoreRefused: If it cannot be removed.
        StoreUnreachable: If its store does not answer for long.
    """
    system = opening.file_system(url)
    try:
        waiting.call(url, lambda: system.rm_file(str(url)))
    except FileNotFoundError:
        return
    except OSError as error:
        raise failures.refusal_of_place(error, url) from error


def _claim(workspace: Workspace, url: StoreUrl) -> None:
    """Write who uses a place, unless another workspace does."""
    marker, own = url.inside(MARKER), workspace.identity()
    system = opening.file_system(url)
    try:
        known = json.loads(waiting.call(url, lambda: system.cat_file(str(marker))))
        owner = known.get("workspace") if isinstance(known, dict) else ""
    except FileNotFoundError:
        owner = ""
    except ValueError:
        owner = "of another program"
    except OSError as error:
        raise failures.refusal_of_place(error, url) from error
    if owner and owner != own and not _knows(workspace, url):
        raise BadInput(f"Another workspace writes its originals to {url}.", "Choose another folder.")
    text = json.dumps({"what": "Originals of images of a Peakid workspace, by digest.", "workspace": own})
    write(marker, text.encode())


def _knows(workspace: Workspace, url: StoreUrl) -> bool:
    """Return whether originals of this workspace are there: it was copied, moved or restored."""
    return any(each.url == str(url) and each.n_images for each in list_stores(workspace))
