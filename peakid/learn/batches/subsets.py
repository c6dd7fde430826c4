"""Cross-validation: every image is predicted by a model that never saw it, nor anything that looks like it."""

import dataclasses
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from peakid.errors import ClassTooSmall
from peakid.learn.batches.data import TrainingImages

ANSWERS = "answers.npy"


def deal(images: TrainingImages, n_folds: int, seed: int) -> np.ndarray:
    """Give every image a fold, its group's, classes spread evenly: int64 of shape (N,), in 0..n_folds-1.

    Raises:
        ClassTooSmall: If a class has fewer groups than folds, so that some fold would have none of it.
    """
    groups = np.asarray(images.groups if images.groups is not None else images.digests)
    for k, name in enumerate(images.class_names):
        n_groups = len(set(groups[images.labels == k]))
        if n_groups < n_folds:
            raise ClassTooSmall(
                f"Class '{name}' has {n_groups} images that do not look alike; training with {n_folds} folds needs at least {n_folds}.",
                "Label more, exclude the class, or train with fewer: --set folds=3.",
            )
    fold = np.zeros(len(groups), dtype=np.int64)
    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Of classes smaller than the folds, counted in images; groups were counted above.
        for number, (_, held_out) in enumerate(dealer.split(groups, images.labels, groups)):
            fold[held_out] = number
    return fold


def part(images: TrainingImages, fold: np.ndarray, number: int) -> TrainingImages:
    """Answer the images as fold `number` uses them: it is test, the next one valid, all others train.

    The best epoch is chosen on another fold than the one that is predicted; else each prediction would be a little too good.
    """
    n_folds = int(fold.max()) + 1
    splits = np.where(fold == number, "test", np.where(fold == (number + 1) % n_folds, "valid", "train"))
    return dataclasses.replace(images, splits=splits.tolist())


def answers(
    folder: Path, ask: Callable[[], tuple[np.ndarray, dict[str, Any]] | None]
) -> tuple[np.ndarray, dict[str, Any]] | None:
    """Answer what a fold gave, from its folder if it was done before; None where `ask` was stopped.

    Args:
        ask: Trains and answers pred_probs, float32 of shape (n, K), and facts that JSON can hold.
    """
    file = folder / ANSWERS
    if file.is_file() and file.with_suffix(".json").is_file():
        return np.load(file, allow_pickle=False), json.loads(
            file.with_suffix(".json").read_text(encoding="utf-8")
        )
    given = ask()
    if given is not None:
        folder.mkdir(parents=True, exist_ok=True)
        facts = file.with_suffix(".json.partial")
        facts.write_text(json.dumps(given[1]), encoding="utf-8")
        facts.replace(file.with_suffix(".json"))
        part_file = folder / f"{os.getpid()}.partial.npy"
        np.save(part_file, given[0], allow_pickle=False)
        part_file.replace(file)  # Last: a fold counts as done when its probabilities are whole.
    return given
