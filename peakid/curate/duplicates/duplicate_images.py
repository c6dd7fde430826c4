"""What is shown of an image among its look-alikes: what they may differ in, and all it was ever called."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peakid.records import Verdict
from peakid.store.workspace import Workspace


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
    taken_at: str | None
    camera: str | None
    splits: tuple[str, ...]
    sharpness: float | None
    hashes: tuple[int, int]
    distance: int = 0
    is_best: bool = False

    @property
    def bits_per_pixel(self) -> float:
        return 8 * self.n_bytes / (self.width_px * self.height_px)


def read(workspace: Workspace, image_ids: Iterable[int]) -> dict[int, DuplicateImage]:
    """Return these images as they are now, by id."""
    ids = json.dumps(sorted(image_ids))
    rows = workspace.query(
        "SELECT i.*, s.verdict, s.decision_id, s.is_reviewed, c.name AS label, m.sharpness, m.taken_at, m.camera"
        " FROM json_each(?) held CROSS JOIN image i ON i.id = held.value JOIN image_state s ON s.image_id = i.id"
        " LEFT JOIN class c ON c.id = s.class_id LEFT JOIN image_measure m ON m.image_id = i.id",
        (ids,),
    )
    places, splits = _origins(workspace, ids), _snapshot_splits(workspace, ids)
    return {
        row["id"]: DuplicateImage(
            image_id=row["id"],
            digest=row["digest"],
            path=places[row["id"]][0]["path"] if places[row["id"]] else "",
            label=row["label"],
            labels=_labels(row["label"], places[row["id"]], is_reviewed=bool(row["is_reviewed"])),
            verdict=row["verdict"],
            decision_id=row["decision_id"],
            width_px=row["width_px"],
            height_px=row["height_px"],
            n_bytes=row["n_bytes"],
            format=row["format"],
            source=places[row["id"]][0]["source"] if places[row["id"]] else "",
            added_at=row["added_at"],
            taken_at=row["taken_at"],
            camera=row["camera"],
            splits=tuple(
                sorted(
                    {place["split"] for place in places[row["id"]] if place["split"]}
                    | splits.get(row["id"], set())
                )
            ),
            sharpness=row["sharpness"],
            hashes=(int(row["phash"], 16), int(row["dhash"], 16)),
        )
        for row in rows
    }


def _origins(workspace: Workspace, ids: str) -> dict[int, list[Mapping[str, str]]]:
    found: dict[int, list[Mapping[str, str]]] = defaultdict(list)
    for row in workspace.query(
        "SELECT o.image_id, o.path, o.source, o.label, o.split FROM json_each(?) held CROSS JOIN origin o ON o.image_id = held.value"
        " ORDER BY o.id",
        (ids,),
    ):
        found[row["image_id"]].append(dict(row))
    return found


def _labels(label: str | None, origins: Iterable[Mapping[str, str]], *, is_reviewed: bool) -> tuple[str, ...]:
    found = {label} if is_reviewed else {label, *(place["label"] for place in origins)}
    return tuple(sorted(name for name in found if name))


def _snapshot_splits(workspace: Workspace, ids: str) -> dict[int, set[str]]:
    rows = workspace.query(
        "SELECT item.image_id, item.split FROM json_each(?) held CROSS JOIN snapshot_item item"
        " ON item.image_id = held.value AND item.snapshot_id = (SELECT MAX(id) FROM snapshot)",
        (ids,),
    )
    return {row["image_id"]: {row["split"]} for row in rows}
