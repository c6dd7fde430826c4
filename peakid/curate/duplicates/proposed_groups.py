"""Present what a model proposes as copies as groups to resolve, each picture laid over the best one."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from peakid.curate.duplicates import (
    duplicate_groups,
    proposals,
)
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, GroupCache
from peakid.curate.duplicates.duplicate_images import DuplicateImage, Likeness
from peakid.curate.duplicates.pair_judgements import IdPair
from peakid.curate.duplicates.proposals import Matrix, Proposal
from peakid.errors import NotFound
from peakid.imaging import gate, inspection, overlay
from peakid.store import images
from peakid.store.workspace import Workspace


def list_groups(workspace: Workspace) -> list[DuplicateGroup]:
    """Return the proposed groups: the open ones first, of these the ones with the best agreement.

    They are in addition to `duplicate_groups.list_groups`: a proposal is never resolved by a rule for all
    groups unless it is asked for by its kind.
    """
    return list(_cache(workspace).groups())


def find(workspace: Workspace, key: str) -> DuplicateGroup:
    """Return the proposed group whose key begins with `key`; errors as in `duplicate_groups.find`."""
    return duplicate_groups.named(list_groups(workspace), key)


def n_waiting(workspace: Workspace) -> int:
    """Return the number of open proposed groups."""
    cache = _cache(workspace)
    cache.groups()
    return cache.counts.n_proposed


def drawn_over(workspace: Workspace, digest: str, onto: str) -> bytes:
    """Draw an image as it lies over another one: a JPEG with the frame of the other one's thumbnail.

    Raises:
        NotFound: If there is no such image, or it is not proposed as a copy of the other one.
        UnreadableImage: If it cannot be decoded.
    """
    other = images.show(workspace, onto)
    matrix = _known_matrix(workspace, onto, digest)
    if matrix is None:
        raise NotFound(f"Image {digest[:16]} is not proposed as a copy of image {onto[:16]}.")
    factor = min(1.0, inspection.THUMBNAIL_PX / max(other.width_px, other.height_px))
    size = (max(1, round(other.width_px * factor)), max(1, round(other.height_px * factor)))
    return gate.call(overlay.laid_over, images.thumbnail(workspace, digest), matrix, size)


def _known_matrix(workspace: Workspace, a: str, b: str) -> Matrix | None:
    """Return the matrix from the best image of a group to another one."""
    for group in _cache(workspace).groups():
        for image in group.images if group.images[0].digest == a else ():
            if image.digest == b and image.likeness:
                return image.likeness.matrix
    return None


def between(found: Mapping[IdPair, Proposal], a: int, b: int) -> np.ndarray | None:
    """Return how image `a` lies over image `b`, directly or through one image that both resemble.

    Returns:
        The matrix from `a` to `b`, float64 of shape (2, 3), as in `Proposal`; None where neither is known.
    """
    direct = _step(found, a, b)
    if direct is not None:
        return direct[:2]
    ends = {n for pair in found for n in pair}
    for middle in sorted(ends):
        first, second = _step(found, a, middle), _step(found, middle, b)
        if first is not None and second is not None:
            return (second @ first)[:2]
    return None


def _step(found: Mapping[IdPair, Proposal], a: int, b: int) -> np.ndarray | None:
    """Return the matrix of one proposal in either direction, (3, 3)."""
    known = found.get((min(a, b), max(a, b)))
    if known is None:
        return None
    matrix = np.vstack([np.array(known.matrix), [0, 0, 1]])
    return matrix if a < b else np.linalg.inv(matrix)


@functools.lru_cache(4)
def _cache(workspace: Workspace) -> "_ProposedCache":
    return _ProposedCache(workspace)


class _ProposedCache(GroupCache):
    """All groups of the proposed pairs, as last read."""

    def _find_pairs(self) -> None:
        self._found = {each.pair: each for each in proposals.read(self._workspace)}
        self._pairs = dict.fromkeys(self._found, 0)

    def _group(self, images: Sequence[DuplicateImage], *, is_settled: bool) -> DuplicateGroup:
        ids = sorted(image.image_id for image in images)
        inside = {pair: self._found[pair] for pair in itertools.combinations(ids, 2) if pair in self._found}
        best, *others = duplicate_groups.ranked(images, "largest")
        shown = [
            replace(
                image,
                distance=duplicate_groups.bits_apart(best, image),
                likeness=_likeness(inside, best.image_id, image.image_id),
            )
            for image in others
        ]
        members = [replace(best, is_best=True), *shown]
        return duplicate_groups.assembled("proposed", members, is_settled=is_settled)

    def _urgency(self, group: DuplicateGroup) -> tuple[object, ...]:
        agreement = max(image.likeness.agreement for image in group.images if image.likeness)
        flags = (group.is_settled, not group.is_conflicting, not group.is_across_splits)
        return (*flags, -round(agreement, 2), group.images[0].image_id)


def _likeness(found: Mapping[IdPair, Proposal], best: int, other: int) -> Likeness:
    """Return how an image resembles the best one; in a chain, how it resembles the nearest of the others."""
    known = found.get((min(best, other), max(best, other)))
    if known is None:
        of_other = [each for each in found.values() if other in each.pair]
        known = max(of_other, key=lambda each: each.agreement)
    matrix = between(found, best, other)
    return Likeness(
        strength=known.strength,
        similarity=known.similarity,
        n_matches=known.n_matches,
        agreement=known.agreement,
        matrix=None if matrix is None else tuple(tuple(row) for row in matrix.tolist()),
    )
