"""Present duplicates as groups to resolve: the best image first, with the differences of the others."""

import functools
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from peakid.curate.duplicates import duplicate_images, pair_graph, pair_judgements
from peakid.curate.duplicates.duplicate_images import DuplicateImage
from peakid.curate.duplicates.pair_judgements import IdPair
from peakid.errors import AmbiguousDigest, NotFound
from peakid.records import DuplicateKind, PairVerdict
from peakid.remedies import action
from peakid.store.workspace import Workspace

KeepRule = Literal[
    "largest",     # Most pixels, then least compressed.
    "sharpest",    # Strongest edges for its contrast, where measured; then largest.
    "compressed",  # Least compressed, that is most bytes per pixel; then largest.
    "source",      # From a CSV table before a folder before an archive; then largest.
]  # fmt: skip
SOURCES = ("csv", "folder", "zip")  # Best first: a person wrote the table.


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that look the same, the best first. `group_key` is the smallest digest among them."""

    group_key: str
    kind: DuplicateKind
    is_conflicting: bool
    is_across_splits: bool
    is_settled: bool
    images: tuple[DuplicateImage, ...]


@dataclass(frozen=True)
class GroupCounts:
    """How many groups are open, each counted once, by its kind.

    Attributes:
        n_copy: Files found several times, under different labels.
        n_conflicting: Those of any kind whose labels differ.
        n_settled: Groups that are not open, among them files found several times under one label.
        n_proposed: Those that a model proposes; `proposed_groups` counts them.
    """

    n_exact: int
    n_near: int
    n_copy: int
    n_conflicting: int
    n_settled: int
    n_proposed: int = 0

    @property
    def n_open(self) -> int:
        return self.n_exact + self.n_near + self.n_copy


def list_groups(workspace: Workspace, *, rule: KeepRule = "largest") -> list[DuplicateGroup]:
    """Return all groups: conflicting labels first, then across splits, exact, near, copies, settled.

    A group is open while two of its images are neither excluded nor judged as a pair. In a chain, whose ends
    do not resemble each other, only images that all resemble the same image are shown together; the rest is
    shown when those are resolved. For splits, a chain is one group.
    """
    cache = _cache(workspace)
    groups = cache.groups()
    if rule == "largest":
        return list(groups)
    return sorted((cache.ordered(group, rule) for group in groups), key=urgency)


def n_waiting(workspace: Workspace) -> int:
    """Return the number of open groups."""
    return counts(workspace).n_open


def counts(workspace: Workspace) -> GroupCounts:
    """Count the groups. Every other count of groups is one of these."""
    cache = _cache(workspace)
    cache.groups()
    return cache.counts


def find(workspace: Workspace, key: str) -> DuplicateGroup:
    """Return the group whose key begins with `key`, an open one before a settled one.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several keys begin with it.
    """
    return named(_cache(workspace).groups(), key)


def named(groups: Sequence[DuplicateGroup], key: str) -> DuplicateGroup:
    """Return the first of some groups whose key begins with `key`.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several keys begin with it.
    """
    found = [group for group in groups if key and group.group_key.startswith(key.lower())]
    if not found:
        raise NotFound(
            f"No duplicate group has the key {key!r}.",
            "Choose one of the groups.",
            action("list_duplicates", is_all=True),
        )
    if len({group.group_key for group in found}) > 1:
        raise AmbiguousDigest(f"{len(found)} keys begin with {key!r}.", "Give more digits.")
    return found[0]


def open_pairs(workspace: Workspace, digests: Iterable[str]) -> list[IdPair]:
    """Return the pairs that were found among these images."""
    wanted = set(digests)
    rows = workspace.query(
        "SELECT image_a_id, image_b_id, a.digest AS a, b.digest AS b FROM duplicate_pair"
        " JOIN image a ON a.id = image_a_id JOIN image b ON b.id = image_b_id"
        f" WHERE a.digest IN ({','.join('?' * len(wanted))})",
        sorted(wanted),
    )
    return [(row["image_a_id"], row["image_b_id"]) for row in rows if row["b"] in wanted]


def exact_among(workspace: Workspace, pairs: Iterable[IdPair]) -> bool:
    """Return whether any of these pairs has the same pixels."""
    return any(
        workspace.one(
            "SELECT 1 FROM duplicate_pair WHERE image_a_id = ? AND image_b_id = ? AND kind = 'exact'", pair
        )
        for pair in pairs
    )


def ranked(images: Sequence[DuplicateImage], rule: KeepRule) -> list[DuplicateImage]:
    """Order images by a rule, the one to keep first; of equal ones the first imported."""
    return sorted(images, key=lambda each: (each.verdict == "exclude", *_rank(each, rule), each.image_id))


def _rank(image: DuplicateImage, rule: KeepRule) -> tuple[float, ...]:
    """Return a sort key; smaller is better."""
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
def _cache(workspace: Workspace) -> "GroupCache":
    return GroupCache(workspace)


class GroupCache:
    """All groups of the pairs that hashes found, as last read, ordered by the rule "largest".

    Every page counts the groups, but a judgement changes only one. So only the groups with images judged
    since are built again. Images connected by pairs, judged or not, form a component; a group lies in one
    component.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._version: tuple[object, ...] = ()
        self._last: tuple[int, int] = (0, 0)  # Ids of the last decision and pair judgement that were read.
        self._components: dict[int, list[int]] = {}  # Image id -> ids of its component.
        self._pairs: dict[IdPair, int] = {}
        self._exact: set[IdPair] = set()
        self._origins: dict[int, list[_Origin]] = {}
        self._groups: dict[int, list[DuplicateGroup]] = {}  # Smallest id of a component -> its groups.
        self._sorted: list[DuplicateGroup] = []
        self.counts = _counted(())

    def groups(self) -> list[DuplicateGroup]:
        with self._lock:
            version, last = _version(self._workspace), _last(self._workspace)
            if version != self._version:
                self._groups = {}
                self._find_pairs()
                self._components = {n: ids for ids in pair_graph.connected(list(self._pairs)) for n in ids}
                self._components |= {n: [n] for n in self._origins if n not in self._components}
                self._build(self._components)
            elif last != self._last:
                self._build(_judged_since(self._workspace, self._last) & self._components.keys())
            self._version, self._last = version, last
            return self._sorted

    def ordered(self, group: DuplicateGroup, rule: KeepRule) -> DuplicateGroup:
        """Return the group ordered by another rule."""
        if group.kind == "copy":
            return group
        return replace(group, images=self._shown(group.images, rule))

    def _find_pairs(self) -> None:
        found = self._workspace.query(
            "SELECT image_a_id AS a, image_b_id AS b, kind, distance FROM duplicate_pair"
        )
        self._pairs = {(row["a"], row["b"]): row["distance"] for row in found}
        self._exact = {(row["a"], row["b"]) for row in found if row["kind"] == "exact"}
        self._origins = _several_origins(self._workspace)

    def _build(self, image_ids: Collection[int]) -> None:
        """Build the groups of the components with these images."""
        components = {self._components[n][0]: self._components[n] for n in image_ids}
        members = {n for ids in components.values() for n in ids}
        images = duplicate_images.read(self._workspace, members)
        judged = pair_judgements.newest(self._workspace)
        for first, pairs in self._pairs_of(components).items():
            copies = self._of_copies(components[first], images)
            self._groups[first] = [*self._of_pairs(pairs, images, judged), *copies]
        self._sorted = sorted(
            (group for groups in self._groups.values() for group in groups), key=self._urgency
        )
        self.counts = _counted(self._sorted)

    def _pairs_of(self, components: Mapping[int, Sequence[int]]) -> dict[int, list[IdPair]]:
        """Return the pairs of each component by its smallest id. Most have one, large ones thousands."""
        if len(components) > len(self._groups):
            found: dict[int, list[IdPair]] = {first: [] for first in components}
            for pair in self._pairs:
                found[self._components[pair[0]][0]].append(pair)
            return found
        return {
            first: [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (a, b) in self._pairs]
            for first, ids in components.items()
        }

    def _of_pairs(
        self,
        pairs: Sequence[IdPair],
        images: Mapping[int, DuplicateImage],
        judged: Mapping[IdPair, PairVerdict],
    ) -> Iterator[DuplicateGroup]:
        waiting = [pair for pair in pairs if pair_graph.is_open(pair, images, judged)]
        settled = [pair for pair in pairs if not pair_graph.is_open(pair, images, judged)]
        for ids in pair_graph.parts(waiting, self._exact):
            yield self._group([images[n] for n in ids], is_settled=False)
        for ids in pair_graph.connected(settled):
            yield self._group([images[n] for n in ids], is_settled=True)

    def _of_copies(
        self, ids: Sequence[int], images: Mapping[int, DuplicateImage]
    ) -> Iterator[DuplicateGroup]:
        """Yield the images with several origins, open while the labels of the origins differ."""
        for image in (images[n] for n in ids if n in self._origins):
            first, *others = (
                replace(image, path=path, source=source, label=label)
                for path, source, label in self._origins[image.image_id]
            )
            is_open = len(image.labels) > 1 and image.verdict != "exclude"
            yield assembled("copy", [replace(first, is_best=True), *others], is_settled=not is_open)

    def _urgency(self, group: DuplicateGroup) -> tuple[object, ...]:
        return urgency(group)

    def _group(self, images: Sequence[DuplicateImage], *, is_settled: bool) -> DuplicateGroup:
        ids = [image.image_id for image in images]
        kind: DuplicateKind = "exact" if _is_exact(ids, self._exact) else "near"
        return assembled(kind, self._shown(images, "largest"), is_settled=is_settled)

    def _shown(self, images: Sequence[DuplicateImage], rule: KeepRule) -> tuple[DuplicateImage, ...]:
        best, *others = ranked(images, rule)
        pairs = [(min(best.image_id, image.image_id), max(best.image_id, image.image_id)) for image in others]
        distances = [
            self._pairs.get(pair, bits_apart(best, image)) for pair, image in zip(pairs, others, strict=True)
        ]
        shown = [
            replace(image, distance=bits, is_best=False)
            for image, bits in zip(others, distances, strict=True)
        ]
        return (replace(best, distance=0, is_best=True), *shown)


