"""Assign splits: an image keeps its split, takes that of its import, or is assigned one with its group."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from peakid.errors import BadFractions
from peakid.records import Group, Split

T = TypeVar("T", bound=str)

SPLITS: tuple[Split, ...] = ("train", "valid", "test")
DEFAULT_FRACTIONS: dict[Split, float] = {"train": 0.7, "valid": 0.15, "test": 0.15}


def partition(
    groups: Sequence[Group],
    assigned: Mapping[str, Split],
    imported: Mapping[str, Split],
    *,
    fractions: Mapping[Split, float],
    seed: int,
) -> dict[str, Split]:
    """Return the split of every image of all groups.

    Splits given by an import are kept. A split that the import does not have is taken from its training part
    only, because test images of a published dataset must not be trained on.

    Args:
        groups: All groups of one snapshot; order does not matter.
        assigned: Split by image digest, from earlier snapshots with this seed.
        imported: Split by image digest, from the folders or the table of an import.
        fractions: Share of each split, in 0..1, adding up to 1.
        seed: Identifies the partition; another seed gives another one.

    Raises:
        BadFractions: If the shares are negative or do not add up to 1.
    """
    shares = checked_fractions(fractions)
    missing = [split for split in SPLITS if shares[split] and split not in imported.values()]
    result: dict[str, Split] = {}
    known: dict[str, Split] = {}
    from_train, new = [], []
    for group in groups:
        splits = known_splits(group, assigned, imported)
        if not splits:
            new.append(group)
        elif missing and _is_imported_train(group, assigned, splits):
            from_train.append(group)
        else:
            result.update(splits)
            known[group.key] = _most_common(splits.values())
    if from_train:  # Before the new groups, whose shares include these images.
        part = _narrowed(shares, ["train", *missing])
        others = [group for group in groups if known.get(group.key) in part]
        known |= assign_groups([*from_train, *others], known, fractions=part, seed=seed)
    known |= assign_groups(
        [group for group in groups if group.key in known] + new, known, fractions=shares, seed=seed
    )
    for group in [*from_train, *new]:
        result.update(dict.fromkeys(group.digests, known[group.key]))
    return result


def assign_groups(
    groups: Sequence[Group], known: Mapping[str, Split], *, fractions: Mapping[Split, float], seed: int
) -> dict[str, Split]:
    """Return the split of every group of near duplicates. New groups are assigned class by class.

    Groups in `known` keep their split, so that an image keeps its split when more images arrive. A fresh
    shuffle would move images from test to train between two snapshots, and the second score would be
    measured on images the model was trained on. Shares are counted in images. A class with at least as
    many groups as splits has one in each split where its new groups allow it.

    A group with several labels counts for its most frequent one; of several, for the first in alphabetical
    order.

    Args:
        groups: With and without a split; order does not matter.
        known: Split by group key, for every group of an earlier snapshot.
        fractions: Share of each split, in 0..1, adding up to 1.
        seed: Identifies the partition; another seed gives another one.

    Raises:
        BadFractions: If the shares are negative or do not add up to 1.
    """
    shares = checked_fractions(fractions)
    by_class: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        by_class[_most_common(group.labels)].append(group)
    assigned: dict[str, Split] = {}
    for members in by_class.values():
        assigned |= _assign_class(
            sorted(members, key=lambda group: _shuffle_key(seed, group.key)), known, shares
        )
    return assigned


def known_splits(
    group: Group, assigned: Mapping[str, Split], imported: Mapping[str, Split]
) -> dict[str, Split]:
    """Return the splits of a group in which an image already has one; an empty dict if none has.

    When new near duplicates connect images of different splits, all go to train, because no score may be
    measured on an image that an earlier model may have been trained on. If the imports themselves put near
    duplicates into different splits, these splits are kept and reported as a leak of that dataset.

    Args:
        assigned: Split by image digest. Takes precedence over an import, because a model may have used it.
        imported: Split by image digest.

    Returns:
        Split by digest for every member, or an empty dict.
    """
    known = {
        digest: assigned.get(digest) or imported[digest]
        for digest in group.digests
        if digest in assigned or digest in imported
    }
    if not known:
        return {}
    if len(set(known.values())) == 1:
        return dict.fromkeys(group.digests, next(iter(known.values())))
    by_import = {split for digest, split in known.items() if imported.get(digest) == split}
    if len(by_import) > 1:
        return {digest: known.get(digest, "train") for digest in group.digests}
    return dict.fromkeys(group.digests, "train")


def checked_fractions(fractions: Mapping[Split, float]) -> dict[Split, float]:
    """Return a share for each of the three splits, 0 for those not given.

    Raises:
        BadFractions: If a share is negative or not finite, a split is unknown, or they do not add up to 1.
    """
    given = ", ".join(f"{name} {share:g}" for name, share in fractions.items())
    remedy = "Give three shares in 0..1 that add up to 1, such as 0.7, 0.15 and 0.15."
    if not set(fractions) <= set(SPLITS):
        raise BadFractions(f"The split shares ({given}) name a split other than {', '.join(SPLITS)}.", remedy)
    if not all(math.isfinite(share) and share >= 0 for share in fractions.values()):
        raise BadFractions(f"The split shares ({given}) have a negative or infinite value.", remedy)
    total = sum(fractions.values())
    if abs(total - 1) > 1e-6:  # Rounding of shares such as 1/3 typed with seven digits.
        raise BadFractions(f"The split shares ({given}) add up to {total:g}, not 1.", remedy)
    return {split: float(fractions.get(split, 0)) for split in SPLITS}


def _assign_class(
    groups: Sequence[Group], known: Mapping[str, Split], shares: Mapping[Split, float]
) -> dict[str, Split]:
    """Assign the new groups of one class, in the given order, each to the split furthest below its share."""
    n_images = sum(len(group.digests) for group in groups)
    deficit = {split: share * n_images for split, share in shares.items()}  # in images
    assigned = {group.key: known[group.key] for group in groups if group.key in known}
    for group in groups:
        if group.key in assigned:
            deficit[assigned[group.key]] -= len(group.digests)
    new = [group for group in groups if group.key not in assigned]
    for group in new:
        split = max((split for split in SPLITS if shares[split]), key=lambda split: deficit[split])
        assigned[group.key] = split
        deficit[split] -= len(group.digests)
    _fill_empty(assigned, new, [split for split in SPLITS if shares[split]])
    return assigned


def _fill_empty(assigned: dict[str, Split], new: Sequence[Group], splits: Sequence[Split]) -> None:
    """Move the smallest new groups into splits in which a small class has no image.

    By shares alone, a class of three images has 2 / 1 / 0 images and no test score.
    """
    for split in splits:
        n_groups = Counter(assigned.values())
        spare = [group for group in new if n_groups[assigned[group.key]] > 1]
        if n_groups[split] == 0 and len(assigned) >= len(splits) and spare:
            assigned[min(spare, key=lambda group: len(group.digests)).key] = split


def _is_imported_train(group: Group, assigned: Mapping[str, Split], splits: Mapping[str, Split]) -> bool:
    return set(splits.values()) == {"train"} and not any(digest in assigned for digest in group.digests)


def _narrowed(shares: Mapping[Split, float], splits: Sequence[Split]) -> dict[Split, float]:
    """Return the shares of these splits alone, in the same proportion; all in train where they have none."""
    total = sum(shares[split] for split in set(splits))
    return {split: shares[split] / total for split in splits} if total else {"train": 1.0}


def _most_common(values: Iterable[T]) -> T:
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))


def _shuffle_key(seed: int, key: str) -> str:
    """Return a sort key that shuffles by content, independent of the order of import."""
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()
