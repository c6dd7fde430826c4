"""Judgements are frozen: what a snapshot holds, how it is found again, compared, and proven undamaged."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from peakid.dataset import manifest, members, split
from peakid.dataset.members import FIRST_PATH, Member
from peakid.errors import AmbiguousDigest, DamagedSnapshot, EmptySnapshot, NotFound
from peakid.imaging import inspection
from peakid.records import Snapshot, SnapshotItem, Split
from peakid.store import images
from peakid.store.workspace import Workspace, now

SNAPSHOT_COLUMNS = (
    "id, digest, name, seed, class_names, n_images, n_groups, n_leaks, n_unreviewed, created_at"
)
# By the last freezing: whoever undoes a change and freezes again means that content when they then train.
NEWEST_FIRST = "frozen_at DESC, id DESC"


def create(
    workspace: Workspace,
    *,
    name: str = "",
    seed: int = 0,
    fractions: Mapping[Split, float] | None = None,
    is_reviewed_only: bool = False,
    has_several: bool = False,
    actor: str,
) -> Snapshot:
    """Freeze what is labelled now: image, label, split and group.

    The digest is that of the content alone: freezing the same content again answers the first snapshot,
    with the name it got then.

    Args:
        seed: Names one partition; images keep their split through all snapshots of one seed.
        fractions: Share of each split, in 0..1, for groups that have no split yet.
        is_reviewed_only: Leave out images whose label no person has confirmed.
        has_several: Take in images that also show another class.

    Raises:
        EmptySnapshot: If no image is labelled, kept and of a class in use.
        BadFractions: If the shares are negative or do not add up to 1.
    """
    shares = split.checked_fractions(fractions or split.DEFAULT_FRACTIONS)
    with workspace.transaction() as connection:  # Nobody judges an image between the reading and the writing.
        chosen = members.gather(workspace, is_reviewed_only=is_reviewed_only, has_several=has_several)
        if not chosen:
            raise _empty(workspace, is_reviewed_only)
        groups = members.in_groups(workspace, chosen)
        imported = members.imported_splits(workspace, chosen)
        splits = split.partition(
            groups, members.assigned_splits(workspace, seed), imported, fractions=shares, seed=seed
        )
        members.remember(connection, seed, chosen, splits)
        key_of = {digest: group.key for group in groups for digest in group.digests}
        frozen = [SnapshotItem(m.digest, m.path, m.label, splits[m.digest], key_of[m.digest]) for m in chosen]
        digest = _freeze(connection, chosen, frozen, name=name, seed=seed, shares=shares, actor=actor)
    return show(workspace, digest)


def list_snapshots(workspace: Workspace) -> list[Snapshot]:
    """Return all snapshots, newest first."""
    return [
        _snapshot(workspace, row)
        for row in workspace.query(f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot ORDER BY {NEWEST_FIRST}")
    ]


def resolve(workspace: Workspace, reference: str | None = None) -> str:
    """Complete a name or a shortened digest to a digest; of several with one name the newest is meant.

    Args:
        reference: None for the newest snapshot.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several digests begin with it.
    """
    rows = workspace.query(f"SELECT digest, name FROM snapshot ORDER BY {NEWEST_FIRST}")
    if not rows:
        raise NotFound("There is no snapshot yet.", "Freeze one with: peakid snapshot create")
    if reference is None:
        return rows[0]["digest"]
    named = [row["digest"] for row in rows if row["name"] and row["name"] == reference]
    found = named[:1] or [
        row["digest"] for row in rows if reference and row["digest"].startswith(reference.lower())
    ]
    if not found:
        raise NotFound(
            f"No snapshot is named {reference!r} or has a digest that begins so.",
            "See them with: peakid snapshot list",
        )
    if len(found) > 1:
        told = ", ".join(digest[:12] for digest in found)
        raise AmbiguousDigest(
            f"Several snapshots begin with {reference!r}: {told}.", "Give more of its digits."
        )
    return found[0]


def show(workspace: Workspace, reference: str | None = None) -> Snapshot:
    """Return a snapshot by name, digest or the beginning of one; None means the newest.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several digests begin with it.
    """
    rows = workspace.query(
        f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot WHERE digest = ?", (resolve(workspace, reference),)
    )
    return _snapshot(workspace, rows[0])


def items(workspace: Workspace, reference: str | None = None) -> list[SnapshotItem]:
    """Return every image of a snapshot, by digest.

    Raises:
        NotFound: If there is no such snapshot.
    """
    rows = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, t.label, t.split, t.group_key FROM snapshot_item t JOIN image i ON i.id = t.image_id"
        " WHERE t.snapshot_id = (SELECT id FROM snapshot WHERE digest = ?) ORDER BY i.digest",
        (resolve(workspace, reference),),
    )
    return [
        SnapshotItem(row["digest"], row["path"], row["label"], row["split"], row["group_key"]) for row in rows
    ]


def table(workspace: Workspace, reference: str | None = None) -> list[dict[str, Any]]:
    """Count images of each class and split: `[{class_name, train, valid, test, n_images}]`, in class order.

    Raises:
        NotFound: If there is no such snapshot.
    """
    snapshot = show(workspace, reference)
    rows = workspace.query(
        "SELECT label, split, COUNT(*) AS n FROM snapshot_item WHERE snapshot_id = ? GROUP BY label, split",
        (snapshot.snapshot_id,),
    )
    counts = {(row["label"], row["split"]): row["n"] for row in rows}
    per_class = [
        {name: counts.get((class_name, name), 0) for name in split.SPLITS}
        for class_name in snapshot.class_names
    ]
    return [
        {"class_name": class_name, **line, "n_images": sum(line.values())}
        for class_name, line in zip(snapshot.class_names, per_class, strict=True)
    ]


def diff(workspace: Workspace, a: str, b: str) -> dict[str, list[dict[str, Any]]]:
    """Tell what snapshot `b` has changed since `a`.

    Returns:
        `added` and `removed` images (digest, path, label, split); `relabelled` and `moved` ones (digest,
        path, from, to: labels or splits). An image that got both another label and split is in both.

    Raises:
        NotFound: If there is no such snapshot.
    """
    before = {item.digest: item for item in items(workspace, a)}
    after = {item.digest: item for item in items(workspace, b)}
    both = [(before[digest], after[digest]) for digest in before if digest in after]
    return {
        "added": [_told(item) for digest, item in after.items() if digest not in before],
        "removed": [_told(item) for digest, item in before.items() if digest not in after],
        "relabelled": [_changed(new, old.label, new.label) for old, new in both if old.label != new.label],
        "moved": [_changed(new, old.split, new.split) for old, new in both if old.split != new.split],
    }


def leaks(workspace: Workspace, reference: str | None = None) -> list[dict[str, Any]]:
    """Return the groups of look-alikes that lie in several splits: `[{group_key, images: [...]}]`.

    Raises:
        NotFound: If there is no such snapshot.
    """
    together: dict[str, list[SnapshotItem]] = defaultdict(list)
    for item in items(workspace, reference):
        together[item.group_key].append(item)
    return [
        {"group_key": key, "images": [_told(item) for item in group]}
        for key, group in together.items()
        if len({i.split for i in group}) > 1
    ]


def verify(workspace: Workspace, reference: str | None = None) -> int:
    """Prove that a snapshot is what it was: its rows give its digest, its images' bytes theirs.

    Returns:
        How many images were read.

    Raises:
        NotFound: If there is no such snapshot.
        DamagedSnapshot: If its rows were altered, or bytes of an image are gone or altered.
    """
    snapshot = show(workspace, reference)
    held = items(workspace, snapshot.digest)
    if manifest.digest(snapshot.class_names, held) != snapshot.digest:
        raise DamagedSnapshot(
            f"The rows of snapshot {snapshot.digest[:12]} no longer give its digest: a label, split, group or image was altered.",
            "Restore a copy from the workspace's backups folder, or freeze a new one with: peakid snapshot create",
        )
    broken = [item for item in held if not _has_its_bytes(workspace, item.digest)]
    if broken:
        told = ", ".join(f"{item.digest[:12]} ({item.path})" for item in broken[:3]) + (
            ", ..." if len(broken) > 3 else ""
        )
        raise DamagedSnapshot(
            f"The bytes of {len(broken)} of {len(held)} images of snapshot {snapshot.digest[:12]} are gone or altered: {told}.",
            "Put the files back, or import them again.",
        )
    return len(held)


def warnings(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """Say in sentences what will go wrong in training or scoring on a snapshot, before either is tried."""
    told = [sentence for line in table(workspace, snapshot.digest) for sentence in _of_class(line, snapshot)]
    if len(snapshot.class_names) == 1:
        told.append(
            f"There is one class, {snapshot.class_names[0]!r}: nothing can be told apart. Label a second one."
        )
    if snapshot.n_leaks:
        told.append(
            f"{snapshot.n_leaks} groups of look-alikes lie in several splits: scores will be too good. See: peakid snapshot leaks"
        )
    return [*told, *_of_origins(workspace, snapshot), *_of_shares(workspace, snapshot)]


def to_frame(workspace: Workspace, reference: str | None = None) -> pd.DataFrame:
    """Return a snapshot for work outside Peakid, a row per image by digest.

    Returns:
        Columns digest, path (a file on this disk, absolute; None where it is gone), label, split, group_key.

    Raises:
        NotFound: If there is no such snapshot.
    """
    held = items(workspace, reference)
    frame = pd.DataFrame(held, columns=["digest", "path", "label", "split", "group_key"])
    frame["path"] = [_file(workspace, digest) for digest in frame["digest"]]
    return frame


def _freeze(
    connection: sqlite3.Connection,
    chosen: Sequence[Member],
    frozen: Sequence[SnapshotItem],
    *,
    name: str,
    seed: int,
    shares: Mapping[Split, float],
    actor: str,
) -> str:
    """Write the rows of a snapshot unless it is there; answer its digest."""
    class_names = sorted({item.label for item in frozen})
    digest = manifest.digest(class_names, frozen)
    if connection.execute("UPDATE snapshot SET frozen_at = ? WHERE digest = ?", (now(), digest)).rowcount:
        return digest
    splits_of: dict[str, set[str]] = defaultdict(set)
    for item in frozen:
        splits_of[item.group_key].add(item.split)
    n_leaks = sum(len(splits) > 1 for splits in splits_of.values())
    n_unreviewed = sum(not member.is_reviewed for member in chosen)
    cursor = connection.execute(
        "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks, n_unreviewed, actor,"
        " created_at, frozen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(digest, name.strip(), seed, json.dumps(shares), json.dumps(class_names, ensure_ascii=False)),
            *(len(frozen), len(splits_of), n_leaks, n_unreviewed, actor, now(), now()),
        ),
    )
    connection.executemany(
        "INSERT INTO snapshot_item (snapshot_id, image_id, label, split, group_key) VALUES (?, ?, ?, ?, ?)",
        [
            (cursor.lastrowid, m.image_id, item.label, item.split, item.group_key)
            for m, item in zip(chosen, frozen, strict=True)
        ],
    )
    return digest


def _snapshot(workspace: Workspace, row: sqlite3.Row) -> Snapshot:
    rows = workspace.query(
        "SELECT split, COUNT(*) AS n FROM snapshot_item WHERE snapshot_id = ? GROUP BY split", (row["id"],)
    )
    counts = {each["split"]: each["n"] for each in rows}
    return Snapshot(
        snapshot_id=row["id"],
        digest=row["digest"],
        name=row["name"],
        seed=row["seed"],
        class_names=json.loads(row["class_names"]),
        n_images=row["n_images"],
        n_groups=row["n_groups"],
        n_leaks=row["n_leaks"],
        n_unreviewed=row["n_unreviewed"],
        splits={name: counts.get(name, 0) for name in split.SPLITS},
        created_at=row["created_at"],
    )


def _empty(workspace: Workspace, is_reviewed_only: bool) -> EmptySnapshot:
    rows = workspace.query("SELECT verdict, COUNT(*) AS n FROM image_state GROUP BY verdict")
    counts = {row["verdict"]: row["n"] for row in rows}
    told = f"{sum(counts.values())} images, of them {counts.get('exclude', 0)} excluded, {counts.get('flag', 0)} flagged"
    if counts.get("label") and is_reviewed_only:
        return EmptySnapshot(
            f"No label of the {counts['label']} labelled images was confirmed by a person.",
            "Review some, or freeze without --reviewed-only.",
        )
    return EmptySnapshot(
        f"No image is labelled, kept and of a class in use ({told}).",
        "Import a folder with a class a folder, or label images on the review page.",
    )


def _told(item: SnapshotItem) -> dict[str, Any]:
    return {"digest": item.digest, "path": item.path, "label": item.label, "split": item.split}


def _changed(item: SnapshotItem, before: str, after: str) -> dict[str, Any]:
    return {"digest": item.digest, "path": item.path, "from": before, "to": after}


def _has_its_bytes(workspace: Workspace, digest: str) -> bool:
    try:
        return inspection.digest_of(images.read_bytes(workspace, digest)) == digest
    except (NotFound, OSError):
        return False


def _file(workspace: Workspace, digest: str) -> str | None:
    stored = images.image_path(workspace, digest)
    if stored.is_file():
        return str(stored)
    in_place = [
        Path(origin.root) / origin.path
        for origin in images.origins(workspace, digest)
        if origin.root and origin.is_in_place
    ]
    return next((str(path) for path in in_place if path.is_file()), None)


def _of_class(line: Mapping[str, Any], snapshot: Snapshot) -> list[str]:
    """Say which splits that others fill have no image of one class."""
    name, n_images = line["class_name"], line["n_images"]
    bare = [part for part in split.SPLITS if snapshot.splits[part] and not line[part]]
    if "train" in bare:
        return [
            f"Class {name!r} has no image in train: it can never be predicted. Label more, or retire the class."
        ]
    if bare:
        images_ = "1 image" if n_images == 1 else f"{n_images} images"
        return [
            f"Class {name!r} has {images_} and none in {' or '.join(bare)}: it gets no score there. Label more, or retire the class."
        ]
    return []


def _of_origins(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    row = workspace.one(
        "SELECT COUNT(*) AS n FROM snapshot_item t WHERE t.snapshot_id = ?"
        " AND (SELECT COUNT(DISTINCT o.split) FROM origin o WHERE o.image_id = t.image_id) > 1",
        (snapshot.snapshot_id,),
    )
    n = row["n"] if row else 0
    return [f"{n} images were imported in several splits at once; each lies in one alone here."] if n else []


def _of_shares(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """Say when images that keep their split stand against the shares that were asked for; an import's are its own."""
    row = workspace.one(
        "SELECT fractions FROM snapshot WHERE id = :id AND NOT EXISTS (SELECT 1 FROM snapshot_item t"
        " JOIN origin o ON o.image_id = t.image_id WHERE t.snapshot_id = :id AND o.split IS NOT NULL)",
        {"id": snapshot.snapshot_id},
    )
    asked = json.loads(row["fractions"]) if row else {}
    got = {name: n / snapshot.n_images for name, n in snapshot.splits.items()}
    # Groups and small classes cannot meet shares exactly; a twentieth, and three images a class, is no surprise.
    slack = 0.05 + 3 * len(snapshot.class_names) / snapshot.n_images
    if all(abs(got[name] - asked[name]) <= slack for name in asked):
        return []
    told = " / ".join(f"{got[name]:.0%}" for name in split.SPLITS)
    wanted = " / ".join(f"{asked[name]:.0%}" for name in split.SPLITS)
    why = "images keep the split of an earlier snapshot. Another --seed deals anew."
    return [f"Train / valid / test hold {told} where {wanted} was asked: {why}"]
