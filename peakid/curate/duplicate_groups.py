"""Which look-alikes wait for a person, as groups to be resolved at a glance: what they differ in, the best first."""

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from peakid.curate import pair_judgements
from peakid.curate.duplicates import components
from peakid.errors import AmbiguousDigest, NotFound
from peakid.records import DuplicateKind, PairVerdict, Verdict
from peakid.workspace import Workspace

KeepRule = Literal[
    "largest",     # Most pixels, then least compressed.
    "sharpest",    # Strongest edges for its contrast, where that was measured; then largest.
    "compressed",  # Least compressed: most bytes a pixel; then largest.
    "source",      # What a table named before a folder, a folder before an archive; then largest.
]  # fmt: skip
SOURCES = ("csv", "folder", "zip")  # Best first: somebody wrote a table by hand.


@dataclass(frozen=True)
class DuplicateImage:
    """One image of a group, or one place of a byte copy. `distance` in bits of 128 to the group's best image.

    `splits` are those it has in the newest snapshot and those its imports gave. `labels` are what it is called now
    and, until a person has judged it, by the places it was found at.
    """

    image_id: int
    digest: str
    path: str
    label: str | None
    labels: tuple[str, ...]
    verdict: Verdict
    decision_id: int | None
    width_px: int
    height_px: int
    n_bytes: int
    format: str
    source: str
    added_at: str
    splits: tuple[str, ...]
    sharpness: float | None
    hashes: tuple[int, int]
    distance: int = 0
    is_best: bool = False

    @property
    def bits_per_pixel(self) -> float:
        return 8 * self.n_bytes / (self.width_px * self.height_px)


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
    """Answer all groups: first those whose labels conflict, then across splits, exact, near, copies, and the settled.

    A group waits while two of its images are neither excluded nor judged as a pair. Of a chain, in which the ends do
    not resemble each other, only images that resemble one and the same are shown together; what is left over
    comes when those are resolved. Splits know no such cut.
    """
    return list(_list_groups(workspace, rule, _state(workspace)))


def n_waiting(workspace: Workspace) -> int:
    """Count the groups that wait for a person."""
    return sum(not group.is_settled for group in _list_groups(workspace, "largest", _state(workspace)))


def find(workspace: Workspace, key: str) -> DuplicateGroup:
    """Answer the group whose key begins with `key`; one that waits before one that is settled.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several groups begin so.
    """
    found = [group for group in list_groups(workspace) if group.group_key.startswith(key.lower())] if key else []
    if not found:
        raise NotFound(f"No group of duplicates has the key {key!r}.", "See them with: peakid duplicates list --all")
    if len({group.group_key for group in found}) > 1:
        raise AmbiguousDigest(f"{len(found)} groups begin with {key!r}.", "Give more of the key's digits.")
    return found[0]


def open_pairs(workspace: Workspace, digests: Iterable[str]) -> list[pair_judgements.IdPair]:
    """Answer the pairs among these images, as they were found."""
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
        workspace.one("SELECT 1 FROM duplicate_pair WHERE image_a_id = ? AND image_b_id = ? AND kind = 'exact'", pair) for pair in pairs
    )


def ranked(images: Sequence[DuplicateImage], rule: KeepRule) -> list[DuplicateImage]:
    """Order images by a rule, the one to keep first; of equals the one that came first."""
    return sorted(images, key=lambda image: (image.verdict == "exclude", *_worth(image, rule), image.image_id))


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


def _state(workspace: Workspace) -> tuple[object, ...]:
    """Answer what changes whenever a group could: every page counts them."""
    row = workspace.one(
        "SELECT (SELECT COUNT(*) FROM duplicate_pair), (SELECT MAX(found_at) FROM duplicate_pair), (SELECT MAX(id) FROM decision),"
        " (SELECT MAX(id) FROM pair_judgement), (SELECT MAX(frozen_at) FROM snapshot), (SELECT MAX(id) FROM origin),"
        " (SELECT COUNT(*) FROM orientation_hash), (SELECT MAX(scanned_at) FROM image WHERE id = (SELECT MAX(id) FROM image))"
    )
    return tuple(row or ())


