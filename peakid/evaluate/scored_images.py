"""What a run predicts for the images of one split, with their labels, as arrays: what figures read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
        has_all_probabilities: False for imported predictions that state the predicted class and its
            probability only: the rest is spread evenly, and figures of the whole distribution mean nothing.
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
    has_all_probabilities: bool = True

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
    place = {digest: n for n, digest in enumerate(digests)}
    # Forgotten images have no row.
    rows = [row for row in _rows(workspace, run, split) if row[1] in place]
    columns = zip(*rows, strict=True) if rows else ((),) * 7
    ids, names, labels, group_keys, is_labelled, class_ids, reviewed = columns
    pred_probs = _in_order(stored, np.array([place[name] for name in names], dtype=np.int64))
    if averaged := run_predictions.tta(workspace, run.run_id, split) if with_tta else {}:
        pred_probs = np.array(pred_probs)
        for n, name in enumerate(names):
            if name in averaged:
                pred_probs[n] = averaged[name]
    column = {name: n for n, name in enumerate(run.class_names)}
    given = np.array([column[label] for label in labels], dtype=np.int32)
    keys = [key or name for key, name in zip(group_keys, names, strict=True)]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    image_ids = np.array(ids, dtype=np.int64)
    current = classes.current_names(workspace)
    newest_ids = np.array([each or 0 for each in class_ids], dtype=np.int64)
    newest_ids[~np.array(is_labelled, dtype=bool)] = 0
    return ScoredImages(
        run_id=run.run_id,
        split=split,
        class_names=tuple(run.class_names),
        digests=tuple(names),
        image_ids=image_ids,
        given=given,
        newest=_newest(workspace, newest_ids, given, run, current),
        is_reviewed=np.array(reviewed, dtype=bool),
        also_shows=_also_shows(workspace, run, image_ids, pred_probs, current),
        groups=np.array([numbers[key] for key in keys], dtype=np.int64),
        pred_probs=pred_probs,
        has_all_probabilities=run.imported is None or run.imported.has_all_probabilities,
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
        has_all_probabilities=images.has_all_probabilities,
    )


def with_pred_probs(images: ScoredImages, pred_probs: np.ndarray) -> ScoredImages:
    """Return the same images with other probabilities for the same classes, (N, K), in the same order."""
    return replace(images, pred_probs=pred_probs)


def _rows(workspace: Workspace, run: Run, split: str) -> list[tuple]:
    """Return one plain tuple an image: a million of them are read twice as fast as rows with names."""
    cursor = workspace.connection().cursor()
    cursor.row_factory = None
    return cursor.execute(
        "SELECT p.image_id, i.digest, p.given_label, m.group_key, s.verdict = 'label', s.class_id,"
        " s.is_reviewed"
        " FROM prediction p JOIN image i ON i.id = p.image_id"
        " JOIN image_state s ON s.image_id = p.image_id"
        " LEFT JOIN snapshot_item m ON m.snapshot_id = ? AND m.image_id = p.image_id"
        " WHERE p.run_id = ? AND p.split = ? ORDER BY p.image_id",
        (run.snapshot_id, run.run_id, split),
    ).fetchall()


def _in_order(stored: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return rows of stored probabilities; without a copy where they are in this order already."""
    if np.array_equal(order, np.arange(len(stored))):
        return stored
    return np.asarray(stored)[order]  # (N, K)


def _newest(
    workspace: Workspace, class_ids: np.ndarray, given: np.ndarray, run: Run, current: Mapping[str, str]
) -> np.ndarray:
    """Return the newest label of each image. The run may know a class by an earlier name.

    Args:
        class_ids: int64 of shape (N,): of the newest label, 0 where there is none.
    """
    now = [current.get(name) for name in run.class_names]
    column = {name: n for n, name in reversed(list(enumerate(now))) if name is not None}
    name_of = {row["id"]: row["name"] for row in workspace.query("SELECT id, name FROM class")}
    found, place = np.unique(class_ids, return_inverse=True)
    names = [name_of.get(int(each)) for each in found]
    newest = np.array([column.get(name, NO_CLASS) if name else NO_CLASS for name in names], dtype=np.int32)
    # Two merged classes have one name now: the given one is still right.
    is_same = np.array([[each is not None and each == name for name in names] for each in now], dtype=bool)
    return np.where(is_same[given, place], given, newest[place]) if len(given) else newest[:0]


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
    places = np.flatnonzero(np.isin(image_ids, [image_id for image_id, _ in shown]))
    for n in places:
        found[n] = (int(image_ids[n]), current.get(run.class_names[int(pred_probs[n].argmax())])) in shown
    return found
