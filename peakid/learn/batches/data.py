"""The images of a training: whether they can be trained on, and their pixels, decoded only once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid.errors import ClassTooSmall, SplitMissing, TooFewClasses
from peakid.job_settings import JobSettings
from peakid.learn.batches import fill
from peakid.learn.batches.gather import Pixels
from peakid.printable import class_list
from peakid.recipe.recipe import Recipe
from peakid.records import Report
from peakid.remedies import action
from peakid.run_records import RunWarning

# For random crops, training images are kept a little larger than the model sees them.
TRAIN_MARGIN = 1.15
REPORT_EVERY_S = fill.REPORT_EVERY_S


class Stopped(Exception):
    """A stop was requested before there was anything to keep."""

    def __init__(self, message: str = "A stop was requested.") -> None:
        super().__init__(message)  # Never empty: fastai reads the first word of whatever its callbacks raise.


@dataclass(frozen=True)
class TrainingImages:
    """The images of one snapshot, as columns of length N.

    Attributes:
        digests: Of the images, in a fixed order: shuffling depends on it.
        labels: int64 of shape (N,), in 0..K-1, an index into `class_names`.
        splits: `train`, `valid` or `test` for each image.
        class_names: The K classes, sorted.
        read: Gives the bytes of one image by digest; called from several threads at once.
        groups: For each image the key of the group that must stay together; None = no groups.
        n_readers: Threads that read and decode at once, more where reading waits for a server; None = as many
            as decode.
    """

    digests: list[str]
    labels: np.ndarray
    splits: list[str]
    class_names: list[str]
    read: Callable[[str], bytes]
    groups: list[str] | None = None
    n_readers: int | None = None

    def rows(self, split: str) -> np.ndarray:
        """Return the row numbers of one split, int64, in order."""
        return np.flatnonzero(np.asarray(self.splits) == split)


@dataclass(frozen=True)
class Prepared:
    """The pixels of all N images of a training, read from disk as they are used.

    Attributes:
        canonical: Shape (N, S, S, 3): what evaluation and every export see.
        train: Shape (N, T, T, 3): what training crops are taken from.
        notes: Problems of the cache, as sentences for people.
    """

    canonical: Pixels
    train: Pixels
    notes: tuple[str, ...] = ()


def check(images: TrainingImages) -> list[RunWarning]:
    """Return warnings about classes with too few images.

    Raises:
        TooFewClasses: If there are fewer than two classes.
        SplitMissing: If no image is in train or in valid.
        ClassTooSmall: If a class has no image in train.
    """
    if len(images.class_names) < 2:
        named = f"only the class '{images.class_names[0]}'" if images.class_names else "no class"
        raise TooFewClasses(
            f"The snapshot has {named}; a classifier needs two.", "Label images of a second class."
        )
    count = {split: Counter(images.labels[images.rows(split)].tolist()) for split in ("train", "valid")}
    for split, purpose in (("train", "training"), ("valid", "choosing the best epoch")):
        if not count[split]:
            raise SplitMissing(
                f"No image of the snapshot is in {split}: {purpose} needs some.",
                f"Label at least 3 images of each class, and freeze a snapshot with a share for {split}.",
                action("create_snapshot"),
            )
    missing = [name for k, name in enumerate(images.class_names) if not count["train"][k]]
    if missing:
        n = sum(count["valid"][images.class_names.index(name)] for name in missing)
        raise ClassTooSmall(
            f"Class '{missing[0]}' has no image in train ({n} in valid); it cannot be learned"
            + (f", nor can {len(missing) - 1} more." if len(missing) > 1 else "."),
            "Label more images of it, exclude them, or retire the class.",
        )
    return list(_warnings(images.class_names, count))


def prepare_all(
    images: TrainingImages,
    recipe: Recipe,
    sizes_px: Iterable[int],
    *,
    cache_dir: Path,
    report: Report,
    should_stop: Callable[[], bool],
    budget_bytes: int = JobSettings().cache_bytes,
) -> dict[int, Prepared]:
    """Decode what no training has decoded before; return the pixels by size of the training images.

    Decoding in each epoch would limit a GPU to a fiftieth of its speed. Images for which the disk or the
    cache has no space are decoded each time, ahead of their use.

    Args:
        sizes_px: Sides of training images before random crops.
        budget_bytes: Maximal size of the cache.

    Raises:
        Stopped: If `should_stop` returns True.
        UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
    """

    def check_stop() -> None:
        if should_stop():
            raise Stopped

    # Those that every epoch needs come first, in case there is no space for all.
    every_row = np.concatenate([images.rows(split) for split in ("valid", "test", "train")])
    # In cross-validation, every image is a training image of some fold.
    train_rows = every_row if recipe.folds else images.rows("train")
    needed = dict.fromkeys(sizes_px, train_rows)
    filling = fill.Filling(
        images.digests,
        images.read,
        recipe.resize,
        cache_dir,
        report,
        check_stop,
        n_threads=images.n_readers or fill.N_THREADS,
    )
    pixels, notes = filling.run(needed | {recipe.image_size_px: every_row}, budget_bytes)
    return {size_px: Prepared(pixels[recipe.image_size_px], pixels[size_px], notes) for size_px in needed}


def with_margin(size_px: int, augment: float) -> int:
    """Return the side at which training images are stored: larger than the model sees them if cropped."""
    return round(size_px * TRAIN_MARGIN) if augment else size_px


def _warnings(class_names: list[str], count: dict[str, Counter[int]]) -> Iterator[RunWarning]:
    unscored = [name for k, name in enumerate(class_names) if not count["valid"][k]]
    single = [name for k, name in enumerate(class_names) if count["train"][k] == 1]
    if unscored:
        verb, them = ("has", "it") if len(unscored) == 1 else ("have", "them")
        text = f"{class_list(unscored)} {verb} no validation image: the score does not cover {them}."
        yield RunWarning("small_class", text)
    if single:
        verb = "has" if len(single) == 1 else "have"
        yield RunWarning("small_class", f"{class_list(single)} {verb} only 1 training image.")
