"""What a run predicts for the images of one split, with their labels, as arrays: what figures read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from peakid.curate import classes
from peakid.records import Run
from peakid.store import run_predictions
from peakid.store.workspace import Workspace

NO_CLASS = -1  # In `newest`: the image has no label that the run knows.


@dataclass(frozen=True)
class ScoredImages:
    """N images of one split with K class probabilities each, ordered by image id.

    Attributes:
        class_names: The K classes of the run, in the order of the columns of `pred_probs`.
        digests: Of length N.
        image_ids: int64 of shape (N,), ascending.
        given: int32 of shape (N,): the label at the time of the training, as an index into `class_names`.
        newest: int32 of shape (N,): the newest label; `NO_CLASS` where the image was excluded since, or has a
            label that the run does not know.
        is_reviewed: bool of shape (N,): a person confirmed the newest label.
        also_shows: bool of shape (N,): the image also shows the predicted class, which counts as correct.
        groups: int64 of shape (N,): near duplicates have the same number.
        pred_probs: float32 of shape (N, K); rows sum to 1.
    """

    run_id: int
    split: str
    class_names: tuple[str, ...]
    digests: tuple[str, ...]
    image_ids: np.ndarray
    given: np.ndarray
    newest: np.ndarray
    is_reviewed: np.ndarray
    also_shows: np.ndarray
    groups: np.ndarray
    pred_probs: np.ndarray

    def __len__(self) -> int:
        return len(self.image_ids)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable class of each image, int64 of shape (N,)."""
        return self.pred_probs.argmax(axis=1)

    @cached_property
    def confidence(self) -> np.ndarray:
        """Its probability, float32 of shape (N,), in 0..1."""
        return self.pred_probs.max(axis=1)

    @cached_property
    def is_right(self) -> np.ndarray:
        """Whether the predicted class is the given one or also shown, bool of shape (N,)."""
        return (self.predicted == self.given) | self.also_shows

    @cached_property
    def has_changed(self) -> np.ndarray:
        """Whether the label has changed since the training, bool of shape (N,)."""
        return self.newest != self.given


def load(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> ScoredImages:
    """Load the predictions of a run for one split. It counts no look at test: the caller does.

    Args:
        with_tta: The probabilities averaged over views of each image, where they were computed.

    Raises:
        NotFound: If the run has no predictions for the split.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    digests, stored = run_predictions.pred_probs(workspace, run.run_id, split)
    averaged = run_predictions.tta(workspace, run.run_id, split) if with_tta else {}
    place = {digest: n for n, digest in enumerate(digests)}
    rows = [
        row for row in _rows(workspace, run, split) if row["digest"] in place
    ]  # Forgotten images have none.
    order = np.array([place[row["digest"]] for row in rows], dtype=np.int64)  # (N,)
    pred_probs = np.asarray(stored)[order]  # (N, K)
    for n, row in enumerate(rows):
        if averaged and row["digest"] in averaged:
            pred_probs[n] = averaged[row["digest"]]
    column = {name: n for n, name in enumerate(run.class_names)}
    given = np.array([column[row["given_label"]] for row in rows], dtype=np.int32)
    keys = [row["group_key"] or row["digest"] for row in rows]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    image_ids = np.array([row["image_id"] for row in rows], dtype=np.int64)
    current = classes.current_names(workspace)
    return ScoredImages(
        run_id=run.run_id,
        split=split,
        class_names=tuple(run.class_names),
        digests=tuple(row["digest"] for row in rows),
        image_ids=image_ids,
        given=given,
        newest=_newest(rows, given, run, current),
        is_reviewed=np.array([bool(row["is_reviewed"]) for row in rows], dtype=bool),
        also_shows=_also_shows(workspace, run, image_ids, pred_probs, current),
        groups=np.array([numbers[key] for key in keys], dtype=np.int64),
        pred_probs=pred_probs,
    )


def subset(images: ScoredImages, chosen: np.ndarray) -> ScoredImages:
    """Return some of the images.

    Args:
        chosen: bool of shape (N,), or the positions to keep.
    """
    places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    return ScoredImages(
        run_id=images.run_id,
        split=images.split,
        class_names=images.class_names,
        digests=tuple(images.digests[place] for place in places),
        image_ids=images.image_ids[places],
        given=images.given[places],
        newest=images.newest[places],
        is_reviewed=images.is_reviewed[places],
        also_shows=images.also_shows[places],
        groups=images.groups[places],
        pred_probs=images.pred_probs[places],
    )


def _rows(workspace: Workspace, run: Run, split: str) -> list:
    return workspace.query(
        "SELECT p.image_id, i.digest, p.given_label, s.verdict, c.name AS newest, s.is_reviewed, m.group_key"
        " FROM prediction p JOIN image i ON i.id = p.image_id"
        " JOIN image_state s ON s.image_id = p.image_id LEFT JOIN class c ON c.id = s.class_id"
        " LEFT JOIN snapshot_item m ON m.snapshot_id = ? AND m.image_id = p.image_id"
        " WHERE p.run_id = ? AND p.split = ? ORDER BY p.image_id",
        (run.snapshot_id, run.run_id, split),
    )


def _newest(rows: list, given: np.ndarray, run: Run, current: Mapping[str, str]) -> np.ndarray:
    """Return the newest label of each image. The run may know a class by an earlier name."""
    now = [current.get(name) for name in run.class_names]
    column = {name: n for n, name in reversed(list(enumerate(now))) if name is not None}
    newest = np.full(len(rows), NO_CLASS, dtype=np.int32)
    for n, row in enumerate(rows):
        if row["verdict"] == "label":
            # Two merged classes have one name now: the given one is still right.
            is_same = now[given[n]] == row["newest"]
            newest[n] = given[n] if is_same else column.get(row["newest"], NO_CLASS)
    return newest


def _also_shows(
    workspace: Workspace,
    run: Run,
    image_ids: np.ndarray,
    pred_probs: np.ndarray,
    current: Mapping[str, str],
) -> np.ndarray:
    shown = {
        (row["image_id"], row["name"])
        for row in workspace.query(
            "SELECT a.image_id, c.name FROM also_shows a JOIN class c ON c.id = a.class_id"
            " JOIN prediction p ON p.image_id = a.image_id AND p.run_id = ?",
            (run.run_id,),
        )
    }
    found = np.zeros(len(image_ids), dtype=bool)
    if shown:
        predicted = [current.get(run.class_names[column]) for column in pred_probs.argmax(axis=1)]
        found[:] = [(int(image), name) in shown for image, name in zip(image_ids, predicted, strict=True)]
    return found
