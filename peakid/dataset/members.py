"""Select the images of a snapshot taken now, with their groups and known splits."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from peakid import licences
from peakid.curate.duplicates import find
from peakid.records import Group, Split
from peakid.store.collecting import credits
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Member:
    """One image of a snapshot: labelled, not excluded or flagged, and of a class in use.

    `is_by_model`: a model gave the label, and no person has reviewed it.
    """

    image_id: int
    digest: str
    path: str
    label: str
    is_reviewed: bool
    is_by_model: bool = False


def gather(
    workspace: Workspace,
    *,
    is_reviewed_only: bool = False,
    has_several: bool = False,
    of_licences: Collection[str] = (),
) -> list[Member]:
    """Return the images of a snapshot taken now, sorted by digest.

    Args:
        is_reviewed_only: Leave out images whose label no person has confirmed.
        has_several: Include images that also show another class. Their label describes only part of the
            image.
        of_licences: Groups and codes of `licences`; only images that an origin offers under one of them.
            () = whatever the licence is.

    Raises:
        BadInput: If a licence is not known.
    """
    wanted = licences.chosen(of_licences)
    rows = workspace.query(
        f"SELECT i.id, i.digest, {FIRST_PATH} AS path, c.name AS label, s.is_reviewed,"
        " s.is_reviewed = 0 AND COALESCE(s.actor, '') GLOB 'model:*' AS is_by_model"
        " FROM image_state s JOIN class c ON c.id = s.class_id JOIN image i ON i.id = s.image_id"
        " WHERE s.verdict = 'label' AND c.is_retired = 0 AND s.is_reviewed >= ? AND (? OR NOT EXISTS"
        " (SELECT 1 FROM also_shows a WHERE a.image_id = s.image_id AND a.class_id <> s.class_id))"
        " ORDER BY i.digest",
        (int(is_reviewed_only), int(has_several)),
    )
    if wanted:
        found = credits.licence_of_images(workspace, [row["id"] for row in rows])
        rows = [row for row in rows if any(licences.is_chosen(each, wanted) for each in found[row["id"]])]
    return [
        Member(
            *(row["id"], row["digest"], row["path"], row["label"]),
            is_reviewed=bool(row["is_reviewed"]),
            is_by_model=bool(row["is_by_model"]),
        )
        for row in rows
    ]


def described(workspace: Workspace, image_ids: Collection[int]) -> list[Member]:
    """Return images whatever their state is, without a label, for a state that they do not have now."""
    rows = workspace.query(
        f"SELECT i.id, i.digest, {FIRST_PATH} AS path FROM image i"
        " WHERE i.id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(image_ids)),),
    )
    return [Member(row["id"], row["digest"], row["path"], "", is_reviewed=False) for row in rows]


def classes_in_use(workspace: Workspace) -> dict[int, str]:
    """Return the names of the classes that are not retired, by id."""
    return {
        row["id"]: row["name"] for row in workspace.query("SELECT id, name FROM class WHERE is_retired = 0")
    }


def in_groups(workspace: Workspace, members: Sequence[Member]) -> list[Group]:
    """Group members that are near duplicates, also through an image that is not a member."""
    key_of = find.groups(workspace)
    together: dict[str, list[Member]] = defaultdict(list)
    for member in sorted(members, key=lambda member: member.digest):
        together[key_of.get(member.digest, member.digest)].append(member)
    return [
        Group(each[0].digest, tuple(m.digest for m in each), tuple(m.label for m in each))
        for each in together.values()
    ]


def assigned_splits(workspace: Workspace, seed: int) -> dict[str, Split]:
    """Return the split of every image of earlier snapshots with this seed, by digest."""
    rows = workspace.query(
        "SELECT i.digest, a.split FROM split_assignment a JOIN image i ON i.id = a.image_id WHERE a.seed = ?",
        (seed,),
    )
    return {row["digest"]: row["split"] for row in rows}


def imported_splits(workspace: Workspace, members: Sequence[Member]) -> dict[str, Split]:
    """Return the splits given by the folders of imports, by digest, for the members that have one.

    An image found in several splits counts as a training image: in another split it would be scored by a
    model trained on it.
    """
    wanted = {member.digest for member in members}
    rows = workspace.query(
        "SELECT i.digest, MIN(o.split) AS split, COUNT(DISTINCT o.split) AS n"
        " FROM origin o JOIN image i ON i.id = o.image_id WHERE o.split IS NOT NULL GROUP BY o.image_id"
    )
    return {
        row["digest"]: row["split"] if row["n"] == 1 else "train" for row in rows if row["digest"] in wanted
    }


def remember(
    connection: sqlite3.Connection, seed: int, members: Sequence[Member], splits: Mapping[str, Split]
) -> None:
    """Store the split of every member, so that it does not change when more images arrive."""
    connection.executemany(
        "INSERT INTO split_assignment (seed, image_id, split) VALUES (?, ?, ?)"
        " ON CONFLICT (seed, image_id) DO UPDATE SET split = excluded.split",
        [(seed, member.image_id, splits[member.digest]) for member in members],
    )
