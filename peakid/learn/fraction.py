"""Training on a part first: a share of each class's images, chosen so that a larger share holds the smaller one."""

import dataclasses
import hashlib
from collections.abc import Sequence
from math import ceil

import numpy as np

from peakid.learn.batches.data import TrainingImages


def take(images: TrainingImages, fraction: float, *, seed: int, is_folded: bool = False) -> TrainingImages:
    """Keep a share of the images that are learned from, class by class, and all that are scored by.

    Look-alikes come or stay out together, because a part full of near-duplicates would teach less than its size says. They
    come in the order of a hash of their group: twice the share holds the first one whole, so that two scores differ by
    what was added alone.

    Args:
        fraction: Over 0 and up to 1, of each class; at least one image of it.
        seed: Names one order.
        is_folded: For cross-validation, where every image takes its turn to be learned from: a share of all of them.
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
    return only(images, [row for row in range(len(images.digests)) if row not in left_out])


def _of_class(rows: np.ndarray, groups: Sequence[str], fraction: float, seed: int) -> list[int]:
    """Take whole groups until the share is reached."""
    wanted, taken = ceil(fraction * len(rows)), list[int]()
    of_group: dict[str, list[int]] = {}
    for row in rows.tolist():
        of_group.setdefault(groups[row], []).append(row)
    for group in sorted(of_group, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest()):
        if len(taken) < wanted:
            taken += of_group[group]
    return taken


def only(images: TrainingImages, rows: list[int]) -> TrainingImages:
    """Answer the images of these rows, in their order."""
    groups = images.groups
    return dataclasses.replace(
        images,
        digests=[images.digests[row] for row in rows],
        labels=images.labels[rows],
        splits=[images.splits[row] for row in rows],
        groups=None if groups is None else [groups[row] for row in rows],
    )
