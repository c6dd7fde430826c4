"""Parts of a dataset: a share of each class to train faster, and the folds of cross-validation."""

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from peakid import files
from peakid.errors import ClassTooSmall
from peakid.learn.batches.data import TrainingImages
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.remedies import action

PREDICTIONS = "answers.npy"  # With a .json file of facts; the name is on the disks of interrupted trainings.


def take_share(
    images: TrainingImages, fraction: float, *, seed: int, is_folded: bool = False
) -> TrainingImages:
    """Keep a share of the training images, class by class, and all images of the other splits.

    Near duplicates are kept or left out together: a part full of them would teach less than its size
    suggests. Groups are taken in the order of a hash of their key, so that a larger share contains the
    smaller one, and two scores differ only by the added images.

    Args:
        fraction: Over 0 and up to 1, of each class; at least one image of it is kept.
        seed: Determines the order.
        is_folded: For cross-validation, where every image is a training image of some fold: take a share of
            all.
    """
    if fraction >= 1:
        return images
    eligible = np.arange(len(images.digests)) if is_folded else images.rows("train")
    groups = images.groups if images.groups is not None else images.digests
    taken = [
        row
        for k in range(len(images.class_names))
        for row in _of_class(eligible[images.labels[eligible] == k], groups, fraction, seed)
    ]
    left_out = set(eligible.tolist()) - set(taken)
    return select(images, [row for row in range(len(images.digests)) if row not in left_out])


def select(images: TrainingImages, rows: list[int]) -> TrainingImages:
    """Return the images of some rows, in their order."""
    groups = images.groups
    return dataclasses.replace(
        images,
        digests=[images.digests[row] for row in rows],
        labels=images.labels[rows],
        splits=[images.splits[row] for row in rows],
        groups=None if groups is None else [groups[row] for row in rows],
    )


def assign_folds(images: TrainingImages, n_folds: int, seed: int) -> np.ndarray:
    """Assign each image the fold of its group, classes spread evenly: int64 of shape (N,), in 0..n_folds-1.

    Raises:
        ClassTooSmall: If a class has fewer groups than there are folds, so that some fold would have none of
        it.
    """
    groups = np.asarray(images.groups if images.groups is not None else images.digests)
    for k, name in enumerate(images.class_names):
        n_groups = len(set(groups[images.labels == k]))
        if n_groups < n_folds:
            raise ClassTooSmall(
                f"Class '{name}' has {n_groups} images that are not near duplicates; training with "
                f"{n_folds} folds needs at least {n_folds}.",
                "Label more, exclude the class, or use fewer folds.",
                action("set_recipe", key="folds", value=3),
            )
    fold = np.zeros(len(groups), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # It warns about classes with fewer images than folds; groups were counted above.
        warnings.simplefilter("ignore")
        for number, (_, held_out) in enumerate(splitter.split(groups, images.labels, groups)):
            fold[held_out] = number
    return fold


def with_fold_splits(images: TrainingImages, fold: np.ndarray, number: int) -> TrainingImages:
    """Return the images with the splits of fold `number`: it is test, the next one valid, all others train.

    The best epoch is chosen on another fold than the one that is predicted; otherwise each prediction would
    be a little too good.
    """
    n_folds = int(fold.max()) + 1
    splits = np.where(fold == number, "test", np.where(fold == (number + 1) % n_folds, "valid", "train"))
    return dataclasses.replace(images, splits=splits.tolist())


def cached_fold(
    folder: Path, train: Callable[[], tuple[np.ndarray, dict[str, Any]] | None], ranks: Ranks = ALONE
) -> tuple[np.ndarray, dict[str, Any]] | None:
    """Return the result of a fold, from its folder if it was trained before; None where `train` was stopped.

    Args:
        train: Returns pred_probs, float32 of shape (n, K), and facts that JSON can hold.
        ranks: Those that train together; the first one reads and writes.
    """
    if (known := ranks.of_first(lambda: read_fold(folder))) is not None:
        return known
    result = train()
    if result is not None and ranks.is_first:
        write_fold(folder, *result)
    return result


def read_fold(folder: Path) -> tuple[np.ndarray, dict[str, Any]] | None:
    """Return the result of a fold as `write_fold` stored it; None where there is none."""
    file = folder / PREDICTIONS
    facts_file = file.with_suffix(".json")
    if not (file.is_file() and facts_file.is_file()):
        return None
    return np.load(file, allow_pickle=False), json.loads(facts_file.read_text(encoding="utf-8"))


def write_fold(folder: Path, pred_probs: np.ndarray, facts: dict[str, Any]) -> None:
    """Store the result of a fold; arguments as what `train` of `cached_fold` returns."""
    file = folder / PREDICTIONS
    files.write_json(file.with_suffix(".json"), facts)
    # Last: a fold counts as finished when its probabilities are complete.
    with files.replacing(file) as part, part.open("wb") as stream:
        np.save(stream, pred_probs, allow_pickle=False)


def _of_class(rows: np.ndarray, groups: Sequence[str], fraction: float, seed: int) -> list[int]:
    """Take whole groups until the share is reached."""
    n_wanted, taken = ceil(fraction * len(rows)), list[int]()
    of_group: dict[str, list[int]] = {}
    for row in rows.tolist():
        of_group.setdefault(groups[row], []).append(row)
    for group in sorted(of_group, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest()):
        if len(taken) < n_wanted:
            taken += of_group[group]
    return taken
