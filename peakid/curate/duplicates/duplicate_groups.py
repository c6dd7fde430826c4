"""Which look-alikes wait for a person, as groups to be resolved at a glance: what they differ in, the best first."""

import functools
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from peakid.curate.duplicates import duplicate_images, pair_judgements
from peakid.curate.duplicates.duplicate_images import DuplicateImage
from peakid.errors import AmbiguousDigest, NotFound
from peakid.records import DuplicateKind, PairVerdict
from peakid.store.workspace import Workspace

KeepRule = Literal[
    "largest",     # Most pixels, then least compressed.
    "sharpest",    # Strongest edges for its contrast, where that was measured; then largest.
    "compressed",  # Least compressed: most bytes a pixel; then largest.
    "source",      # What a table named before a folder, a folder before an archive; then largest.
]  # fmt: skip
SOURCES = ("csv", "folder", "zip")  # Best first: somebody wrote a table by hand.


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that look the same, the best first. `group_key` is the smallest digest among them."""

    group_key: str
    kind: DuplicateKind
    is_conflicting: bool
    is_across_splits: bool
    is_settled: bool
    images: tuple[DuplicateImage, ...]


def list_groups(workspace: Workspace, *, rule: KeepRule = "largest") -> list[DuplicateGroup]:
    """Return all groups: first those whose labels conflict, then across splits, exact, near, copies, and the settled.

    A group waits while two of its images are neither excluded nor judged as a pair. Of a chain, in which the ends do
    not resemble each other, only images that resemble one and the same are shown together; what is left over
    comes when those are resolved. Splits know no such cut.
    """
    board = _board(workspace)
    groups = board.groups()
    return (
        list(groups)
        if rule == "largest"
        else sorted((board.ordered(group, rule) for group in groups), key=_urgency)
    )


def n_waiting(workspace: Workspace) -> int:
    """Count the groups that wait for a person."""
    board = _board(workspace)
    board.groups()
    return board.n_waiting


def find(workspace: Workspace, key: str) -> DuplicateGroup:
    """Return the group whose key begins with `key`; one that waits before one that is settled.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several groups begin so.
    """
    found = (
        [group for group in _board(workspace).groups() if group.group_key.startswith(key.lower())]
        if key
        else []
    )
    if not found:
        raise NotFound(
            f"No group of duplicates has the key {key!r}.", "See them with: peakid duplicates list --all"
        )
    if len({group.group_key for group in found}) > 1:
        raise AmbiguousDigest(f"{len(found)} groups begin with {key!r}.", "Give more of the key's digits.")
    return found[0]


def open_pairs(workspace: Workspace, digests: Iterable[str]) -> list[pair_judgements.IdPair]:
    """Return the pairs among these images, as they were found."""
    wanted = set(digests)
    rows = workspace.query(
        "SELECT image_a_id, image_b_id, a.digest AS a, b.digest AS b FROM duplicate_pair"
        " JOIN image a ON a.id = image_a_id JOIN image b ON b.id = image_b_id"
        f" WHERE a.digest IN ({','.join('?' * len(wanted))})",
        sorted(wanted),
    )
    return [(row["image_a_id"], row["image_b_id"]) for row in rows if row["b"] in wanted]


def exact_among(workspace: Workspace, pairs: Iterable[pair_judgements.IdPair]) -> bool:
    """Tell whether any of these pairs has the very same pixels."""
    return any(
        workspace.one(
            "SELECT 1 FROM duplicate_pair WHERE image_a_id = ? AND image_b_id = ? AND kind = 'exact'", pair
        )
        for pair in pairs
    )


def ranked(images: Sequence[DuplicateImage], rule: KeepRule) -> list[DuplicateImage]:
    """Order images by a rule, the one to keep first; of equals the one that came first."""
    return sorted(
        images, key=lambda image: (image.verdict == "exclude", *_worth(image, rule), image.image_id)
    )


def _worth(image: DuplicateImage, rule: KeepRule) -> tuple[float, ...]:
    """Smaller is better."""
    largest = (-image.width_px * image.height_px, -image.bits_per_pixel)
    source = SOURCES.index(image.source) if image.source in SOURCES else len(SOURCES)
    first = {
        "largest": 0.0,
        "sharpest": -(image.sharpness or 0),
        "compressed": -image.bits_per_pixel,
        "source": source,
    }[rule]
    return (first, *largest)


@functools.lru_cache(4)
def _board(workspace: Workspace) -> "_Board":
    return _Board(workspace)


class _Board:
    """All groups as they stood when last asked for, by the rule "largest".

    Every page counts them, and a judgement changes one: so only what was judged since is put together anew. Images
    that are tied by pairs, judged or not, are one clan; a group never leaves its clan.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._structure: tuple[object, ...] = ()
        self._last: tuple[int, int] = (0, 0)  # Ids of the decision and of the pair judgement seen last.
        self._clans: dict[int, list[int]] = {}  # Image id -> ids of its clan.
        self._pairs: dict[pair_judgements.IdPair, int] = {}
        self._exact: set[pair_judgements.IdPair] = set()
        self._places: dict[int, list[tuple[str, str, str | None]]] = {}
        self._groups: dict[int, list[DuplicateGroup]] = {}  # Smallest id of a clan -> its groups.
        self._sorted: list[DuplicateGroup] = []
        self.n_waiting = 0

    def groups(self) -> list[DuplicateGroup]:
        with self._lock:
            structure, last = _structure(self._workspace), _last(self._workspace)
            if structure != self._structure:
                self._find_clans()
                self._put_together(self._clans)
            elif last != self._last:
                self._put_together(_judged_since(self._workspace, self._last) & self._clans.keys())
            self._structure, self._last = structure, last
            return self._sorted

    def ordered(self, group: DuplicateGroup, rule: KeepRule) -> DuplicateGroup:
        """Return the group with the best by another rule first."""
        if group.kind == "copy":
            return group
        return replace(group, images=self._shown(group.images, rule))

    def _find_clans(self) -> None:
        found = self._workspace.query(
            "SELECT image_a_id AS a, image_b_id AS b, kind, distance FROM duplicate_pair"
        )
        self._pairs = {(row["a"], row["b"]): row["distance"] for row in found}
        self._exact = {(row["a"], row["b"]) for row in found if row["kind"] == "exact"}
        self._places = _places(self._workspace)
        self._clans = {n: ids for ids in _joined(list(self._pairs)) for n in ids}
        self._clans |= {n: [n] for n in self._places if n not in self._clans}
        self._groups = {}

    def _put_together(self, image_ids: Collection[int]) -> None:
        clans = {self._clans[n][0]: self._clans[n] for n in image_ids}
        members = {n for ids in clans.values() for n in ids}
        images, judged = (
            duplicate_images.read(self._workspace, members),
            pair_judgements.newest(self._workspace),
        )
        for clan, pairs in self._pairs_of(clans).items():
            self._groups[clan] = [
                *self._of_pairs(pairs, images, judged),
                *self._of_copies(clans[clan], images),
            ]
        self._sorted = sorted((group for groups in self._groups.values() for group in groups), key=_urgency)
        self.n_waiting = sum(not group.is_settled for group in self._sorted)

    def _pairs_of(self, clans: Mapping[int, Sequence[int]]) -> dict[int, list[pair_judgements.IdPair]]:
        """Return the pairs of each clan. A clan of hundreds has thousands of pairs, most have one."""
        if len(clans) > len(self._groups):
            found: dict[int, list[pair_judgements.IdPair]] = {clan: [] for clan in clans}
            for pair in self._pairs:
                found[self._clans[pair[0]][0]].append(pair)
            return found
        return {
            clan: [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (a, b) in self._pairs]
            for clan, ids in clans.items()
        }

    def _of_pairs(
        self,
        pairs: Sequence[pair_judgements.IdPair],
        images: Mapping[int, DuplicateImage],
        judged: Mapping[pair_judgements.IdPair, PairVerdict],
    ) -> Iterator[DuplicateGroup]:
        waiting = [pair for pair in pairs if _waits(pair, images, judged)]
        settled = [pair for pair in pairs if not _waits(pair, images, judged)]
        for ids in _parts(waiting, self._exact):
            yield self._group([images[n] for n in ids], is_settled=False)
        for ids in _joined(settled):
            yield self._group([images[n] for n in ids], is_settled=True)

    def _of_copies(
        self, ids: Sequence[int], images: Mapping[int, DuplicateImage]
    ) -> Iterator[DuplicateGroup]:
        """Yield the images that were found at several places; one waits while the places disagree about its label."""
        for image in (images[n] for n in ids if n in self._places):
            first, *others = (
                replace(image, path=path, source=source, label=label)
                for path, source, label in self._places[image.image_id]
            )
            is_open = len(image.labels) > 1 and image.verdict != "exclude"
            yield _assembled("copy", [replace(first, is_best=True), *others], is_settled=not is_open)

    def _group(self, images: Sequence[DuplicateImage], *, is_settled: bool) -> DuplicateGroup:
        kind: DuplicateKind = (
            "exact" if _is_exact([image.image_id for image in images], self._exact) else "near"
        )
        return _assembled(kind, self._shown(images, "largest"), is_settled=is_settled)

    def _shown(self, images: Sequence[DuplicateImage], rule: KeepRule) -> tuple[DuplicateImage, ...]:
        best, *others = ranked(images, rule)
        pairs = [(min(best.image_id, image.image_id), max(best.image_id, image.image_id)) for image in others]
        distances = [
            self._pairs.get(pair, _distance(best, image)) for pair, image in zip(pairs, others, strict=True)
        ]
        shown = [
            replace(image, distance=bits, is_best=False)
            for image, bits in zip(others, distances, strict=True)
        ]
        return (replace(best, distance=0, is_best=True), *shown)


