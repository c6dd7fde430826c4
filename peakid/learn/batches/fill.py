"""Filling the pixel cache: what is missing is decoded once, what it cannot hold is decoded whenever it is needed, and said so."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from peakid.errors import UnreadableImage
from peakid.imaging import pixels
from peakid.learn.batches import cache
from peakid.learn.batches.cache import N_THREADS, Room, Store
from peakid.learn.batches.gather import Pixels
from peakid.records import Report, Resize

REPORT_EVERY_S = 0.5

Missing = dict[int, list[str]]
"""Digests by the size at which they are not held, the most urgent first."""


@dataclass
class Filling:
    """The pixels of some images, brought to several sizes for one training.

    Attributes:
        digests: Names of all N images.
        read: Gives the bytes of one image by digest; called from several threads at once.
        go_on: Called all the while; may raise to stop.
    """

    digests: list[str]
    read: Callable[[str], bytes]
    resize: Resize
    cache_dir: Path
    report: Report
    go_on: Callable[[], None]
    stores: dict[int, Store] = field(default_factory=dict)
    trouble: str = ""

    def run(
        self, wanted: Mapping[int, np.ndarray], budget_bytes: int
    ) -> tuple[dict[int, Pixels], tuple[str, ...]]:
        """Decode what is missing as far as there is room; answer all N images at each size, and what a person should know.

        Args:
            wanted: By size in px the numbers of the images that will be asked for, the most urgent first.

        Raises:
            UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
        """
        names = {
            size_px: list(dict.fromkeys(self.digests[row] for row in rows))
            for size_px, rows in wanted.items()
        }
        self._open(names)
        missing, room = self._missing(names), Room(0, "budget")
        n_mended = len(set[bytes]().union(*(store.damaged for store in self.stores.values())))
        if any(missing.values()) and self.stores:
            with cache.all_filling(self.stores.values(), self.go_on):
                missing = self._missing(names)  # Somebody else may have been filling.
                room = self._make_room(missing, budget_bytes)
                self._decode(_within(missing, room, self.stores))
        given = {size_px: self._pixels(size_px) for size_px in names}
        notes = [_mended(n_mended), self._left_out(names, budget_bytes, room)]
        return given, tuple(note for note in notes if note)

    def _open(self, sizes_px: Iterable[int]) -> None:
        try:
            cache.remove_former(self.cache_dir)
            self.stores = {size_px: Store(self.cache_dir, size_px, self.resize) for size_px in sizes_px}
        except OSError as error:
            self.trouble, self.stores = error.strerror or str(error), {}

    def _missing(self, names: Mapping[int, list[str]]) -> Missing:
        if not self.stores:
            return {size_px: list(of) for size_px, of in names.items()}
        found = {size_px: self.stores[size_px].find(of, go_on=self.go_on) for size_px, of in names.items()}
        return {
            size_px: [name for name, row in zip(of, found[size_px], strict=True) if row < 0]
            for size_px, of in names.items()
        }

    def _make_room(self, missing: Missing, budget_bytes: int) -> Room:
        n_bytes = sum(len(names) * self.stores[size_px].row_bytes for size_px, names in missing.items())
        keep = [store.folder for store in self.stores.values()]
        return cache.make_room(self.cache_dir, n_bytes, budget_bytes=budget_bytes, keep=keep)

    def _decode(self, missing: Missing) -> None:
        """Decode each image once, to all sizes at which it is missing."""
        sizes: dict[str, list[Store]] = {}
        for size_px, names in missing.items():
            self.stores[size_px].tidy()
            for name in names:
                sizes.setdefault(name, []).append(self.stores[size_px])
        with ThreadPoolExecutor(N_THREADS) as pool:  # Threads: Pillow decodes outside the interpreter's lock.
            waiting = [pool.submit(self._keep, digest, stores) for digest, stores in sizes.items()]
            told = 0.0
            try:
                for n_done, done in enumerate(as_completed(waiting), 1):
                    done.result()
                    self.go_on()
                    if time.monotonic() - told >= REPORT_EVERY_S or n_done == len(waiting):
                        told = time.monotonic()
                        self._publish()
                        self.report(
                            "Preparing images", n_done, len(waiting), f"{n_done} of {len(waiting)} decoded"
                        )
            finally:
                pool.shutdown(cancel_futures=True)
                self._publish()  # What was decoded before somebody stopped it need not be decoded again.

    def _publish(self) -> None:
        for store in self.stores.values():
            store.publish()

    def _keep(self, digest: str, stores: list[Store]) -> None:
        open_ones = [store for store in stores if not store.trouble]
        if open_ones:
            decoded = self._decoded(digest, [store.size_px for store in open_ones])
            for store, image in zip(open_ones, decoded, strict=True):
                store.write(digest, image)

    def _decoded(self, digest: str, sizes_px: list[int]) -> list[np.ndarray]:
        try:
            return pixels.preprocess_many(self.read(digest), sizes_px, resize=self.resize)
        except UnreadableImage as error:
            raise UnreadableImage(
                error.reason, f"Image {digest[:12]} cannot be decoded: {error.message}"
            ) from error

    def _pixels(self, size_px: int) -> Pixels:
        def decode(i: int) -> np.ndarray:
            return self._decoded(self.digests[i], [size_px])[0]

        store = self.stores.get(size_px)
        if store is None:
            return Pixels(
                np.empty((0, size_px, size_px, 3), dtype=np.uint8), np.full(len(self.digests), -1), decode
            )
        return Pixels(store.rows(), store.known(self.digests), decode, store)

    def _left_out(self, names: Mapping[int, list[str]], budget_bytes: int, room: Room) -> str:
        """Say how many of the images that will be asked for are not held, why, and what would help."""
        out, lacking_bytes = set(), 0
        for size_px, of in names.items():
            store = self.stores.get(size_px)
            lacking = (
                of
                if store is None
                else [name for name, row in zip(of, store.known(of), strict=True) if row < 0]
            )
            out.update(lacking)
            lacking_bytes += len(lacking) * size_px * size_px * 3
        if not out:
            return ""
        trouble = self.trouble or next((store.trouble for store in self.stores.values() if store.trouble), "")
        told = f"{len(out)} of {len(self.digests)} images are decoded anew each time they are needed"
        more = f"({lacking_bytes / 1e9:.2g} GB more are needed)"
        if trouble:
            return f"The pixel cache {self.cache_dir} could not be written ({trouble}): {told}."
        if room.limit == "disk":
            return f"The disk of the pixel cache is nearly full: {told}. Free some of it {more}."
        return f"The pixel cache may hold {budget_bytes / 1e9:g} GB: {told}. Raise PEAKID_CACHE_GB {more}."


def _within(missing: Missing, room: Room, stores: Mapping[int, Store]) -> Missing:
    """Cut what is missing down to what there is room for."""
    left, fitting = room.n_bytes, {}
    for size_px, names in missing.items():
        fitting[size_px] = names[: left // stores[size_px].row_bytes]
        left -= len(fitting[size_px]) * stores[size_px].row_bytes
    return fitting


def _mended(n: int) -> str:
    if not n:
        return ""
    return f"{n} image{'s' if n > 1 else ''} in the pixel cache {'were' if n > 1 else 'was'} damaged and decoded anew."
