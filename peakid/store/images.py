"""Images by their digest: their rows, bytes and thumbnails, and how to find one by part of its digest."""

import sqlite3
import string
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from peakid import files, paths
from peakid.errors import AmbiguousDigest, NotFound, WorkspaceNotWritable
from peakid.imaging import gate, inspection
from peakid.imaging.records import Image, Inspection, Measures
from peakid.remedies import action
from peakid.store import origins
from peakid.store.objects import cache, image_stores, originals, reading
from peakid.store.workspace import Workspace, now


def store(
    workspace: Workspace, inspected: Inspection, data: bytes | None, *, is_damaged: bool = False
) -> None:
    """Write the thumbnail and the bytes of an image, unless the files exist and have their size.

    Call it before `add` and outside its transaction. A process that is killed in between leaves a file
    without a row, never a row without a file, and the database is not locked while the disk writes.

    Args:
        data: The bytes to keep, None for an image that stays in its own folder.
        is_damaged: The files were found to be damaged: replace them.

    Raises:
        WorkspaceNotWritable: If the files cannot be written.
    """
    if is_damaged or not has_thumbnail(workspace, inspected.digest):
        _write(thumbnail_path(workspace, inspected.digest), inspected.thumbnail)
    if data is not None and (is_damaged or not has_size(workspace, inspected.digest, len(data))):
        _write(image_path(workspace, inspected.digest), data)


def add(connection: sqlite3.Connection, inspected: Inspection) -> tuple[int, bool]:
    """Insert the row of an image whose files `store` has written; return its id and whether it is new."""
    row = connection.execute("SELECT id FROM image WHERE digest = ?", (inspected.digest,)).fetchone()
    if row is not None:
        return int(row["id"]), False
    one = inspected
    columns = "digest, format, n_bytes, width_px, height_px, phash, dhash, added_at"
    cursor = connection.execute(
        f"INSERT INTO image ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (one.digest, one.format, one.n_bytes, one.width_px, one.height_px, one.phash, one.dhash, now()),
    )
    image_id = int(cursor.lastrowid or 0)
    for table, hashes in (("orientation_hash", one.orientations), ("part_hash", one.parts)):
        connection.execute(f"INSERT INTO {table} (image_id, hashes) VALUES (?, ?)", (image_id, hashes))
    write_measures(connection, image_id, one.measures)
    return image_id, True


