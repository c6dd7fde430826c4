"""Fill the pixel cache: decode missing images once, and report those for which it has no space."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from peakid import progress_text
from peakid.errors import UnreadableImage
from peakid.imaging import gate, pixels
from peakid.learn.batches import cache
from peakid.learn.batches.cache import N_THREADS, FreeSpace, Store
from peakid.learn.batches.gather import Pixels
from peakid.records import Report, Resize

REPORT_EVERY_S = 0.5

Missing = dict[int, list[str]]
"""Digests of images that are not stored, by image size, the most urgent first."""


@dataclass
class Filling:
    """The pixels of some images at several sizes, for one training.

    Attributes:
        digests: Of all N images.
        read: Gives the bytes of one image by digest; called from several threads at once.
        check_stop: Called repeatedly; may raise to stop.
        n_threads: Of reading and decoding.
        open_error: Why the cache cannot be used at all, as the system reports it; '' where it can.
    """

    digests: list[str]
    read: Callable[[str], bytes]
    resize: Resize
    cache_dir: Path
    report: Report
    check_stop: Callable[[], None]
    stores: dict[int, Store] = field(default_factory=dict)
    n_threads: int = N_THREADS
    open_error: str = ""

    def run(
        self, wanted: Mapping[int, np.ndarray], budget_bytes: int
    ) -> tuple[dict[int, Pixels], tuple[str, ...]]:
        """Decode missing images as far as there is space.

        Args:
            wanted: By size in px the numbers of the images that will be needed, the most urgent first.

        Returns:
            All N images at each size, and sentences about problems of the cache.

        Raises:
            UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
        """
        names = {
            size_px: list(dict.fromkeys(self.digests[row] for row in rows))
            for size_px, rows in wanted.items()
        }
        self._open(names)
        missing, space = self._missing(names), FreeSpace(0, "budget")
        n_damaged = len(set[bytes]().union(*(store.damaged for store in self.stores.values())))
        if any(missing.values()) and self.stores:
            with cache.all_filling(self.stores.values(), self.check_stop):
                missing = self._missing(names)  # Another process may have filled the store meanwhile.
                space = self._free_space(missing, budget_bytes)
                self._decode(_within(missing, space, self.stores))
        pixels = {size_px: self._pixels(size_px) for size_px in names}
        notes = [_damage_note(n_damaged), self._space_note(names, budget_bytes, space)]
        return pixels, tuple(note for note in notes if note)

    def _open(self, sizes_px: Iterable[int]) -> None:
        try:
            cache.remove_former(self.cache_dir)
            self.stores = {size_px: Store(self.cache_dir, size_px, self.resize) for size_px in sizes_px}
        except OSError as error:
            self.open_error, self.stores = error.strerror or str(error), {}

    def _missing(self, names: Mapping[int, list[str]]) -> Missing:
        if not self.stores:
            return {size_px: list(of) for size_px, of in names.items()}
        found = {
            size_px: self.stores[size_px].find(of, check_stop=self.check_stop)
            for size_px, of in names.items()
        }
        return {
            size_px: [name for name, row in zip(of, found[size_px], strict=True) if row < 0]
            for size_px, of in names.items()
        }

    def _free_space(self, missing: Missing, budget_bytes: int) -> FreeSpace:
        n_bytes = sum(len(names) * self.stores[size_px].row_bytes for size_px, names in missing.items())
        keep = [store.folder for store in self.stores.values()]
        return cache.free_space(self.cache_dir, n_bytes, budget_bytes=budget_bytes, keep=keep)

    def _decode(self, missing: Missing) -> None:
        """Decode each image once, at all sizes at which it is missing."""
        sizes: dict[str, list[Store]] = {}
        for size_px, names in missing.items():
            self.stores[size_px].tidy()
            for name in names:
                sizes.setdefault(name, []).append(self.stores[size_px])
        with ThreadPoolExecutor(
            self.n_threads
        ) as pool:  # Threads: Pillow decodes outside the interpreter's lock.
            waiting = [pool.submit(self._keep, digest, stores) for digest, stores in sizes.items()]
            n, reported_at = len(self.digests), time.monotonic()
            n_known = n - len(waiting)
            self.report("Reading images", n_known, n, progress_text.counted(n_known, n, "images"))
            try:
                for n_done, done in enumerate(as_completed(waiting), n_known + 1):
                    done.result()
                    self.check_stop()
                    if time.monotonic() - reported_at >= REPORT_EVERY_S or n_done == n:
                        reported_at = time.monotonic()
                        self._publish()
                        message = progress_text.counted(n_done, n, "images")
                        self.report("Reading images", n_done, n, message)
            finally:
                pool.shutdown(cancel_futures=True)
                self._publish()  # Images decoded before a stop need not be decoded again.

    def _publish(self) -> None:
        for store in self.stores.values():
            store.publish()

    def _keep(self, digest: str, stores: list[Store]) -> None:
        open_ones = [store for store in stores if not store.write_error]
        if open_ones:
            decoded = self._decoded(digest, [store.size_px for store in open_ones])
            for store, image in zip(open_ones, decoded, strict=True):
                store.write(digest, image)

    def _decoded(self, digest: str, sizes_px: list[int]) -> list[np.ndarray]:
        try:
            return gate.call(pixels.preprocess_many, self.read(digest), sizes_px, resize=self.resize)
        except UnreadableImage as error:
            raise UnreadableImage(
                error.reason, f"Image {digest[:12]} cannot be decoded: {error.message}"
            ) from error

    def _pixels(self, size_px: int) -> Pixels:
        def decode(i: int) -> np.ndarray:
            return self._decoded(self.digests[i], [size_px])[0]

        store = self.stores.get(size_px)
        if store is None:
            nothing = np.empty((0, size_px, size_px, 3), dtype=np.uint8)
            return Pixels(nothing, np.full(len(self.digests), -1), decode)
        return Pixels(store.rows(), store.known(self.digests), decode, store)

    def _space_note(self, names: Mapping[int, list[str]], budget_bytes: int, space: FreeSpace) -> str:
        """Return how many images could not be stored, why, and what would help; '' where all could."""
        not_stored, lacking_bytes = set(), 0
        for size_px, of in names.items():
            lacking = self._not_stored(size_px, of)
            not_stored.update(lacking)
            lacking_bytes += len(lacking) * size_px * size_px * 3
        if not not_stored:
            return ""
        n = f"{len(not_stored)} of {len(self.digests)}"
        effect = f"{n} images are decoded again each time they are needed"
        more = f"({lacking_bytes / 1e9:.2g} GB more are needed)"
        errors = [self.open_error, *(store.write_error for store in self.stores.values())]
        if error := next((each for each in errors if each), ""):
            return f"The pixel cache {self.cache_dir} could not be written ({error}): {effect}."
        if space.limit == "disk":
            return f"The disk of the pixel cache is nearly full: {effect}. Free some space {more}."
        limit = f"The pixel cache is limited to {budget_bytes / 1e9:g} GB"
        return f"{limit}: {effect}. Raise PEAKID_CACHE_GB {more}."

    def _not_stored(self, size_px: int, names: list[str]) -> list[str]:
        store = self.stores.get(size_px)
        if store is None:
            return names
        return [name for name, row in zip(names, store.known(names), strict=True) if row < 0]


def _within(missing: Missing, space: FreeSpace, stores: Mapping[int, Store]) -> Missing:
    """Return the missing images that there is space for."""
    left, fitting = space.n_bytes, {}
    for size_px, names in missing.items():
        fitting[size_px] = names[: left // stores[size_px].row_bytes]
        left -= len(fitting[size_px]) * stores[size_px].row_bytes
    return fitting


def _damage_note(n: int) -> str:
    if not n:
        return ""
    images = "1 image in the pixel cache was" if n == 1 else f"{n} images in the pixel cache were"
    return f"{images} damaged and decoded again."
