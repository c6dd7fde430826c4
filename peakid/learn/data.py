"""What a training is given, whether it can be learned from, and its pixels as one cache on disk."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import pixels
from peakid.errors import ClassTooSmall, SplitMissing, TooFewClasses, UnreadableImage
from peakid.learn.recipe import Recipe
from peakid.records import Report, Resize

# Room for random crops: a training image is kept a little larger than the model sees it.
TRAIN_MARGIN = 1.15
REPORT_EVERY_S = 0.5


class Stopped(Exception):
    """Someone asked to stop before there was anything to keep."""


@dataclass(frozen=True)
class TrainingImages:
    """The images of one snapshot, as columns of equal length N.

    Attributes:
        digests: Names of the images, in a fixed order: the cache and the random order depend on it.
        labels: int64 of shape (N,), in 0..K-1, an index into `class_names`.
        splits: `train`, `valid` or `test` for each image.
        class_names: The K classes, sorted.
        read: Gives the bytes of one image by digest; called from several threads at once.
        groups: For each image the key of the group that must stay together; None = each stands alone.
    """

    digests: list[str]
    labels: np.ndarray
    splits: list[str]
    class_names: list[str]
    read: Callable[[str], bytes]
    groups: list[str] | None = None

    def rows(self, split: str) -> np.ndarray:
        """Answer the row numbers of one split, int64, in order."""
        return np.flatnonzero(np.asarray(self.splits) == split)


@dataclass(frozen=True)
class Prepared:
    """The pixels of a training, uint8, read from disk as they are used.

    Attributes:
        canonical: Shape (N, S, S, 3): what evaluation and every export see.
        train: Shape (n, T, T, 3): what is cut from while learning; the train rows in their order.
        positions: int64 of shape (N,), where each of the N images lies in `train`; None = it holds the train rows alone.
    """

    canonical: np.ndarray
    train: np.ndarray
    positions: np.ndarray | None = None


def check(images: TrainingImages) -> list[str]:
    """Refuse what cannot be learned from, and answer warnings, in words, about what can be learned only badly.

    Raises:
        TooFewClasses: If there are not at least two classes to tell apart.
        SplitMissing: If no image is in train or in valid.
        ClassTooSmall: If a class has no image in train.
    """
    if len(images.class_names) < 2:
        named = f"only the class '{images.class_names[0]}'" if images.class_names else "no class"
        raise TooFewClasses(f"The snapshot has {named}; there is nothing to tell apart.", "Label images of a second class.")
    count = {split: Counter(images.labels[images.rows(split)].tolist()) for split in ("train", "valid")}
    for split, purpose in (("train", "to learn from"), ("valid", "to choose the best epoch by")):
        if not count[split]:
            raise SplitMissing(f"No image of the snapshot is in {split}: there is none {purpose}.", f"Freeze one with a share for {split}.")
    missing = [name for k, name in enumerate(images.class_names) if not count["train"][k]]
    if missing:
        n = sum(count["valid"][images.class_names.index(name)] for name in missing)
        raise ClassTooSmall(
            f"Class '{missing[0]}' has no image in train ({n} in valid); it cannot be learned"
            + (f", nor can {len(missing) - 1} more." if len(missing) > 1 else "."),
            "Label more images of it, exclude them, or retire the class.",
        )
    return list(_warnings(images.class_names, count))


def prepare(
    images: TrainingImages,
    recipe: Recipe,
    *,
    cache_dir: Path,
    report: Report,
    should_stop: Callable[[], bool],
    train_px: int | None = None,
) -> Prepared:
    """Decode every image once for this size and policy; a second run over the same images reads the cache.

    Decoding at each epoch would be the bottleneck of a GPU by a factor of fifty.

    Args:
        train_px: Side of training images before random crops; None = a margin over the recipe's size.

    Raises:
        Stopped: If `should_stop` says so.
        UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
    """
    train_px = train_px or with_margin(recipe.image_size_px, recipe.augment)
    whole = np.arange(len(images.digests))
    # Every image takes its turn to be learned from in cross-validation; one cache then serves all folds.
    rows = whole if recipe.folds or train_px == recipe.image_size_px else images.rows("train")
    canonical = _Cache(images.digests, recipe.image_size_px, recipe.resize, cache_dir)
    train = _Cache([images.digests[row] for row in rows], train_px, recipe.resize, cache_dir)
    missing = [cache for cache in {canonical.path: canonical, train.path: train}.values() if not cache.path.is_file()]
    progress = _Progress("Preparing images", sum(len(cache.digests) for cache in missing), report, should_stop)
    for cache in missing:
        _fill(cache, images.read, progress)
    return Prepared(canonical.open(), train.open(), whole if rows is whole else None)


def with_margin(size_px: int, augment: float) -> int:
    """Answer the side at which a training image is kept: a little larger than it is shown where it is cut at random."""
    return round(size_px * TRAIN_MARGIN) if augment else size_px


@dataclass(frozen=True)
class _Cache:
    digests: Sequence[str]
    size_px: int
    resize: Resize
    folder: Path

    @property
    def path(self) -> Path:
        order = "\n".join([f"pixels {pixels.VERSION} {self.size_px} {self.resize}", *self.digests])
        return self.folder / f"pixels-{hashlib.sha256(order.encode()).hexdigest()[:32]}.npy"

    def open(self) -> np.ndarray:
        return np.load(self.path, mmap_mode="r")


@dataclass
class _Progress:
    """Counts decoded images, reports at most each half second, and raises Stopped when asked to."""

    phase: str
    total: int
    report: Report
    should_stop: Callable[[], bool]
    step: int = 0
    reported_at: float = 0.0

    def advance(self) -> None:
        self.step += 1
        if self.should_stop():
            raise Stopped
        if time.monotonic() - self.reported_at >= REPORT_EVERY_S or self.step == self.total:
            self.reported_at = time.monotonic()
            self.report(self.phase, self.step, self.total, f"{self.step} of {self.total} decoded")


def _warnings(class_names: list[str], count: dict[str, Counter[int]]) -> Iterator[str]:
    for k, name in enumerate(class_names):
        if not count["valid"][k]:
            yield f"Class '{name}' has no image in valid: the score says nothing about it."
        if count["train"][k] == 1:
            yield f"Class '{name}' has 1 image in train: it can hardly be learned."


def _fill(cache: _Cache, read: Callable[[str], bytes], progress: _Progress) -> None:
    cache.folder.mkdir(parents=True, exist_ok=True)
    partial = cache.path.with_suffix(f".{os.getpid()}.partial")
    shape = (len(cache.digests), cache.size_px, cache.size_px, 3)
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    try:
        _decode_all(cache, read, array, progress)
        array.flush()
        partial.replace(cache.path)  # Renamed, not written in place: a reader must never see half a cache.
    finally:
        partial.unlink(missing_ok=True)


def _decode_all(cache: _Cache, read: Callable[[str], bytes], array: np.ndarray, progress: _Progress) -> None:
    def decode(row: int) -> None:
        digest = cache.digests[row]
        try:
            array[row] = pixels.preprocess(read(digest), size_px=cache.size_px, resize=cache.resize)
        except UnreadableImage as error:
            raise UnreadableImage(error.reason, f"Image {digest[:12]} cannot be decoded: {error.message}") from error

    # Threads: Pillow decodes outside the interpreter's lock.
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(decode, row) for row in range(len(cache.digests))]
        try:
            for done in as_completed(waiting):
                done.result()
                progress.advance()
        finally:
            pool.shutdown(cancel_futures=True)