@functools.lru_cache(4)
def _list_groups(workspace: Workspace, rule: KeepRule, _state: tuple[object, ...]) -> tuple[DuplicateGroup, ...]:
    found = workspace.query("SELECT image_a_id AS a, image_b_id AS b, kind, distance FROM duplicate_pair")
    pairs = {(row["a"], row["b"]): row["distance"] for row in found}
    exact = {(row["a"], row["b"]) for row in found if row["kind"] == "exact"}
    images, judged = _images(workspace), pair_judgements.newest(workspace)
    waiting = [pair for pair in pairs if _waits(pair, images, judged)]
    settled = [pair for pair in pairs if not _waits(pair, images, judged)]
    whole = [_group(images, ids, pairs, exact, rule, is_settled=False) for ids in _parts(waiting, exact)]
    whole += [_group(images, ids, pairs, exact, rule, is_settled=True) for ids in _joined(settled)]
    whole += _copies(workspace, images)
    return tuple(sorted(whole, key=_urgency))


def _urgency(group: DuplicateGroup) -> tuple[object, ...]:
    order = ("exact", "near", "copy").index(group.kind)
    return (group.is_settled, not group.is_conflicting, not group.is_across_splits, order, group.images[0].image_id)


def _waits(
    pair: pair_judgements.IdPair, images: Mapping[int, DuplicateImage], judged: Mapping[pair_judgements.IdPair, PairVerdict]
) -> bool:
    return judged.get(pair, "open") == "open" and all(images[n].verdict != "exclude" for n in pair)


def _joined(pairs: Sequence[pair_judgements.IdPair]) -> list[list[int]]:
    """Answer the connected components of some pairs, each as sorted ids."""
    ids = sorted({n for pair in pairs for n in pair})
    members: dict[int, list[int]] = defaultdict(list)
    for n, number in zip(ids, components(ids, np.array(pairs, dtype=np.int64).reshape(-1, 2)), strict=True):
        members[number].append(n)
    return list(members.values())


def _parts(pairs: Sequence[pair_judgements.IdPair], exact: set[pair_judgements.IdPair]) -> Iterator[list[int]]:
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


def _group(
    images: Mapping[int, DuplicateImage],
    ids: Sequence[int],
    pairs: Mapping[pair_judgements.IdPair, int],
    exact: set[pair_judgements.IdPair],
    rule: KeepRule,
    *,
    is_settled: bool,
) -> DuplicateGroup:
    best, *others = ranked([images[n] for n in ids], rule)
    shown = [replace(best, is_best=True)]
    for image in others:
        pair = (min(best.image_id, image.image_id), max(best.image_id, image.image_id))
        shown.append(replace(image, distance=pairs.get(pair, _distance(best, image))))
    return _assembled("exact" if _is_exact(ids, exact) else "near", shown, is_settled=is_settled)


def _is_exact(ids: Sequence[int], exact: set[pair_judgements.IdPair]) -> bool:
    inside = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (a, b) in exact]
    return [len(part) for part in _joined(inside)] == [len(ids)]


def _assembled(kind: DuplicateKind, shown: Sequence[DuplicateImage], *, is_settled: bool) -> DuplicateGroup:
    alive = [image for image in shown if image.verdict != "exclude"]
    is_conflicting = len({label for image in alive for label in image.labels}) > 1
    is_across = len({split for image in alive for split in image.splits}) > 1
    return DuplicateGroup(min(image.digest for image in shown), kind, is_conflicting, is_across, is_settled, tuple(shown))


def _distance(a: DuplicateImage, b: DuplicateImage) -> int:
    return sum((one ^ other).bit_count() for one, other in zip(a.hashes, b.hashes, strict=True))