def _structure(workspace: Workspace) -> tuple[object, ...]:
    """Return what changes whenever other images are tied, or something else is to be shown of them than who judged what."""
    row = workspace.one(
        "SELECT (SELECT revision FROM pair_revision), (SELECT MAX(id) FROM origin),"
        " (SELECT MAX(frozen_at) FROM snapshot), (SELECT group_concat(name) FROM class)"
    )
    return tuple(row or ())


def _last(workspace: Workspace) -> tuple[int, int]:
    row = workspace.one("SELECT (SELECT MAX(id) FROM decision), (SELECT MAX(id) FROM pair_judgement)")
    return (row[0] or 0, row[1] or 0) if row else (0, 0)


def _judged_since(workspace: Workspace, last: tuple[int, int]) -> set[int]:
    rows = workspace.query(
        "SELECT image_id FROM decision WHERE id > ? UNION SELECT image_a_id FROM pair_judgement WHERE id > ?"
        " UNION SELECT image_b_id FROM pair_judgement WHERE id > ?",
        (last[0], last[1], last[1]),
    )
    return {row["image_id"] for row in rows}


def _places(workspace: Workspace) -> dict[int, list[tuple[str, str, str | None]]]:
    """Return path, source and label of every place of the images that were found at several."""
    rows = workspace.query(
        "SELECT image_id, path, source, label FROM origin WHERE image_id IN"
        " (SELECT image_id FROM (SELECT DISTINCT image_id, root_id, path FROM origin) GROUP BY image_id HAVING COUNT(*) > 1) ORDER BY id"
    )
    found: dict[int, dict[str, tuple[str, str, str | None]]] = defaultdict(dict)
    for row in rows:
        found[row["image_id"]].setdefault(row["path"], (row["path"], row["source"], row["label"]))
    return {image_id: list(places.values()) for image_id, places in found.items()}


