"""Decoded pixels on disk: a store for each size and way of resizing, in which every image is one row that its digest finds.

A store is two files that only grow: `pixels` holds rows of size x size x 3 bytes, `index` a record for each row, written after it.
A process that dies therefore leaves rows that nobody knows of, or a record cut short, and both are overwritten by the next one.
Every row is compared with the checksum in its record before it is used.
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

from peakid.imaging import pixels
from peakid.records import Resize

PREFIX = "pixels-"
RECORD = struct.Struct(
    "<32sQI"
)  # SHA-256 of the digest's text, row, CRC-32 of the row; behind it the CRC-32 of these 44 bytes.
RECORD_BYTES = RECORD.size + 4
# Left free on the disk for what matters more: the database, checkpoints and the model.
RESERVED_BYTES = 10**9
WAIT_S = 0.1  # Between two looks whether another process has filled a store.

N_THREADS = min(16, os.cpu_count() or 1)


class Store:
    """The rows of one size and way of resizing, shared by all trainings; open as long as the object lives.

    Attributes:
        trouble: Why no more rows are written, in the system's words; empty as long as they are.
        damaged: Keys of the images whose rows or records `find` found damaged.

    Raises:
        OSError: If the folder cannot be written.
    """

    def __init__(self, cache_dir: Path, size_px: int, resize: Resize) -> None:
        self.size_px, self.resize = size_px, resize
        self.folder = cache_dir / f"{PREFIX}{pixels.VERSION}-{size_px}-{resize}"
        self.row_bytes = size_px * size_px * 3
        self.trouble, self.damaged = "", set[bytes]()
        self._held = _hold(self.folder)
        self._pixels, self._index = (
            os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o644) for name in ("pixels", "index")
        )
        weakref.finalize(self, _close, [self._held, self._pixels, self._index])
        self._lock, self._pending = threading.Lock(), dict[bytes, tuple[int, int]]()
        self._entries: dict[bytes, tuple[int, int]] = {}  # Row and checksum by key.
        self._sound: set[bytes] = set()
        self._next_row, self._n_records, self._n_bad = 0, 0, 0

    def find(self, digests: Sequence[str], *, go_on: Callable[[], None] = lambda: None) -> np.ndarray:
        """Answer the row of each image, int64 of shape (n,), -1 where there is none or a damaged one.

        Args:
            go_on: Called now and then while rows are compared with their checksums; may raise.
        """
        self._read()
        keys = [_key(digest) for digest in digests]
        unsure = [key for key in keys if key in self._entries and key not in self._sound]
        with ThreadPoolExecutor(N_THREADS) as pool:  # CRC-32 runs outside the interpreter's lock.
            for at in range(0, len(unsure), 256):
                go_on()
                some = unsure[at : at + 256]
                self._sound.update(
                    key
                    for key, is_sound in zip(some, pool.map(self._is_sound, some), strict=True)
                    if is_sound
                )
        unknown = [key for key in keys if key not in self._entries]
        self.damaged = {key for key in unsure if key not in self._sound}.union(unknown[: self._n_bad])
        return self.known(digests)

    def known(self, digests: Sequence[str]) -> np.ndarray:
        """Answer the row of each image as `find` and `publish` left it."""
        keys = [_key(digest) for digest in digests]
        return np.array([self._entries[key][0] if key in self._sound else -1 for key in keys], dtype=np.int64)

    def rows(self) -> np.ndarray:
        """Map all rows into memory, read-only: uint8 of shape (R, S, S, 3)."""
        n = os.fstat(self._pixels).st_size // self.row_bytes
        if not n:
            return np.empty((0, self.size_px, self.size_px, 3), dtype=np.uint8)
        # By the file that is held open, which stays readable when somebody removes its name.
        mapped = mmap.mmap(self._pixels, n * self.row_bytes, prot=mmap.PROT_READ)
        return np.frombuffer(mapped, dtype=np.uint8).reshape(n, self.size_px, self.size_px, 3)

    def write(self, digest: str, image: np.ndarray) -> None:
        """Keep one image, uint8 of shape (S, S, 3); from any thread, by a process that holds the store's `filling` lock.

        A disk that takes no more is noted in `trouble`, and what was written before stays.
        """
        key, data = _key(digest), np.ascontiguousarray(image).data.cast("B")
        with self._lock:
            known = self._entries.get(
                key
            )  # A damaged row is written again where it was: nobody could use it.
            row = self._next_row if known is None else known[0]
            self._next_row += known is None
        try:
            _write_whole(self._pixels, data, row * self.row_bytes)
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return
        with self._lock:
            self._pending[key] = row, zlib.crc32(data)

    def publish(self) -> None:
        """Write the records of the rows written so far: from here on they are found."""
        with self._lock:
            written, self._pending = self._pending, {}
        try:
            _write_whole(self._index, _records(written), self._n_records * RECORD_BYTES)
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return
        self._n_records += len(written)
        self._entries |= written
        self._sound |= written.keys()

    def tidy(self) -> None:
        """Write the index anew without its damaged records; by a process that holds the `filling` lock."""
        if not self._n_bad:
            return
        with contextlib.suppress(OSError):  # The damaged ones then stay and are passed over, as they were.
            _write_whole(self._index, _records(self._entries), 0)
            os.ftruncate(self._index, len(self._entries) * RECORD_BYTES)
            self._n_records = len(self._entries)

    @contextlib.contextmanager
    def filling(self, go_on: Callable[[], None]) -> Generator[None]:
        """Be the only process that writes; wait for another one, calling `go_on`, which may raise."""
        lock = os.open(self.folder / "filling", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not _is_locked(lock):
                go_on()
                time.sleep(WAIT_S)
            yield
        finally:
            os.close(lock)

    def _read(self) -> None:
        """Read the index; records that are damaged, or whose rows the file does not hold, count as not there."""
        data = os.pread(self._index, os.fstat(self._index).st_size, 0)
        self._n_records = len(data) // RECORD_BYTES  # One cut short at the end is overwritten by the next.
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
            self._next_row = max(
                self._next_row, row + 1 if is_whole else n_rows
            )  # Somebody may be reading a row whose record is lost.

    def _is_sound(self, key: bytes) -> bool:
        row, crc = self._entries[key]
        return zlib.crc32(os.pread(self._pixels, self.row_bytes, row * self.row_bytes)) == crc


class Room(NamedTuple):
    """How many bytes fit, and what says so."""

    n_bytes: int
    limit: Literal["budget", "disk"]


def make_room(cache_dir: Path, n_bytes: int, *, budget_bytes: int, keep: Collection[Path]) -> Room:
    """Remove stores, the least recently used first, until so many bytes fit; answer how many of them do.

    What is in use by any process is left alone, and a little of the disk is left free.

    Args:
        budget_bytes: What all stores together may hold.
        keep: Folders of the stores that are to be filled.
    """
    held = {folder: _size(folder) for folder in cache_dir.glob(f"{PREFIX}*") if folder.is_dir()}
    of_budget, of_disk = budget_bytes - sum(held.values()), shutil.disk_usage(cache_dir).free - RESERVED_BYTES
    for folder in sorted(set(held) - set(keep), key=_used_at):
        if min(of_budget, of_disk) >= n_bytes:
            break
        freed = held[folder] if _is_removed(folder) else 0
        of_budget, of_disk = of_budget + freed, of_disk + freed
    return Room(max(0, min(n_bytes, of_budget, of_disk)), "budget" if of_budget <= of_disk else "disk")


def remove_former(cache_dir: Path) -> None:
    """Remove the files of earlier versions, one for each list of images: nobody would read them again."""
    for file in [*cache_dir.glob(f"{PREFIX}*.npy"), *cache_dir.glob(f"{PREFIX}*.partial")]:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def all_filling(stores: Iterable[Store], go_on: Callable[[], None]) -> Generator[None]:
    """Hold the `filling` lock of several stores, taken in one order by everybody, so that no two wait for each other."""
    with contextlib.ExitStack() as stack:
        for store in sorted(stores, key=lambda store: store.folder):
            stack.enter_context(store.filling(go_on))
        yield


def _key(digest: str) -> bytes:
    return hashlib.sha256(digest.encode()).digest()


def _records(entries: Mapping[bytes, tuple[int, int]]) -> bytes:
    packed = (RECORD.pack(key, *entry) for key, entry in entries.items())
    return b"".join(record + zlib.crc32(record).to_bytes(4, "little") for record in packed)


def _hold(folder: Path) -> int:
    """Open a store's folder for as long as the answered file is open; who removes stores asks for its lock first."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # Removed between two of these lines: once more.
            held = os.open(folder / "used", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(held, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(held), (folder / "used").stat()):
                os.utime(held)
                return held
            os.close(held)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_removed(folder: Path) -> bool:
    try:
        held = os.open(folder / "used", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return False
    try:
        if not _is_locked(held):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(held)


def _write_whole(file: int, data: bytes | memoryview, offset: int) -> None:
    """Write all or raise: a disk that is nearly full takes a part without a word. Never by a memory map: that would kill the process."""
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], offset + written)


def _size(folder: Path) -> int:
    total = 0
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # Somebody else made room meanwhile.
            total += file.stat().st_blocks * 512
    return total


def _used_at(folder: Path) -> float:
    try:
        return (folder / "used").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _close(files: Iterable[int]) -> None:
    for file in files:
        os.close(file)
