"""Find the groups of images that are the same picture, without looking at every pair inside a large group.

Once pairs connect two images, further pairs between them change no group. In a burst of 3,000 frames that are
4.5 million pairs, so of a large group only some are looked at and stored: those to a central image, by which
the group is shown, and the nearest ones of each image.
"""

from collections.abc import Callable

import numpy as np

from peakid.curate.duplicates import pair_search
from peakid.curate.duplicates.pair_search import Candidates, Comparison, Pair

WHOLE_UP_TO = 64  # Images of a group of which every pair is looked at and stored.
N_NEAREST = 8  # Pairs of an image that are stored in a larger group.
N_LOOKS = 16  # At pairs that change no group, for an image whose nearest pairs are doubtful.
GROWTH = 4  # Times as many candidates of each group are looked at in each further round.

IsApart = Callable[[int, np.ndarray], np.ndarray]
"""(row, other rows) -> whether a person called each pair different: bool of shape (M,)."""


class GroupSearch:
    """The groups so far, to which one row after the other is added.

    Args:
        labels: The group of each row by the pairs already stored, without those called different: int64 of
            shape (N,).
        is_central: Rows by which stored groups are shown: bool of shape (N,).

    Attributes:
        has_more: Rows of which not every pair with an earlier one was looked at: bool of shape (N,).
    """

    def __init__(
        self, labels: np.ndarray, is_central: np.ndarray, comparison: Comparison, is_apart: IsApart
    ) -> None:
        n = len(labels)
        order = np.argsort(labels, kind="stable")
        starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
        sizes = np.diff(starts, append=n)
        # The label of a group is its first row. Of the many groups with one row, no members are kept.
        self._labels = np.empty(n, dtype=np.int64)
        self._labels[order] = np.repeat(order[starts], sizes)
        self._members = {
            int(order[start]): order[start : start + size].tolist()
            for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True)
        }
        self._is_central = is_central
        self._comparison = comparison
        self._is_apart = is_apart
        self.has_more = np.zeros(n, dtype=bool)

    def add(self, found: Candidates) -> list[Pair]:
        """Connect a row with the earlier ones that are the same picture; return the pairs to store."""
        row, nearest = found.row, found.nearest
        is_apart = self._is_apart(row, found.earlier)
        left = np.argsort(nearest, kind="stable")
        # The nearest sure pair with each group costs no look, and may make a large group at once.
        sure = left[(nearest[left] <= pair_search.SURE) & ~is_apart[left]]
        chosen = sure[np.unique(self._labels[found.earlier[sure]], return_index=True)[1]]
        pairs, n_each = list[Pair](), 1
        while len(chosen) or len(chosen := self._due(row, found, left, is_apart, n_each)):
            same = self._comparison.same(found, chosen)
            pairs += same
            apart = set(found.earlier[chosen[is_apart[chosen]]].tolist())
            for pair in same:
                if pair.earlier not in apart:
                    self._join(row, int(self._labels[pair.earlier]))
            left, chosen = left[~np.isin(left, chosen)], chosen[:0]
            n_each *= GROWTH
        return pairs + self._extra(found, nearest, is_apart, pairs, left)

    def _due(
        self, row: int, found: Candidates, left: np.ndarray, is_apart: np.ndarray, n_each: int
    ) -> np.ndarray:
        """Return the candidates to look at now: every one in a small group, `n_each` of each other one."""
        own, room = self._labels[row], WHOLE_UP_TO - self._size(row)
        if room < 0:
            left = left[(self._labels[found.earlier[left]] != own) & ~is_apart[left]]
        others = self._labels[found.earlier[left]]
        sizes = {label: len(self._of(label)) for label in np.unique(others).tolist()}
        taken: dict[int, int] = {}
        chosen = []
        for n, label in zip(left.tolist(), others.tolist(), strict=True):
            if (0 if label == own else sizes[label]) <= room:
                chosen.append(n)
            elif label != own and not is_apart[n] and taken.get(label, 0) < n_each:
                taken[label] = taken.get(label, 0) + 1
                chosen.append(n)
        return np.array(chosen, dtype=np.int64)

    def _extra(
        self,
        found: Candidates,
        nearest: np.ndarray,
        is_apart: np.ndarray,
        pairs: list[Pair],
        left: np.ndarray,
    ) -> list[Pair]:
        """Return the pair with a central image and the nearest pairs, as far as they are not in `pairs`."""
        row, known = found.row, {pair.earlier for pair in pairs}
        # In the groups of before, a candidate that was refused is not asked for a second time.
        is_left = (nearest <= pair_search.SURE) & ~is_apart
        is_left[left[~is_apart[left]]] = True
        is_left &= ~np.isin(found.earlier, list(known)) & (self._labels[found.earlier] == self._labels[row])
        order = np.argsort(nearest, kind="stable")
        order = order[is_left[order]]
        extra: list[Pair] = []
        if not any(self._is_central[n] for n in known):
            central = order[self._is_central[found.earlier[order]]]
            extra = self._comparison.same(found, central[:1])
            if len(central) and not extra:
                extra = self._comparison.same(found, central[1:N_LOOKS])[:1]
            self._is_central[row] = not extra
        stored = {pair.earlier for pair in extra}
        order = order[~np.isin(found.earlier[order], list(stored))]
        wanted = max(0, N_NEAREST - len(known))
        sure = order[nearest[order] <= pair_search.SURE][:wanted]
        extra += self._comparison.same(found, sure)
        doubtful = order[nearest[order] > pair_search.SURE][: min(N_LOOKS, 2 * (wanted - len(sure)))]
        extra += self._comparison.same(found, doubtful)[: wanted - len(sure)]
        self.has_more[row] |= len(order) > len(sure)
        return extra

    def _size(self, row: int) -> int:
        return len(self._of(int(self._labels[row])))

    def _of(self, label: int) -> list[int]:
        """Return the rows of a group."""
        return self._members.get(label, [label])

    def _join(self, row: int, other: int) -> None:
        own = int(self._labels[row])
        if own == other:
            return
        small, large = sorted((own, other), key=lambda label: len(self._of(label)))
        moved = self._members.pop(small, [small])
        self._labels[moved] = large
        self._members.setdefault(large, [large]).extend(moved)


def central(pairs: np.ndarray, n: int) -> np.ndarray:
    """Choose rows so that every other row has a pair with an earlier one of them.

    Args:
        pairs: int64 of shape (P, 2): the later and the earlier row.
        n: Number of rows.

    Returns:
        bool of shape (n,). Rows without a pair are central.
    """
    found = np.ones(n, dtype=bool)
    for row, earlier in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].tolist():
        if found[earlier]:
            found[row] = False
    return found