def _urgency(group: DuplicateGroup) -> tuple[object, ...]:
    order = ("exact", "near", "copy").index(group.kind)
    return (
        group.is_settled,
        not group.is_conflicting,
        not group.is_across_splits,
        order,
        group.images[0].image_id,
    )


def _waits(
    pair: pair_judgements.IdPair,
    images: Mapping[int, DuplicateImage],
    judged: Mapping[pair_judgements.IdPair, PairVerdict],
) -> bool:
    return judged.get(pair, "open") == "open" and all(images[n].verdict != "exclude" for n in pair)


def _joined(pairs: Iterable[pair_judgements.IdPair]) -> list[list[int]]:
    """Return the connected components of some pairs, each as sorted ids. Mostly a pair or two: scipy's would cost ten times as much."""
    ties: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        ties[a].add(b)
        ties[b].add(a)
    found: list[list[int]] = []
    while ties:
        reached, front = set(), {next(iter(ties))}
        while front:
            reached |= front
            front = {n for end in front for n in ties.pop(end)} - reached
        found.append(sorted(reached))
    return found


def _parts(
    pairs: Sequence[pair_judgements.IdPair], exact: set[pair_judgements.IdPair]
) -> Iterator[list[int]]:
    """Cut chains: each part is one image, or several of the same pixels, and all that resemble it directly."""
    same = {n: min(ids) for ids in _joined([pair for pair in pairs if pair in exact]) for n in ids}
    ties: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        one, other = same.get(a, a), same.get(b, b)
        ties[one].add(other)
        ties[other].add(one)
    members: dict[int, list[int]] = defaultdict(list)
    for n in {n for pair in pairs for n in pair}:
        members[same.get(n, n)].append(n)
    for ids in _joined(pairs):
        left = {same.get(n, n) for n in ids}
        while left:
            centre = max(left, key=lambda n: (len(ties[n] & left), -n))
            part = {centre} | (ties[centre] & left)
            left -= part
            together = sorted(n for one in part for n in members[one])
            if len(together) > 1:
                yield together


def _is_exact(ids: Sequence[int], exact: set[pair_judgements.IdPair]) -> bool:
    inside = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (a, b) in exact]
    return [len(part) for part in _joined(inside)] == [len(ids)]


def _assembled(kind: DuplicateKind, shown: Sequence[DuplicateImage], *, is_settled: bool) -> DuplicateGroup:
    alive = [image for image in shown if image.verdict != "exclude"]
    is_conflicting = len({label for image in alive for label in image.labels}) > 1
    is_across = len({split for image in alive for split in image.splits}) > 1
    return DuplicateGroup(
        min(image.digest for image in shown), kind, is_conflicting, is_across, is_settled, tuple(shown)
    )


def _distance(a: DuplicateImage, b: DuplicateImage) -> int:
    return sum((one ^ other).bit_count() for one, other in zip(a.hashes, b.hashes, strict=True))
