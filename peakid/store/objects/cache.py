"""Originals of image stores that were read lately, as files by digest with a limit on their size.

A file is compared with its digest whenever it is read. The files used longest ago are removed first.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from peakid import files, paths, settings
from peakid.imaging import inspection

FOLDER = "objects"
KEPT_SHARE = 0.9  # Of the limit, after files were removed: not at every file that is added.


class ObjectCache:
    """The cache in one folder. Several processes may use it; each removes files when it has added many."""

    def __init__(self, folder: Path, limit_bytes: int | None = None) -> None:
        self.folder = folder
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._n_bytes: int | None = None  # None = not measured yet.

    def get(self, digest: str) -> bytes | None:
        """Return the bytes of an image, None if they are not here; a damaged file is removed."""
        file = paths.of_digest(self.folder, digest)
        try:
            data = file.read_bytes()
        except OSError:
            return None
        if inspection.digest_of(data) != digest:
            file.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(file)  # Used now.
        return data

    def put(self, digest: str, data: bytes) -> None:
        """Keep the bytes of an image; if the disk cannot take them, they are not kept."""
        limit = self.limit_bytes()
        if len(data) > limit:
            return
        with contextlib.suppress(OSError):
            files.write_bytes(paths.of_digest(self.folder, digest), data)
            self._added(len(data), limit)

    def discard(self, digest: str) -> None:
        """Remove the bytes of an image."""
        paths.of_digest(self.folder, digest).unlink(missing_ok=True)

    def limit_bytes(self) -> int:
        """Return the limit: PEAKID_OBJECT_CACHE_GB unless another one was given."""
        if self._limit_bytes is not None:
            return self._limit_bytes
        return round(settings.current().object_cache_gb * 1e9)

    def _added(self, n_bytes: int, limit: int) -> None:
        with self._lock:
            if self._n_bytes is None:
                self._n_bytes = sum(size for _, size, _ in self._files())
            else:
                self._n_bytes += n_bytes
            if self._n_bytes > limit:
                self._n_bytes = self._shrink(round(limit * KEPT_SHARE))

    def _shrink(self, most_bytes: int) -> int:
        found = sorted(self._files())
        n_bytes = sum(size for _, size, _ in found)
        for _, size, path in found:
            if n_bytes <= most_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                n_bytes -= size
        return n_bytes

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path


_caches: dict[Path, ObjectCache] = {}


def of(cache_dir: Path) -> ObjectCache:
    """Return the cache of a workspace by the path of its cache folder; one object in each process."""
    folder = cache_dir / FOLDER
    return _caches.setdefault(folder, ObjectCache(folder))
