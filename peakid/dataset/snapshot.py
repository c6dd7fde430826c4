"""Freeze the labels into snapshots; find, compare and verify them."""

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from peakid import licences, near_names
from peakid.curate.duplicates import find
from peakid.dataset import (
    frozen_rows,
    manifest,
    members,
    model_labels,
    snapshot_names,
    snapshot_warnings,
    split,
)
from peakid.dataset.documents import ClassCounts, ImageDocument, Leak
from peakid.errors import AmbiguousDigest, DamagedSnapshot, EmptySnapshot, NotFound, WorkspaceNotWritable
from peakid.imaging import inspection
from peakid.records import Report, Snapshot, SnapshotItem, Split, no_report
from peakid.remedies import action
from peakid.store import comparisons, damaged_images, images, origins
from peakid.store.comparisons import Compared
from peakid.store.objects import originals
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

SNAPSHOT_COLUMNS = (
    "id, digest, name, seed, class_names, n_images, n_groups, n_leaks, n_unreviewed, created_at, n_compared"
)
# By the last freeze: after undoing a change and freezing again, the restored content is the newest.
NEWEST_FIRST = "frozen_at DESC, id DESC"


def create(
    workspace: Workspace,
    *,
    name: str = "",
    seed: int = 0,
    fractions: Mapping[Split, float] | None = None,
    is_reviewed_only: bool = False,
    has_several: bool = False,
    of_licences: Collection[str] = (),
    is_scanned_first: bool = True,
    actor: str,
    report: Report = no_report,
) -> Snapshot:
    """Freeze the images labelled now with their labels, splits and groups.

    Images that were not compared yet are compared first: two frames of one video that were not compared would
    go into different splits.

    The digest depends on the content alone: freezing the same content again returns the first snapshot, with
    its first name.

    Args:
        name: See `snapshot_names.checked`; '' for none.
        seed: Identifies the partition; images keep their split in all snapshots with one seed.
        fractions: Share of each split, in 0..1, for groups without a split.
        is_reviewed_only: Leave out images whose label no person has confirmed.
        has_several: Include images that also show another class.
        of_licences: Only images with one of these licences, as in `members.gather`; () = any.
        is_scanned_first: False to freeze at once. The snapshot counts the images that were not compared.

    Raises:
        EmptySnapshot: If no image is labelled and of a class in use.
        BadFractions: If the shares are negative or do not add up to 1.
        BadInput: If the name cannot be used, or a licence is not known.
    """
    name = snapshot_names.checked(name)
    licences.chosen(of_licences)
    shares = split.checked_fractions(fractions or split.DEFAULT_FRACTIONS)
    if is_scanned_first:
        _compare_missing(workspace, is_reviewed_only, has_several, report)
    with workspace.transaction() as connection:  # No one can judge an image between reading and writing.
        chosen = members.gather(
            workspace,
            is_reviewed_only=is_reviewed_only,
            has_several=has_several,
            of_licences=of_licences,
        )
        if not chosen:
            raise _empty(workspace, is_reviewed_only, of_licences)
        groups = members.in_groups(workspace, chosen)
        imported = members.imported_splits(workspace, chosen)
        assigned = members.assigned_splits(workspace, seed)
        splits = model_labels.partition(chosen, groups, assigned, imported, fractions=shares, seed=seed)
        members.remember(connection, seed, chosen, splits)
        chosen = model_labels.without_unscored(chosen, splits)
        key_of = {digest: group.key for group in groups for digest in group.digests}
        frozen = [SnapshotItem(m.digest, m.path, m.label, splits[m.digest], key_of[m.digest]) for m in chosen]
        digest = frozen_rows.write(
            connection, chosen, frozen, name=name, seed=seed, shares=shares, actor=actor
        )
    return show(workspace, digest)


def n_not_compared(workspace: Workspace, *, is_reviewed_only: bool = False, has_several: bool = False) -> int:
    """Count the images of a snapshot taken now that were not compared with all others yet."""
    chosen = members.gather(workspace, is_reviewed_only=is_reviewed_only, has_several=has_several)
    return comparisons.n_missing(workspace, [member.image_id for member in chosen])


def compared(snapshot: Snapshot) -> Compared:
    """Return how many images of a snapshot were compared when it was frozen, and what that found."""
    return Compared(snapshot.n_images, snapshot.n_compared, snapshot.n_leaks)


def list_snapshots(workspace: Workspace) -> list[Snapshot]:
    """Return all snapshots that people froze, newest first."""
    sql = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot WHERE frozen_at <> '' ORDER BY {NEWEST_FIRST}"
    return [_snapshot(workspace, row) for row in workspace.query(sql)]


