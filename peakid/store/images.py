"""Images by their content: what one reduced decode tells, where bytes and thumbnails lie, how an image is found again."""

import contextlib
import os
import sqlite3
import string
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from peakid.errors import AmbiguousDigest, NotFound, WorkspaceNotWritable
from peakid.imaging import inspection
from peakid.imaging.records import Image, Inspection, Measures, Origin
from peakid.store.workspace import Workspace, now


def store(workspace: Workspace, look: Inspection, data: bytes | None) -> None:
    """Write thumbnail and bytes under the image's digest; what is there already stays untouched.

    Comes before the row that names them and outside its transaction: a process killed in between leaves a file
    that nobody knows, never a row without its file, and nobody waits for the disk while the database is locked.

    Args:
        data: None for an image that stays where it is.

    Raises:
        WorkspaceNotWritable: If the disk does not take them.
    """
    _write_once(thumbnail_path(workspace, look.digest), look.thumbnail)
    if data is not None:
        _write_once(image_path(workspace, look.digest), data)


def add(
    connection: sqlite3.Connection, workspace: Workspace, look: Inspection, data: bytes | None
) -> tuple[int, bool]:
    """Write an image's row unless it has one; answer its id and whether it is new.

    Args:
        data: The bytes to keep (stored first where `store` has not done so), None for an image that stays where it is.
    """
    store(workspace, look, data)
    row = connection.execute("SELECT id FROM image WHERE digest = ?", (look.digest,)).fetchone()
    if row is not None:
        return int(row["id"]), False
    cursor = connection.execute(
        "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            look.digest,
            look.format,
            look.n_bytes,
            look.width_px,
            look.height_px,
            look.phash,
            look.dhash,
            now(),
        ),
    )
    image_id = int(cursor.lastrowid or 0)
    connection.execute(
        "INSERT INTO orientation_hash (image_id, hashes) VALUES (?, ?)", (image_id, look.orientations)
    )
    connection.execute("INSERT INTO part_hash (image_id, hashes) VALUES (?, ?)", (image_id, look.parts))
    write_measures(connection, image_id, look.measures)
    return image_id, True


def write_measures(connection: sqlite3.Connection, image_id: int, measured: Measures) -> None:
    """Write down what an image is like, unless it is written already."""
    values = {"image_id": image_id, **asdict(measured)}
    connection.execute(
        f"INSERT INTO image_measure ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) ON CONFLICT DO NOTHING",
        list(values.values()),
    )


def image_path(workspace: Workspace, digest: str) -> Path:
    """Answer where the stored copy of an image lies, if there is one."""
    return workspace.images_dir / digest[:2] / digest


def thumbnail_path(workspace: Workspace, digest: str) -> Path:
    return workspace.thumbs_dir / digest[:2] / f"{digest}.jpg"


def read_bytes(workspace: Workspace, digest: str) -> bytes:
    """Read an image's bytes from its stored copy, else from the folder it was left in.

    Raises:
        NotFound: If nobody knows the digest, or the file was moved, removed or changed.
    """
    try:
        return image_path(workspace, digest).read_bytes()
    except FileNotFoundError:
        return _read_in_place(workspace, digest)


def discard(workspace: Workspace, digest: str) -> None:
    """Remove the stored copy and the thumbnail of an image that must go by right; for nothing else."""
    image_path(workspace, digest).unlink(missing_ok=True)
    thumbnail_path(workspace, digest).unlink(missing_ok=True)


def has_bytes(workspace: Workspace, digest: str) -> bool:
    """Tell whether an image's file is where it should be, without reading it."""
    return image_path(workspace, digest).is_file() or any(
        path.is_file() for path in _in_place_paths(workspace, digest)
    )


def thumbnail(workspace: Workspace, digest: str) -> bytes:
    """Read an image's thumbnail (JPEG, long side at most 256 px), drawing it again where it was lost.

    Raises:
        NotFound: If nobody knows the digest, or neither thumbnail nor image can be found.
    """
    path = thumbnail_path(workspace, digest)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        fresh = inspection.inspect(read_bytes(workspace, digest)).thumbnail
        _write_once(path, fresh)
        return fresh


