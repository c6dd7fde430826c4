"""Read what is shown of the images in a duplicate group: their differences and all their labels."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from peakid.curate.duplicates.proposals import Matrix, Strength
from peakid.records import Verdict
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Likeness:
    """Why a model proposes an image as a copy of the best one of its group; values as in `Proposal`.

    Attributes:
        matrix: From the best image to this one; None where the two are connected by other images only.
    """

    strength: Strength
    similarity: float
    n_matches: int
    agreement: float
    matrix: Matrix | None


@dataclass(frozen=True)
class DuplicateImage:
    """One image of a group, or one origin of an image with several.

    Attributes:
        labels: Its label and, until a person has judged it, the labels of its origins.
        splits: Its split in the newest snapshot and the splits of its origins.
        distance: To the best image of the group, in bits of 128.
        likeness: To the best image of the group, where a model proposes it.
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
    taken_at: str | None
    camera: str | None
    splits: tuple[str, ...]
    sharpness: float | None
    hashes: tuple[int, int]
    distance: int = 0
    is_best: bool = False
    likeness: Likeness | None = None

    @property
    def bits_per_pixel(self) -> float:
        return 8 * self.n_bytes / (self.width_px * self.height_px)


def read(workspace: Workspace, image_ids: Iterable[int]) -> dict[int, DuplicateImage]:
    """Return these images in their present state, by id."""
    ids = json.dumps(sorted(image_ids))
    rows = workspace.query(
        "SELECT i.*, s.verdict, s.decision_id, s.is_reviewed, c.name AS label,"
        " m.sharpness, m.taken_at, m.camera"
        " FROM json_each(?) wanted CROSS JOIN image i ON i.id = wanted.value"
        " JOIN image_state s ON s.image_id = i.id"
        " LEFT JOIN class c ON c.id = s.class_id LEFT JOIN image_measure m ON m.image_id = i.id",
        (ids,),
    )
    origins, splits = _origins(workspace, ids), _snapshot_splits(workspace, ids)
    return {row["id"]: _image(row, origins[row["id"]], splits.get(row["id"], set())) for row in rows}


@dataclass(frozen=True)
class _Origin:
    path: str
    source: str
    label: str | None
    split: str | None


def _image(row: sqlite3.Row, origins: Sequence[_Origin], splits: set[str]) -> DuplicateImage:
    labels = {row["label"]} if row["is_reviewed"] else {row["label"], *(each.label for each in origins)}
    return DuplicateImage(
        image_id=row["id"],
        digest=row["digest"],
        path=origins[0].path if origins else "",
        label=row["label"],
        labels=tuple(sorted(name for name in labels if name)),
        verdict=row["verdict"],
        decision_id=row["decision_id"],
        width_px=row["width_px"],
        height_px=row["height_px"],
        n_bytes=row["n_bytes"],
        format=row["format"],
        source=origins[0].source if origins else "",
        added_at=row["added_at"],
        taken_at=row["taken_at"],
        camera=row["camera"],
        splits=tuple(sorted({each.split for each in origins if each.split} | splits)),
        sharpness=row["sharpness"],
        hashes=(int(row["phash"], 16), int(row["dhash"], 16)),
    )


def _origins(workspace: Workspace, ids: str) -> dict[int, list[_Origin]]:
    rows = workspace.query(
        "SELECT o.image_id, o.path, o.source, o.label, o.split FROM json_each(?) wanted"
        " CROSS JOIN origin o ON o.image_id = wanted.value ORDER BY o.id",
        (ids,),
    )
    found: dict[int, list[_Origin]] = defaultdict(list)
    for row in rows:
        found[row["image_id"]].append(_Origin(row["path"], row["source"], row["label"], row["split"]))
    return found


def _snapshot_splits(workspace: Workspace, ids: str) -> dict[int, set[str]]:
    rows = workspace.query(
        "SELECT item.image_id, item.split FROM json_each(?) wanted CROSS JOIN snapshot_item item"
        " ON item.image_id = wanted.value AND item.snapshot_id ="
        " (SELECT MAX(id) FROM snapshot WHERE frozen_at <> '')",
        (ids,),
    )
    return {row["image_id"]: {row["split"]} for row in rows}