def resolve(workspace: Workspace, reference: str | None = None) -> str:
    """Return the digest of the snapshot with a name (the newest of several) or the beginning of a digest.

    Args:
        reference: None for the newest snapshot.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several digests begin with it.
    """
    rows = workspace.query(f"SELECT digest, name FROM snapshot ORDER BY {NEWEST_FIRST}")
    if not rows:
        raise NotFound("There is no snapshot yet.", "Freeze one first.", action("create_snapshot"))
    if reference is None:
        return rows[0]["digest"]
    named = [row["digest"] for row in rows if row["name"] and row["name"] == reference]
    found = named[:1] or [
        row["digest"] for row in rows if reference and row["digest"].startswith(reference.lower())
    ]
    if not found:
        names = [row["name"] for row in rows if row["name"]]
        raise NotFound(
            f"No snapshot has the name {reference!r} or a digest that begins with it.",
            near_names.remedy(reference, names, "Choose one of the snapshots."),
            action("list_snapshots"),
        )
    if len(found) > 1:
        digests = ", ".join(digest[:12] for digest in found)
        raise AmbiguousDigest(
            f"Several snapshots begin with {reference!r}: {digests}.", "Give more digits of the digest."
        )
    return found[0]


def show(workspace: Workspace, reference: str | None = None) -> Snapshot:
    """Return a snapshot by name, digest or the beginning of a digest; None for the newest.

    Raises:
        NotFound: If there is none.
        AmbiguousDigest: If several digests begin with it.
    """
    rows = workspace.query(
        f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot WHERE digest = ?", (resolve(workspace, reference),)
    )
    return _snapshot(workspace, rows[0])


def items(workspace: Workspace, reference: str | None = None) -> list[SnapshotItem]:
    """Return the images of a snapshot, sorted by digest.

    Raises:
        NotFound: If there is no such snapshot.
    """
    rows = workspace.query(
        f"SELECT i.digest, {origins.FIRST_PATH} AS path, t.label, t.split, t.group_key"
        " FROM snapshot_item t JOIN image i ON i.id = t.image_id"
        " WHERE t.snapshot_id = (SELECT id FROM snapshot WHERE digest = ?) ORDER BY i.digest",
        (resolve(workspace, reference),),
    )
    return [
        SnapshotItem(row["digest"], row["path"], row["label"], row["split"], row["group_key"]) for row in rows
    ]


def table(workspace: Workspace, reference: str | None = None) -> list[ClassCounts]:
    """Count the images of each class and split, in class order.

    Raises:
        NotFound: If there is no such snapshot.
    """
    snapshot = show(workspace, reference)
    rows = workspace.query(
        "SELECT label, split, COUNT(*) AS n FROM snapshot_item WHERE snapshot_id = ? GROUP BY label, split",
        (snapshot.snapshot_id,),
    )
    counts = {(row["label"], row["split"]): row["n"] for row in rows}
    return [_class_counts(class_name, counts) for class_name in snapshot.class_names]


def diff(workspace: Workspace, a: str, b: str) -> dict[str, list[ImageDocument]]:
    """Return the differences of snapshot `b` from snapshot `a`.

    Returns:
        `added` and `removed` images (digest, path, label, split), `relabelled` and `moved` ones (digest,
        path, from, to: labels or splits). An image with both another label and another split is in both
        lists.

    Raises:
        NotFound: If there is no such snapshot.
    """
    before = {item.digest: item for item in items(workspace, a)}
    after = {item.digest: item for item in items(workspace, b)}
    both = [(before[digest], after[digest]) for digest in before if digest in after]
    return {
        "added": [_document(item) for digest, item in after.items() if digest not in before],
        "removed": [_document(item) for digest, item in before.items() if digest not in after],
        "relabelled": [_changed(new, old.label, new.label) for old, new in both if old.label != new.label],
        "moved": [_changed(new, old.split, new.split) for old, new in both if old.split != new.split],
    }


def leaks(workspace: Workspace, reference: str | None = None) -> list[Leak]:
    """Return the groups of near duplicates with images in several splits.

    Raises:
        NotFound: If there is no such snapshot.
    """
    together: dict[str, list[SnapshotItem]] = defaultdict(list)
    for item in items(workspace, reference):
        together[item.group_key].append(item)
    return [
        {"group_key": key, "images": [_document(item) for item in group]}
        for key, group in together.items()
        if len({i.split for i in group}) > 1
    ]