def _copies(workspace: Workspace, images: Mapping[int, DuplicateImage]) -> Iterator[DuplicateGroup]:
    """Yield the images that were found at several places; one waits while the places disagree about its label."""
    rows = workspace.query(
        "SELECT image_id, path, source, label FROM origin WHERE image_id IN"
        " (SELECT image_id FROM (SELECT DISTINCT image_id, root_id, path FROM origin) GROUP BY image_id HAVING COUNT(*) > 1) ORDER BY id"
    )
    places: dict[int, dict[str, DuplicateImage]] = defaultdict(dict)
    for row in rows:
        image = images[row["image_id"]]
        places[row["image_id"]].setdefault(row["path"], replace(image, path=row["path"], source=row["source"], label=row["label"]))
    for found in places.values():
        first, *others = found.values()
        is_open = len(first.labels) > 1 and first.verdict != "exclude"
        yield _assembled("copy", [replace(first, is_best=True), *others], is_settled=not is_open)


def _images(workspace: Workspace) -> dict[int, DuplicateImage]:
    """Answer everything that is shown of the images in pairs and of byte copies."""
    rows = workspace.query(
        "WITH held AS (SELECT image_a_id AS id FROM duplicate_pair UNION SELECT image_b_id FROM duplicate_pair"
        " UNION SELECT image_id FROM origin GROUP BY image_id HAVING COUNT(*) > 1)"
        " SELECT i.*, s.verdict, s.decision_id, s.is_reviewed, c.name AS label FROM held JOIN image i USING (id)"
        " JOIN image_state s ON s.image_id = i.id LEFT JOIN class c ON c.id = s.class_id"
    )
    wanted = {row["id"] for row in rows}
    origins: dict[int, list[dict[str, str]]] = defaultdict(list)
    for row in workspace.query("SELECT image_id, path, source, label, split FROM origin ORDER BY id"):
        if row["image_id"] in wanted:
            origins[row["image_id"]].append(dict(row))
    splits, sharpness = _snapshot_splits(workspace), _sharpness(workspace)
    return {
        row["id"]: DuplicateImage(
            image_id=row["id"],
            digest=row["digest"],
            path=origins[row["id"]][0]["path"] if origins[row["id"]] else "",
            label=row["label"],
            labels=_labels(row["label"], origins[row["id"]], is_reviewed=bool(row["is_reviewed"])),
            verdict=row["verdict"],
            decision_id=row["decision_id"],
            width_px=row["width_px"],
            height_px=row["height_px"],
            n_bytes=row["n_bytes"],
            format=row["format"],
            source=origins[row["id"]][0]["source"] if origins[row["id"]] else "",
            added_at=row["added_at"],
            splits=tuple(sorted({place["split"] for place in origins[row["id"]] if place["split"]} | splits.get(row["id"], set()))),
            sharpness=sharpness.get(row["id"]),
            hashes=(int(row["phash"], 16), int(row["dhash"], 16)),
        )
        for row in rows
    }


def _labels(label: str | None, origins: Iterable[Mapping[str, str]], *, is_reviewed: bool) -> tuple[str, ...]:
    found = {label} if is_reviewed else {label, *(place["label"] for place in origins)}
    return tuple(sorted(name for name in found if name))


def _snapshot_splits(workspace: Workspace) -> dict[int, set[str]]:
    rows = workspace.query("SELECT image_id, split FROM snapshot_item WHERE snapshot_id = (SELECT MAX(id) FROM snapshot)")
    return {row["image_id"]: {row["split"]} for row in rows}


def _sharpness(workspace: Workspace) -> dict[int, float]:
    if workspace.one("SELECT 1 FROM sqlite_master WHERE name = 'image_measure'") is None:
        return {}
    rows = workspace.query(
        "SELECT image_id, sharpness FROM image_measure WHERE image_id IN (SELECT image_a_id FROM duplicate_pair)"
        " OR image_id IN (SELECT image_b_id FROM duplicate_pair)"
    )
    return {row["image_id"]: row["sharpness"] for row in rows}
