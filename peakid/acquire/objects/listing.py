"""What is below a place in an image store: the objects with their size and version, and what is skipped."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakid import clean_text, paths, settings
from peakid.acquire import layout, not_photos, reading
from peakid.errors import NothingToImport, NotPhotos
from peakid.records import RejectionReason
from peakid.store.objects import failures, image_stores, opening, waiting
from peakid.store.workspace import DATABASE_NAME
from peakid.store_urls import StoreUrl

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VERSIONS = ("ETag", "etag", "md5Hash", "crc32c", "contentHash")  # As S3, Google and others name them.
_TIMES = ("LastModified", "updated", "mtime", "created", "last_modified")


@dataclass(frozen=True)
class Found:
    """One object.

    Attributes:
        path: Below the place, with `/`.
        version: Another value says that its bytes may have changed: checksum, size and time as the store
            states them.
        rejection: Why it is not read, None if it is.
    """

    path: str
    n_bytes: int
    version: str
    rejection: tuple[RejectionReason, str] | None = None


def read(url: StoreUrl) -> list[Found]:
    """List the objects below a place, in the order of their paths.

    Raises:
        NotPhotos: If it holds a workspace, or the originals of one.
        NothingToImport: If there is no object.
        StoreRefused: If it cannot be listed: no such bucket, wrong credentials.
        StoreUnreachable: If the store does not answer for long.
        ExtraMissing: If the package for such stores is not installed.
    """
    objects = _listed(url)
    apart = {folder: why for path in objects for folder, why in _apart(path)}
    if "" in apart:
        raise NotPhotos(
            f"{url} is {apart['']}, not a folder of photos.", "Choose the folder with the photos."
        )
    found = [_found(path, objects[path], apart) for path in sorted(objects)]
    if not found:
        raise NothingToImport(
            f"{url} has no objects.", "Choose the prefix with the photos or the class folders."
        )
    return found


def sizes(url: StoreUrl) -> dict[str, int]:
    """Return the size in bytes of each object below a place, by its path. It raises the errors of `read`."""
    return {path: _size(info) for path, info in _listed(url).items()}


def _listed(url: StoreUrl) -> dict[str, Mapping[str, Any]]:
    system = opening.file_system(url)
    try:
        found = waiting.call(url, lambda: system.find(str(url), detail=True, withdirs=False))
        if not found and not waiting.call(url, lambda: _is_there(system, url)):
            raise failures.no_bucket(url)
    except OSError as error:
        raise failures.refusal_of_place(error, url) from error
    top = f"{system._strip_protocol(str(url)).rstrip('/')}/"
    below = {name.removeprefix(top): info for name, info in found.items() if name.startswith(top)}
    return {path: info for path, info in below.items() if path and not path.endswith("/")}


def _is_there(system: "AbstractFileSystem", url: StoreUrl) -> bool:
    """Return whether the bucket of an empty place exists, or for `file` and `memory` the place itself."""
    at = str(url) if url.scheme in ("file", "memory") else url.server
    return bool(system.exists(at))


def _apart(path: str) -> Sequence[tuple[str, str]]:
    """Return the folder of a file that marks it as something other than photos, with what it is."""
    folder, _, name = path.rpartition("/")
    if name == DATABASE_NAME:
        return [(folder, "a Peakid workspace")]
    if name == image_stores.MARKER:
        return [(folder, "the store of a Peakid workspace")]
    return []


def _found(path: str, info: Mapping[str, Any], apart: Mapping[str, str]) -> Found:
    n_bytes = _size(info)
    return Found(path, n_bytes, _version(info, n_bytes), _rejection(path, n_bytes, apart))


def _rejection(path: str, n_bytes: int, apart: Mapping[str, str]) -> tuple[RejectionReason, str] | None:
    if apart and (around := not_photos.workspace_around(path, apart)) is not None:
        return "hidden", apart[around]
    if layout.hidden_part(path) is not None:
        return "hidden", "a hidden file, or one of a system or tool"
    if not paths.is_inside(path) or "//" in path or clean_text.clean_path(path) != path:
        return "unsafe_path", "a name that leads elsewhere, or cannot be stored"
    if reading.is_too_deep(path):
        return "unsafe_path", reading.TOO_DEEP
    limit = settings.current().max_image_bytes
    if n_bytes > limit:
        return "too_large", f"{n_bytes:,} bytes, over the limit of {limit:,}"
    return None


def _size(info: Mapping[str, Any]) -> int:
    return int(info.get("size") or 0)


def _version(info: Mapping[str, Any], n_bytes: int) -> str:
    checksum = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    at = next((info[name] for name in _TIMES if info.get(name)), "")
    time = at.isoformat() if isinstance(at, datetime.datetime) else str(at)
    return f"{checksum.strip(chr(34))} {n_bytes} {time}"
