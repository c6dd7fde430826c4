"""What a training is given, whether it can be learned from, and its pixels, decoded once for all trainings."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import settings
from peakid.errors import ClassTooSmall, SplitMissing, TooFewClasses
from peakid.learn.batches import fill
from peakid.learn.batches.gather import Pixels
from peakid.recipe.recipe import Recipe
from peakid.records import Report

# Room for random crops: a training image is kept a little larger than the model sees it.
TRAIN_MARGIN = 1.15
REPORT_EVERY_S = fill.REPORT_EVERY_S
GB = 10**9


class Stopped(Exception):
    """Someone asked to stop before there was anything to keep."""

    def __init__(self, message: str = "Someone asked to stop.") -> None:
        super().__init__(message)  # Never empty: fastai reads the first word of whatever its callbacks raise.


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
    """The pixels of a training, of all its N images, read from disk as they are used.

    Attributes:
        canonical: Shape (N, S, S, 3): what evaluation and every export see.
        train: Shape (N, T, T, 3): what is cut from while learning.
        notes: Sentences about the cache that a person should read.
    """

    canonical: Pixels
    train: Pixels
    notes: tuple[str, ...] = ()


def check(images: TrainingImages) -> list[str]:
    """Refuse what cannot be learned from, and answer warnings, in words, about what can be learned only badly.

    Raises:
        TooFewClasses: If there are not at least two classes to tell apart.
        SplitMissing: If no image is in train or in valid.
        ClassTooSmall: If a class has no image in train.
    """
    if len(images.class_names) < 2:
        named = f"only the class '{images.class_names[0]}'" if images.class_names else "no class"
        raise TooFewClasses(
            f"The snapshot has {named}; there is nothing to tell apart.", "Label images of a second class."
        )
    count = {split: Counter(images.labels[images.rows(split)].tolist()) for split in ("train", "valid")}
    for split, purpose in (("train", "to learn from"), ("valid", "to choose the best epoch by")):
        if not count[split]:
            raise SplitMissing(
                f"No image of the snapshot is in {split}: there is none {purpose}.",
                f"Freeze one with a share for {split}.",
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


def prepare(
    images: TrainingImages,
    recipe: Recipe,
    *,
    cache_dir: Path,
    report: Report,
    should_stop: Callable[[], bool],
    train_px: int | None = None,
) -> Prepared:
    """Decode every image once for this size and policy, as `prepare_all`.

    Args:
        train_px: Side of training images before random crops; None = a margin over the recipe's size.
    """
    train_px = train_px or with_margin(recipe.image_size_px, recipe.augment)
    return prepare_all(
        images, recipe, [train_px], cache_dir=cache_dir, report=report, should_stop=should_stop
    )[train_px]


def prepare_all(
    images: TrainingImages,
    recipe: Recipe,
    sizes_px: Iterable[int],
    *,
    cache_dir: Path,
    report: Report,
    should_stop: Callable[[], bool],
    budget_bytes: int | None = None,
) -> dict[int, Prepared]:
    """Decode what no training has decoded before, at each size that is learned from; by that size.

    Decoding at each epoch would be the bottleneck of a GPU by a factor of fifty. What the disk or the budget does not hold is
    nevertheless decoded each time, ahead of its use.

    Args:
        sizes_px: Sides of training images before random crops.
        budget_bytes: What the cache may hold on disk; None = as the settings say.

    Raises:
        Stopped: If `should_stop` says so.
        UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
    """

    def go_on() -> None:
        if should_stop():
            raise Stopped

    # What is needed in each epoch comes first, in case there is no room for all of it.
    whole = np.concatenate([images.rows(split) for split in ("valid", "test", "train")])
    # Every image takes its turn to be learned from in cross-validation.
    learned = {size_px: whole if recipe.folds else images.rows("train") for size_px in sizes_px}
    wanted = learned | {recipe.image_size_px: whole}
    budget_bytes = round(settings.current().cache_gb * GB) if budget_bytes is None else budget_bytes
    filling = fill.Filling(images.digests, images.read, recipe.resize, cache_dir, report, go_on)
    given, notes = filling.run(wanted, budget_bytes)
    return {size_px: Prepared(given[recipe.image_size_px], given[size_px], notes) for size_px in learned}


def with_margin(size_px: int, augment: float) -> int:
    """Answer the side at which a training image is kept: a little larger than it is shown where it is cut at random."""
    return round(size_px * TRAIN_MARGIN) if augment else size_px


def _warnings(class_names: list[str], count: dict[str, Counter[int]]) -> Iterator[str]:
    for k, name in enumerate(class_names):
        if not count["valid"][k]:
            yield f"Class '{name}' has no image in valid: the score says nothing about it."
        if count["train"][k] == 1:
            yield f"Class '{name}' has 1 image in train: it can hardly be learned."
