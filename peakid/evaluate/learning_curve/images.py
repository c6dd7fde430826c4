"""The training and validation images of a snapshot that a learning curve is measured on."""

from dataclasses import dataclass

import numpy as np

from peakid.embed import stored
from peakid.errors import SplitMissing
from peakid.records import Snapshot
from peakid.remedies import action
from peakid.store.workspace import Workspace

LEAST_VALID = 10
LEAST_OF_CLASS = 5  # Training images of the class in the middle: below, shares of it mean nothing.


@dataclass(frozen=True)
class CurveImages:
    """N images of the splits train and valid.

    Attributes:
        class_names: Those with training images; K of them.
        digests: Of length N.
        image_ids: int64 of shape (N,), ascending.
        labels: int64 of shape (N,), in 0..K-1.
        groups: int64 of shape (N,), from 0: near duplicates have the same number.
        is_train: bool of shape (N,); the others are validation images.
        n_without: Images left out: without an embedding, or of a class without training images.
    """

    class_names: tuple[str, ...]
    digests: tuple[str, ...]
    image_ids: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    is_train: np.ndarray
    n_without: int

    @property
    def n_train(self) -> int:
        return int(self.is_train.sum())

    @property
    def n_valid(self) -> int:
        return len(self.is_train) - self.n_train


def load(workspace: Workspace, snapshot: Snapshot, set_id: int | None) -> CurveImages:
    """Return the images of the splits train and valid; no test image is among them.

    Args:
        set_id: Only images with an embedding of this set; None = all.
    """
    rows = workspace.query(
        "SELECT t.image_id, i.digest, t.label, t.split, t.group_key FROM snapshot_item t"
        " JOIN image i ON i.id = t.image_id"
        " WHERE t.snapshot_id = ? AND t.split IN ('train', 'valid') ORDER BY t.image_id",
        (snapshot.snapshot_id,),
    )
    ids = np.array([row["image_id"] for row in rows], dtype=np.int64)
    kept = np.ones(len(rows), dtype=bool)
    if set_id is not None:
        kept = np.isin(ids, stored.load(workspace, set_id).image_ids)
    trained = {row["label"] for row, keep in zip(rows, kept, strict=True) if keep and row["split"] == "train"}
    names = tuple(name for name in snapshot.class_names if name in trained)
    kept &= np.array([row["label"] in trained for row in rows], dtype=bool)
    used = [row for row, keep in zip(rows, kept, strict=True) if keep]
    column = {name: n for n, name in enumerate(names)}
    keys = [row["group_key"] or f"image {row['image_id']}" for row in used]
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    return CurveImages(
        class_names=names,
        digests=tuple(row["digest"] for row in used),
        image_ids=ids[kept],
        labels=np.array([column[row["label"]] for row in used], dtype=np.int64),
        groups=np.array([number[key] for key in keys], dtype=np.int64),
        is_train=np.array([row["split"] == "train" for row in used], dtype=bool),
        n_without=len(rows) - len(used),
    )


def refuse_too_few(images: CurveImages) -> None:
    """Raise if there are too few images for a learning curve to mean anything.

    Raises:
        SplitMissing: If there are too few classes, training images or validation images.
    """
    if len(images.class_names) < 2:
        raise SplitMissing(
            f"A learning curve needs training images of two classes; there are {len(images.class_names)}.",
            "Import and label images of another class, and freeze a new snapshot.",
            action("import_images"),
        )
    middle = int(np.median(np.bincount(images.labels[images.is_train])))
    if middle < LEAST_OF_CLASS or images.n_valid < LEAST_VALID:
        raise SplitMissing(
            f"Too few images for a learning curve: half of the classes have at most {middle} training images"
            f" and there are {images.n_valid} validation images. It takes {LEAST_OF_CLASS} of most classes,"
            f" and {LEAST_VALID} for validation.",
            "Import and label more images, and freeze a new snapshot.",
            action("import_images"),
        )