def resolve(workspace: Workspace, prefix: str) -> str:
    """Complete a shortened digest.

    Raises:
        NotFound: If no image has it, or it is no hex number.
        AmbiguousDigest: If several images begin with it.
    """
    wanted = prefix.strip().lower()
    if not wanted or not set(wanted) <= set(string.hexdigits):
        raise NotFound(
            f"{prefix!r} is not a digest: only 0-9 and a-f can stand in one.",
            "Copy it from `peakid log` or a page.",
        )
    # A range on the unique index; 'g' comes after every hex digit.
    rows = workspace.query(
        "SELECT digest FROM image WHERE digest >= ? AND digest < ? ORDER BY digest LIMIT 3",
        (wanted, wanted + "g"),
    )
    if not rows:
        raise NotFound(
            f"No image has a digest that begins with {prefix!r}.", "Copy it from `peakid log` or a page."
        )
    if len(rows) > 1:
        raise AmbiguousDigest(
            f"Several images begin with {prefix!r}: {', '.join(row['digest'][: len(wanted) + 4] for row in rows)} ...",
            "Give more of its digits.",
        )
    return rows[0]["digest"]


def show(workspace: Workspace, digest: str) -> Image:
    """Answer what the database knows of an image.

    Raises:
        NotFound: If nobody knows the digest.
    """
    row = workspace.one(
        "SELECT id, digest, format, n_bytes, width_px, height_px FROM image WHERE digest = ?", (digest,)
    )
    if row is None:
        raise _unknown(digest)
    return Image(row["id"], row["digest"], row["format"], row["n_bytes"], row["width_px"], row["height_px"])


def origins(workspace: Workspace, digest: str) -> list[Origin]:
    """List every place an image was seen at, first seen first.

    Raises:
        NotFound: If nobody knows the digest.
    """
    rows = workspace.query(
        "SELECT origin.source, root.path AS root, origin.path, origin.label, origin.split, root.is_in_place FROM image"
        " JOIN origin ON origin.image_id = image.id LEFT JOIN root ON root.id = origin.root_id"
        " WHERE image.digest = ? ORDER BY origin.id",
        (digest,),
    )
    if not rows:
        raise _unknown(digest)
    return [
        Origin(r["source"], r["root"], r["path"], r["label"], r["split"], bool(r["is_in_place"]))
        for r in rows
    ]


def path_and_root(workspace: Workspace, digest: str) -> tuple[str, str | None]:
    """Answer the path that names an image to people, that of its first origin, and the root it is relative to.

    Raises:
        NotFound: If nobody knows the digest.
    """
    first = origins(workspace, digest)[0]
    return first.path, first.root


def _write_once(path: Path, data: bytes) -> None:
    if path.exists():
        return
    # Renamed, not written in place: a reader must never see half an image. Two writers may race; both write the same.
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise WorkspaceNotWritable(
            f"{path} cannot be written: {error.strerror or error}.",
            "Check the workspace's permissions and the free space of its disk.",
        ) from error


def _read_in_place(workspace: Workspace, digest: str) -> bytes:
    show(workspace, digest)
    tried = []
    for path in _in_place_paths(workspace, digest):
        tried.append(str(path))
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if inspection.digest_of(data) == digest:
            return data
    raise NotFound(
        f"The bytes of image {digest[:12]} are gone: {' and '.join(tried) or 'its stored copy'} was moved, removed or changed.",
        "Put the file back, or import the folder it lies in now; labels and decisions are kept.",
    )


def _in_place_paths(workspace: Workspace, digest: str) -> Iterator[Path]:
    return (
        Path(origin.root) / origin.path
        for origin in origins(workspace, digest)
        if origin.root and origin.is_in_place
    )


def _unknown(digest: str) -> NotFound:
    return NotFound(f"No image has the digest {digest!r}.", "Copy it from `peakid log` or a page.")