def verify(workspace: Workspace, reference: str | None = None) -> int:
    """Verify that a snapshot is unchanged: its rows match its digest, and the bytes of its images theirs.

    Damaged images are noted, so that the next import of the same bytes writes them again.

    Returns:
        The number of images read.

    Raises:
        NotFound: If there is no such snapshot.
        DamagedSnapshot: If its rows have changed, or the bytes of an image are missing or have changed.
    """
    snapshot = show(workspace, reference)
    frozen_items = items(workspace, snapshot.digest)
    if manifest.digest(snapshot.class_names, frozen_items) != snapshot.digest:
        raise DamagedSnapshot(
            f"The rows of snapshot {snapshot.digest[:12]} no longer match its digest: a label, split, group"
            " or image was changed.",
            "Restore a backup of the workspace, or freeze a new snapshot.",
            action("restore_backup"),
            action("create_snapshot"),
        )
    broken = [item for item in frozen_items if not _has_its_bytes(workspace, item.digest)]
    if broken:
        _note_damage(workspace, [item.digest for item in broken])
        names = ", ".join(f"{item.digest[:12]} ({item.path})" for item in broken[:3])
        names += ", ..." if len(broken) > 3 else ""
        raise DamagedSnapshot(
            f"The bytes of {len(broken)} of {len(frozen_items)} images of snapshot {snapshot.digest[:12]} are"
            f" missing or changed: {names}.",
            "Put the files back, or import them again.",
            action("import_images"),
        )
    return len(frozen_items)


def warnings(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """Return sentences about problems that training or scoring on a snapshot would have."""
    return snapshot_warnings.sentences(workspace, snapshot, table(workspace, snapshot.digest))


def to_frame(workspace: Workspace, reference: str | None = None) -> "pd.DataFrame":
    """Return a snapshot as a data frame, a row for each image, sorted by digest.

    Returns:
        Columns digest, path (absolute path of a file, or the URL of an
        object; None where it is missing), label, split, group_key.

    Raises:
        NotFound: If there is no such snapshot.
    """
    import pandas as pd  # Takes 0.3 s to load, and only this function needs it.

    frozen_items = items(workspace, reference)
    frame = pd.DataFrame(frozen_items, columns=["digest", "path", "label", "split", "group_key"])
    frame["path"] = [_file(workspace, digest) for digest in frame["digest"]]
    return frame


def _compare_missing(workspace: Workspace, is_reviewed_only: bool, has_several: bool, report: Report) -> None:
    if n_not_compared(workspace, is_reviewed_only=is_reviewed_only, has_several=has_several):
        find.scan(workspace, report=report)


def _class_counts(class_name: str, counts: Mapping[tuple[str, str], int]) -> ClassCounts:
    train, valid, test = (counts.get((class_name, name), 0) for name in split.SPLITS)
    n_images = train + valid + test
    return {"class_name": class_name, "train": train, "valid": valid, "test": test, "n_images": n_images}


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
        n_compared=row["n_compared"],
    )


def _empty(workspace: Workspace, is_reviewed_only: bool, of_licences: Collection[str] = ()) -> EmptySnapshot:
    if of_licences and (n := len(members.gather(workspace, is_reviewed_only=is_reviewed_only))):
        return EmptySnapshot(
            f"None of the {n:,} images has one of the licences {', '.join(sorted(of_licences))}.",
            "Choose other licences, or images of any licence.",
        )
    rows = workspace.query("SELECT verdict, COUNT(*) AS n FROM image_state GROUP BY verdict")
    counts = {row["verdict"]: row["n"] for row in rows}
    if counts.get("label") and is_reviewed_only:
        return EmptySnapshot(
            f"No label of the {counts['label']} labelled images was confirmed by a person.",
            "Review some images, or include labels that were not reviewed.",
            action("open_queue", queue="unreviewed"),
        )
    n_excluded, n_flagged = counts.get("exclude", 0), counts.get("flag", 0)
    return EmptySnapshot(
        f"No image is labelled and of a class in use ({sum(counts.values())} images, {n_excluded} excluded,"
        f" {n_flagged} flagged).",
        "Import images from a folder for each class, or label images.",
        action("import_images"),
        action("open_queue", queue="all"),
    )


def _document(item: SnapshotItem) -> ImageDocument:
    return {"digest": item.digest, "path": item.path, "label": item.label, "split": item.split}


def _changed(item: SnapshotItem, before: str, after: str) -> ImageDocument:
    return {"digest": item.digest, "path": item.path, "from": before, "to": after}


def _note_damage(workspace: Workspace, digests: Sequence[str]) -> None:
    with contextlib.suppress(WorkspaceNotWritable), workspace.transaction() as connection:
        damaged_images.note(connection, dict.fromkeys(digests, "Found by the check of a snapshot."))


def _has_its_bytes(workspace: Workspace, digest: str) -> bool:
    try:
        return inspection.digest_of(images.read_bytes(workspace, digest)) == digest
    except (NotFound, OSError):
        return False


def _file(workspace: Workspace, digest: str) -> str | None:
    stored = images.image_path(workspace, digest)
    if stored.is_file():
        return str(stored)
    in_place = origins.in_place_files(workspace, digest)
    found = next((str(path) for path in in_place if path.is_file()), None)
    return found or next(map(str, originals.remote(workspace, digest)), None)