def _counted(groups: Sequence[DuplicateGroup]) -> GroupCounts:
    kinds = Counter(group.kind for group in groups if not group.is_settled)
    n_conflicting = sum(group.is_conflicting and not group.is_settled for group in groups)
    n_settled = len(groups) - kinds.total()
    return GroupCounts(
        kinds["exact"], kinds["near"], kinds["copy"], n_conflicting, n_settled, kinds["proposed"]
    )


def _version(workspace: Workspace) -> tuple[object, ...]:
    """Return a value that changes with the pairs and all shown properties of images except judgements."""
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


_Origin = tuple[str, str, str | None]
"""(path, source, label)"""


def _several_origins(workspace: Workspace) -> dict[int, list[_Origin]]:
    """Return the origins of the images that have several, by image id."""
    rows = workspace.query(
        "SELECT image_id, path, source, label FROM origin WHERE image_id IN"
        " (SELECT image_id FROM (SELECT DISTINCT image_id, root_id, path FROM origin"
        " WHERE image_id IN (SELECT image_id FROM image_with_origins))"
        " GROUP BY image_id HAVING COUNT(*) > 1) ORDER BY id"
    )
    found: dict[int, dict[str, _Origin]] = defaultdict(dict)
    for row in rows:
        found[row["image_id"]].setdefault(row["path"], (row["path"], row["source"], row["label"]))
    return {image_id: list(origins.values()) for image_id, origins in found.items()}