def write_measures(connection: sqlite3.Connection, image_id: int, measured: Measures) -> None:
    """Insert the measures of an image, unless it has some."""
    values = {"image_id": image_id, **asdict(measured)}
    marks = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO image_measure ({', '.join(values)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
        list(values.values()),
    )


def sweep(workspace: Workspace) -> int:
    """Remove the halves of images and thumbnails that killed processes left; return how many."""
    return files.sweep(
        folder for place in (workspace.images_dir, workspace.thumbs_dir) for folder in place.glob("??")
    )


def ids_of(workspace: Workspace, digests: Sequence[str]) -> list[int]:
    """Return the numbers of images by their digests; unknown ones are left out."""
    marks = ", ".join("?" * len(digests))
    rows = workspace.query(f"SELECT id FROM image WHERE digest IN ({marks}) ORDER BY id", list(digests))
    return [row["id"] for row in rows]


def image_path(workspace: Workspace, digest: str) -> Path:
    """Return the path of the stored copy of an image. An image in its own folder has no copy."""
    return paths.of_digest(workspace.images_dir, digest)


def thumbnail_path(workspace: Workspace, digest: str) -> Path:
    return paths.of_digest(workspace.thumbs_dir, digest, ".jpg")


def read_bytes(workspace: Workspace, digest: str) -> bytes:
    """Read the bytes of an image from its stored copy, from an image store or from its own folder.

    What comes from a store is compared with the digest, and kept in a cache for the next time.

    Raises:
        NotFound: If there is no such image, or the file was moved, removed or changed.
        StoreUnreachable: If its store does not answer for long.
        StoreRefused: If its store does not accept the credentials.
    """
    try:
        return image_path(workspace, digest).read_bytes()
    except FileNotFoundError:
        return cache.of(workspace.cache_dir).get(digest) or _read_elsewhere(workspace, digest)


def locations(workspace: Workspace, digests: Sequence[str]) -> list[str]:
    """Return the path or URL of the original of each image, '' where none may be read; no file is opened."""
    return originals.locations(workspace, digests)


def read_many(workspace: Workspace, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the digest and the bytes of images, in order; from a store, several are read ahead.

    Raises:
        NotFound: As `read_bytes`, when the turn of the image comes.
    """
    if not originals.is_anything_remote(workspace):
        return ((digest, read_bytes(workspace, digest)) for digest in digests)

    def read(digest: str) -> bytes:
        try:
            return read_bytes(workspace, digest)
        finally:
            workspace.close()  # The connection of this thread.

    return reading.ahead(digests, read)


def n_readers(workspace: Workspace) -> int | None:
    """Return how many threads should read images at once; None = as many as decode, as from a disk."""
    return originals.N_READERS if originals.is_anything_remote(workspace) else None


def has_size(workspace: Workspace, digest: str, n_bytes: int) -> bool:
    """Return whether the stored copy of an image exists and has this size, without reading it."""
    try:
        return image_path(workspace, digest).stat().st_size == n_bytes
    except OSError:
        return False


def has_thumbnail(workspace: Workspace, digest: str) -> bool:
    """Return whether a thumbnail exists; a power failure can leave an empty file."""
    try:
        return thumbnail_path(workspace, digest).stat().st_size > 0
    except OSError:
        return False


def discard(workspace: Workspace, digest: str) -> None:
    """Delete the stored copy and the thumbnail of an image that is removed for good; for nothing else."""
    image_path(workspace, digest).unlink(missing_ok=True)
    thumbnail_path(workspace, digest).unlink(missing_ok=True)
    cache.of(workspace.cache_dir).discard(digest)


def has_bytes(workspace: Workspace, digest: str) -> bool:
    """Return whether the file of an image exists, without reading it; of an object in a store, its row."""
    return (
        image_path(workspace, digest).is_file()
        or any(path.is_file() for path in origins.in_place_files(workspace, digest))
        or bool(originals.remote(workspace, digest))
    )


def thumbnail(workspace: Workspace, digest: str) -> bytes:
    """Read the thumbnail of an image (JPEG, long side at most 256 px); a missing one is made again.

    Raises:
        NotFound: If there is no such image, or neither its thumbnail nor its file exists, or its stored bytes
            are those of another image.
        UnreadableImage: If its file can no longer be decoded within the limits.
    """
    path = thumbnail_path(workspace, digest)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if (stored := originals.thumbnail(workspace, digest)) is not None:
            _write(path, stored)
            return stored
        fresh = gate.call(inspection.inspect, read_bytes(workspace, digest))
        if fresh.digest != digest:
            raise NotFound(
                f"The stored bytes of image {digest[:12]} are those of another one.",
                "Import the image again.",
                action("import_images"),
                action("verify_images"),
            ) from None
        _write(path, fresh.thumbnail)
        return fresh.thumbnail


def resolve(workspace: Workspace, prefix: str) -> str:
    """Complete a shortened digest.

    Raises:
        NotFound: If no image has it, or it is not a hexadecimal number.
        AmbiguousDigest: If the digests of several images start with it.
    """
    wanted = prefix.strip().lower()
    if not wanted or not set(wanted) <= set(string.hexdigits):
        raise NotFound(
            f"{prefix!r} is not a digest: a digest has only the characters 0-9 and a-f.",
            origins.COPY_DIGEST,
            action("show_log"),
        )
    # A range on the unique index; 'g' comes after every hex digit.
    rows = workspace.query(
        "SELECT digest FROM image WHERE digest >= ? AND digest < ? ORDER BY digest LIMIT 3",
        (wanted, wanted + "g"),
    )
    if not rows:
        message = f"No image has a digest that starts with {prefix!r}."
        raise NotFound(message, origins.COPY_DIGEST, action("show_log"))
    if len(rows) > 1:
        some = ", ".join(row["digest"][: len(wanted) + 4] for row in rows)
        raise AmbiguousDigest(
            f"The digests of several images start with {prefix!r}: {some} ...", "Give more of its digits."
        )
    return rows[0]["digest"]


def show(workspace: Workspace, digest: str) -> Image:
    """Return the row of an image.

    Raises:
        NotFound: If there is no such image.
    """
    row = workspace.one(
        "SELECT id, digest, format, n_bytes, width_px, height_px, grey_range FROM image"
        " LEFT JOIN image_measure ON image_id = id WHERE digest = ?",
        (digest,),
    )
    if row is None:
        raise origins.unknown_image(digest)
    return Image(*row)


def _write(path: Path, data: bytes) -> None:
    try:
        files.write_bytes(path, data)  # Two processes may race; both write the same bytes.
    except OSError as error:
        found = files.explained(error, path)
        raise WorkspaceNotWritable(
            found.message if found else f"{path} cannot be written: {error.strerror or error}.",
            found.remedy if found else "Check the permissions of the workspace and its disk.",
        ) from error


def _read_elsewhere(workspace: Workspace, digest: str) -> bytes:
    """Read an image without a stored copy: from its store, or where it was imported in place."""
    n_bytes = show(workspace, digest).n_bytes
    in_place = originals.in_place(workspace, [digest]).get(digest, [])
    for place in in_place:
        if isinstance(place, Path) and (data := _read_file(place, digest, n_bytes)) is not None:
            return data
    objects = originals.remote(workspace, digest)
    for url in objects:
        if (data := originals.read_object(workspace, digest, url, n_bytes)) is not None:
            return data
    tried = [str(each) for each in (*(each for each in in_place if isinstance(each, Path)), *objects)]
    raise _missing(workspace, digest, tried)


def _read_file(path: Path, digest: str, n_bytes: int) -> bytes | None:
    try:
        data = files.read_regular(path, n_bytes)  # A larger file is another one.
    except OSError:
        return None
    return data if inspection.digest_of(data) == digest else None


def _missing(workspace: Workspace, digest: str, tried: Sequence[str]) -> NotFound:
    foreign = origins.foreign_root(workspace, digest) or image_stores.foreign_store(workspace, digest)
    if foreign:
        return NotFound(
            f"Image {digest[:12]} is in {foreign}: only the restored backup says so, and it is not read yet.",
            "Accept that place if it is yours, or relink it.",
            action("accept_root", path=foreign),
        )
    if not tried:
        return NotFound(
            f"The stored copy of image {digest[:12]} is missing: {image_path(workspace, digest)}.",
            "Import the original file again, or restore a backup. Labels and decisions are kept.",
            action("import_images"),
            action("restore_backup"),
        )
    return NotFound(
        f"The bytes of image {digest[:12]} are missing: {' and '.join(tried)} was moved, removed or changed.",
        "Put the file back, or import the folder where it is now. Labels and decisions are kept.",
        action("import_images"),
        action("verify_images"),
    )
