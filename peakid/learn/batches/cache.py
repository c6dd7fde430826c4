"""Decoded pixels on disk: one store per image size and resize method, with one row per image.

A store is two files that only grow: `pixels` holds rows of size x size x 3 bytes, `index` a record per row,
written after the row. A process that dies leaves rows without a record or an incomplete record; the next
process overwrites both. Every row is compared with the checksum in its record before it is used.
"""

import contextlib
import fcntl
import hashlib
import mmap
import os
import shutil
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from peakid import files
from peakid.imaging import pixels
from peakid.records import Resize

PREFIX = "pixels-"
# SHA-256 of the digest's text, row, CRC-32 of the row; followed by the CRC-32 of these 44 bytes.
RECORD = struct.Struct("<32sQI")
RECORD_BYTES = RECORD.size + 4
# Left free on the disk for the database, checkpoints and the model.
RESERVED_BYTES = 10**9
WAIT_S = 0.1  # Between two attempts to take the lock that another process holds.

N_THREADS = min(16, os.cpu_count() or 1)


class Store:
    """The rows of one image size and resize method, shared by all trainings.

    Its files are open as long as the object lives.

    Attributes:
        write_error: Why no more rows are written, as the system reports it; '' as long as they are.
        damaged: Keys of the images whose rows or records `find` found damaged.

    Raises:
        OSError: If the folder cannot be written.
    """

    def __init__(self, cache_dir: Path, size_px: int, resize: Resize) -> None:
        self.size_px, self.resize = size_px, resize
        self.folder = cache_dir / f"{PREFIX}{pixels.VERSION}-{size_px}-{resize}"
        self.row_bytes = size_px * size_px * 3
        self.write_error, self.damaged = "", set[bytes]()
        self._held = _hold(self.folder)
        self._pixels, self._index = (
            os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o644) for name in ("pixels", "index")
        )
        weakref.finalize(self, _close, [self._held, self._pixels, self._index])
        self._lock, self._pending = threading.Lock(), dict[bytes, tuple[int, int]]()
        self._entries: dict[bytes, tuple[int, int]] = {}  # Row and checksum by key.
        self._sound: set[bytes] = set()
        self._next_row, self._n_records, self._n_bad = 0, 0, 0

    def find(self, digests: Sequence[str], *, check_stop: Callable[[], None] = lambda: None) -> np.ndarray:
        """Return the row of each image, int64 of shape (n,), -1 where there is none or a damaged one.

        Args:
            check_stop: Called repeatedly while rows are compared with their checksums; may raise to stop.
        """
        self._read()
        keys = [_key(digest) for digest in digests]
        unchecked = [key for key in keys if key in self._entries and key not in self._sound]
        with ThreadPoolExecutor(N_THREADS) as pool:  # CRC-32 runs outside the interpreter's lock.
            for at in range(0, len(unchecked), 256):
                check_stop()
                some = unchecked[at : at + 256]
                results = zip(some, pool.map(self._is_sound, some), strict=True)
                self._sound.update(key for key, is_sound in results if is_sound)
        unknown = [key for key in keys if key not in self._entries]
        self.damaged = {key for key in unchecked if key not in self._sound}.union(unknown[: self._n_bad])
        return self.known(digests)

    def known(self, digests: Sequence[str]) -> np.ndarray:
        """Return the row of each image, -1 where there is none, without reading the files again."""
        keys = [_key(digest) for digest in digests]
        return np.array([self._entries[key][0] if key in self._sound else -1 for key in keys], dtype=np.int64)

    def rows(self) -> np.ndarray:
        """Map all rows into memory, read-only: uint8 of shape (R, S, S, 3)."""
        n = os.fstat(self._pixels).st_size // self.row_bytes
        if not n:
            return np.empty((0, self.size_px, self.size_px, 3), dtype=np.uint8)
        # Through the open file, which stays readable when its name is removed.
        mapped = mmap.mmap(self._pixels, n * self.row_bytes, prot=mmap.PROT_READ)
        return np.frombuffer(mapped, dtype=np.uint8).reshape(n, self.size_px, self.size_px, 3)

    def write(self, digest: str, image: np.ndarray) -> None:
        """Write one image, uint8 of shape (S, S, 3).

        May be called from any thread of a process that holds the store's `filling` lock. A full disk is noted
        in `write_error`; earlier rows stay.
        """
        key, data = _key(digest), np.ascontiguousarray(image).data.cast("B")
        with self._lock:
            known = self._entries.get(key)  # A damaged row is overwritten in place.
            row = self._next_row if known is None else known[0]
            self._next_row += known is None
        try:
            _write_whole(self._pixels, data, row * self.row_bytes)
        except OSError as error:
            self.write_error = error.strerror or str(error)
            return
        with self._lock:
            self._pending[key] = row, zlib.crc32(data)

    def publish(self) -> None:
        """Write the records of the rows written so far, so that `find` finds them."""
        with self._lock:
            written, self._pending = self._pending, {}
        try:
            _write_whole(self._index, _records(written), self._n_records * RECORD_BYTES)
        except OSError as error:
            self.write_error = error.strerror or str(error)
            return
        self._n_records += len(written)
        self._entries |= written
        self._sound |= written.keys()

    def tidy(self) -> None:
        """Rewrite the index without its damaged records, in a process that holds the `filling` lock."""
        if not self._n_bad:
            return
        with contextlib.suppress(OSError):  # Then the damaged records stay, and are skipped as before.
            _write_whole(self._index, _records(self._entries), 0)
            os.ftruncate(self._index, len(self._entries) * RECORD_BYTES)
            self._n_records = len(self._entries)

    @contextlib.contextmanager
    def filling(self, check_stop: Callable[[], None]) -> Generator[None]:
        """Hold the lock for writing; call `check_stop`, which may raise, while it waits."""
        lock = os.open(self.folder / "filling", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not _is_locked(lock):
                check_stop()
                time.sleep(WAIT_S)
            yield
        finally:
            os.close(lock)

    def _read(self) -> None:
        """Read the index, without records that are damaged or whose rows are missing."""
        data = os.pread(self._index, os.fstat(self._index).st_size, 0)
        self._n_records = len(data) // RECORD_BYTES  # An incomplete one at the end is overwritten.
        n_rows = os.fstat(self._pixels).st_size // self.row_bytes
        self._entries, self._next_row, self._n_bad = {}, 0, 0
        for at in range(0, self._n_records * RECORD_BYTES, RECORD_BYTES):
            record, own_crc = data[at : at + RECORD.size], data[at + RECORD.size : at + RECORD_BYTES]
            is_whole = zlib.crc32(record).to_bytes(4, "little") == own_crc
            key, row, crc = RECORD.unpack(record)
            if is_whole and row < n_rows:
                self._entries[key] = row, crc
            else:
                self._n_bad += 1
            # A row whose record is lost may be in use by another process.
            self._next_row = max(self._next_row, row + 1 if is_whole else n_rows)

    def _is_sound(self, key: bytes) -> bool:
        row, crc = self._entries[key]
        return zlib.crc32(os.pread(self._pixels, self.row_bytes, row * self.row_bytes)) == crc


class FreeSpace(NamedTuple):
    """How many bytes fit, and what limits them."""

    n_bytes: int
    limit: Literal["budget", "disk"]


def free_space(cache_dir: Path, n_bytes: int, *, budget_bytes: int, keep: Collection[Path]) -> FreeSpace:
    """Remove stores, the least recently used first, until `n_bytes` fit; return how many bytes fit.

    Stores in use by any process are kept, and a part of the disk is left free.

    Args:
        budget_bytes: Maximal size of all stores together.
        keep: Folders of the stores that will be filled.
    """
    held = {folder: _size(folder) for folder in cache_dir.glob(f"{PREFIX}*") if folder.is_dir()}
    of_budget, of_disk = budget_bytes - sum(held.values()), shutil.disk_usage(cache_dir).free - RESERVED_BYTES
    for folder in sorted(set(held) - set(keep), key=_used_at):
        if min(of_budget, of_disk) >= n_bytes:
            break
        freed = held[folder] if files.remove_unless_used(folder) else 0
        of_budget, of_disk = of_budget + freed, of_disk + freed
    fitting = max(0, min(n_bytes, of_budget, of_disk))
    return FreeSpace(fitting, "budget" if of_budget <= of_disk else "disk")


def remove_former(cache_dir: Path) -> None:
    """Remove the files of earlier versions, which had one for each list of images."""
    for file in [*cache_dir.glob(f"{PREFIX}*.npy"), *cache_dir.glob(f"{PREFIX}*.partial")]:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def all_filling(stores: Iterable[Store], check_stop: Callable[[], None]) -> Generator[None]:
    """Hold the `filling` lock of several stores, taken in a fixed order to avoid a deadlock."""
    with contextlib.ExitStack() as stack:
        for store in sorted(stores, key=lambda store: store.folder):
            stack.enter_context(store.filling(check_stop))
        yield


def _key(digest: str) -> bytes:
    return hashlib.sha256(digest.encode()).digest()


def _records(entries: Mapping[bytes, tuple[int, int]]) -> bytes:
    packed = (RECORD.pack(key, *entry) for key, entry in entries.items())
    return b"".join(record + zlib.crc32(record).to_bytes(4, "little") for record in packed)


def _hold(folder: Path) -> int:
    """Open and lock a store's folder; `free_space` does not remove it while the returned file is open."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # Removed between two of these lines: try again.
            held = os.open(folder / files.IN_USE, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(held, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(held), (folder / files.IN_USE).stat()):
                os.utime(held)
                return held
            os.close(held)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_whole(file: int, data: bytes | memoryview, offset: int) -> None:
    """Write everything or raise: a disk that is nearly full accepts a part without an error.

    Not through a memory map, where a full disk would kill the process.
    """
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], offset + written)


def _size(folder: Path) -> int:
    total = 0
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # Removed by another process.
            total += file.stat().st_blocks * 512
    return total


def _used_at(folder: Path) -> float:
    try:
        return (folder / files.IN_USE).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _close(files: Iterable[int]) -> None:
    for file in files:
        os.close(file)