def urgency(group: DuplicateGroup) -> tuple[object, ...]:
    """Return a sort key: conflicting labels first, then across splits, exact, near, copies, settled."""
    order = ("exact", "near", "copy", "proposed").index(group.kind)
    return (
        group.is_settled,
        not group.is_conflicting,
        not group.is_across_splits,
        order,
        group.images[0].image_id,
    )


def _is_exact(ids: Sequence[int], exact: set[IdPair]) -> bool:
    inside = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (a, b) in exact]
    return [len(part) for part in pair_graph.connected(inside)] == [len(ids)]


def assembled(kind: DuplicateKind, shown: Sequence[DuplicateImage], *, is_settled: bool) -> DuplicateGroup:
    """Return the group of these images, the best first, with what their labels and splits say."""
    alive = [image for image in shown if image.verdict != "exclude"]
    is_conflicting = len({label for image in alive for label in image.labels}) > 1
    is_across = len({split for image in alive for split in image.splits}) > 1
    return DuplicateGroup(
        min(image.digest for image in shown), kind, is_conflicting, is_across, is_settled, tuple(shown)
    )


def bits_apart(a: DuplicateImage, b: DuplicateImage) -> int:
    """Return the distance of two images' hashes in bits of 128."""
    return sum((one ^ other).bit_count() for one, other in zip(a.hashes, b.hashes, strict=True))
