"""The pixels of images in any order: from their rows on disk, or decoded again from their files."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from peakid.learn.batches.cache import N_THREADS, Store

N_AHEAD = 3  # Batches decoded ahead: enough to hide a slow file, and little memory.


class Pixels:
    """The pixels of n images, indexed like a uint8 array of shape (n, S, S, 3).

    Args:
        stored: Rows on disk, uint8 of shape (R, S, S, 3).
        row: For each image its row there, int64 of shape (n,); -1 = decoded each time it is needed.
        decode: Gives image i, uint8 of shape (S, S, 3); called from several threads at once.
        store: Kept open as long as its rows are used.
    """

    def __init__(
        self,
        stored: np.ndarray,
        row: np.ndarray,
        decode: Callable[[int], np.ndarray],
        store: Store | None = None,
    ) -> None:
        self._stored, self._row, self._decode, self._store = stored, row, decode, store

    @classmethod
    def of(cls, array: np.ndarray) -> "Pixels":
        """Wrap pixels that are in memory."""
        return cls(array, np.arange(len(array)), array.__getitem__)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        size_px = self._stored.shape[1]
        return len(self._row), size_px, size_px, 3

    @property
    def image_bytes(self) -> int:
        return int(np.prod(self.shape[1:]))

    def only(self, at: np.ndarray) -> "Pixels":
        """Return some of the images in this order, without reading any."""
        return Pixels(self._stored, self._row[at], lambda i: self._decode(int(at[i])), self._store)

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, key: Any) -> np.ndarray:
        at = np.arange(len(self))[key]
        return self.take(np.atleast_1d(at)).reshape(*at.shape, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def take(self, at: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return some images: uint8 of shape (len(at), S, S, 3), written into `out` if it is given."""
        if (self._row[at] < 0).any():
            with ThreadPoolExecutor(N_THREADS) as pool:
                return self._joined(at, self._decode_ahead(pool, at), out)
        return self._joined(at, {}, out)

    def batches(self, parts: Iterable[np.ndarray]) -> Generator[np.ndarray]:
        """Yield batches, decoding what is not on disk ahead of its use."""
        with ThreadPoolExecutor(N_THREADS) as pool:
            waiting: deque[tuple[np.ndarray, dict[int, Future]]] = deque()
            try:
                for at in parts:
                    waiting.append((at, self._decode_ahead(pool, at)))
                    if len(waiting) > N_AHEAD or not waiting[0][1]:
                        yield self._joined(*waiting.popleft())
                while waiting:
                    yield self._joined(*waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)  # A caller that stops early does not wait for the rest.

    def _decode_ahead(self, pool: ThreadPoolExecutor, at: np.ndarray) -> dict[int, Future]:
        return {
            place: pool.submit(self._decode, int(at[place]))
            for place in np.flatnonzero(self._row[at] < 0).tolist()
        }

    def _joined(
        self, at: np.ndarray, decoded: dict[int, Future], out: np.ndarray | None = None
    ) -> np.ndarray:
        row = self._row[at]  # (B,)
        out = np.empty((len(at), *self.shape[1:]), dtype=np.uint8) if out is None else out
        if not decoded:
            # Other modes would copy everything once more.
            return np.take(self._stored, row, axis=0, out=out, mode="clip")
        is_stored = row >= 0
        out[is_stored] = self._stored[row[is_stored]]
        for place, image in decoded.items():
            out[place] = image.result()
        return out
