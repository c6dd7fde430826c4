"""Connect pairs of images to groups: which pairs are open, what is connected, and where chains are cut."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from peakid.curate.duplicates.duplicate_images import DuplicateImage
from peakid.curate.duplicates.pair_judgements import IdPair
from peakid.records import PairVerdict


def is_open(
    pair: IdPair,
    images: Mapping[int, DuplicateImage],
    judged: Mapping[IdPair, PairVerdict],
) -> bool:
    """Return whether a pair is neither judged nor has an excluded image."""
    return judged.get(pair, "open") == "open" and all(images[n].verdict != "exclude" for n in pair)


def connected(pairs: Iterable[IdPair]) -> list[list[int]]:
    """Return the connected components of some pairs, each as sorted ids.

    For the usual one or two pairs, scipy takes ten times as long.
    """
    neighbours: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        neighbours[a].add(b)
        neighbours[b].add(a)
    found: list[list[int]] = []
    while neighbours:
        reached, front = set[int](), {next(iter(neighbours))}
        while front:
            reached |= front
            front = {n for end in front for n in neighbours.pop(end)} - reached
        found.append(sorted(reached))
    return found


def parts(pairs: Sequence[IdPair], exact: set[IdPair]) -> Iterator[list[int]]:
    """Split chains into parts: an image, or several of the same pixels, and all that directly resemble it."""
    same = {n: min(ids) for ids in connected([pair for pair in pairs if pair in exact]) for n in ids}
    neighbours: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        one, other = same.get(a, a), same.get(b, b)
        neighbours[one].add(other)
        neighbours[other].add(one)
    members: dict[int, list[int]] = defaultdict(list)
    for n in {n for pair in pairs for n in pair}:
        members[same.get(n, n)].append(n)
    for ids in connected(pairs):
        left = {same.get(n, n) for n in ids}
        while left:
            centre = max(left, key=lambda n: (len(neighbours[n] & left), -n))
            part = {centre} | (neighbours[centre] & left)
            left -= part
            together = sorted(n for one in part for n in members[one])
            if len(together) > 1:
                yield together
