"""The images on which runs are compared: scored by all of them, trained on by none, with a newest label."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from peakid.curate import classes
from peakid.errors import BadInput
from peakid.evaluate.report import checked_predictions, checked_split
from peakid.records import Run
from peakid.remedies import action
from peakid.store.workspace import Workspace

OTHER_CLASS = -1  # In `predicted`: a class that not all runs know.


@dataclass(frozen=True)
class LeftOut:
    """Images that at least one of the runs was scored on, and why they are not compared.

    Attributes:
        n_trained_on: At least one of the runs was trained on them.
        n_not_scored: Not in this split of every run, though no run was trained on them.
        n_no_label: Excluded, flagged or without a label now.
        n_other_class: Labelled now with a class that not all runs know.
    """

    n_trained_on: int = 0
    n_not_scored: int = 0
    n_no_label: int = 0
    n_other_class: int = 0


@dataclass(frozen=True)
class CommonImages:
    """N images with the predictions of R runs, ordered by image id.

    Attributes:
        run_ids: The R runs.
        class_names: The K classes that all runs know, by their names now.
        only_some_know: Classes that some of the runs know and others do not, by their names now.
        image_ids: int64 of shape (N,), ascending.
        newest: int32 of shape (N,): the newest label as an index into `class_names`.
        predicted: int32 of shape (R, N), as `newest`, or `OTHER_CLASS`.
        is_right: bool of shape (R, N): predicts the newest label, or a class that the image also shows.
        groups: int64 of shape (N,): near duplicates have the same number.
    """

    run_ids: tuple[int, ...]
    split: str
    class_names: tuple[str, ...]
    only_some_know: tuple[str, ...]
    image_ids: np.ndarray
    newest: np.ndarray
    predicted: np.ndarray
    is_right: np.ndarray
    groups: np.ndarray
    left_out: LeftOut = field(default_factory=LeftOut)

    def __len__(self) -> int:
        return len(self.image_ids)


def load(workspace: Workspace, compared: Sequence[Run], split: str) -> CommonImages:
    """Load what runs predict for the images that they can be compared on. It counts no look at test.

    Each image is scored against its newest label, not the label at the time of training. Runs imported from
    a file have the same rows and are treated the same.

    Raises:
        BadInput: If a run has no predictions for the split, or the runs share no image with a class of all.
    """
    for run in compared:
        checked_split(run.run_id, split)
    current = classes.current_names(workspace)  # A run may know a class by an earlier name.
    known = [{current.get(name) for name in run.class_names} for run in compared]
    common_classes = tuple(
        dict.fromkeys(
            name
            for each in compared[0].class_names
            if (name := current.get(each)) is not None and all(name in names for names in known)
        )
    )
    rows = _rows(workspace, compared, split)
    if not rows:
        for run in compared:
            checked_predictions(workspace, run, split)  # Raises where a run has none: it knows why.
    is_common = {name: n for n, name in enumerate(common_classes)}
    chosen = [row for row in rows if row[1] in is_common]
    if not chosen:
        raise _nothing_common(compared, split)
    n_labelled = sum(row[1] is not None for row in rows)
    every = {name for names in known for name in names if name is not None}
    arrays = _arrays(chosen, len(compared), is_common, current)
    return CommonImages(
        run_ids=tuple(run.run_id for run in compared),
        split=split,
        class_names=common_classes,
        only_some_know=tuple(sorted(every - set(common_classes))),
        **arrays,
        is_right=_is_right(workspace, compared, chosen, arrays, current),
        left_out=LeftOut(
            *_not_common(workspace, compared, split, len(rows)),
            n_no_label=len(rows) - n_labelled,
            n_other_class=n_labelled - len(chosen),
        ),
    )


class _Arrays(TypedDict):
    image_ids: np.ndarray
    newest: np.ndarray
    predicted: np.ndarray
    groups: np.ndarray


def _rows(workspace: Workspace, compared: Sequence[Run], split: str) -> list[tuple]:
    """Return (image id, newest label or None, group or None, predicted label of each run), by image id.

    The groups are those of the newest of the snapshots, which knows of the most near duplicates.
    """
    places = range(len(compared))
    columns = ", ".join(f"p{n}.predicted_label" for n in places)
    joins = " ".join(
        f"CROSS JOIN prediction p{n} ON p{n}.run_id = {int(compared[n].run_id)}"
        f" AND p{n}.image_id = p0.image_id AND p{n}.split = p0.split"
        for n in places[1:]
    )
    rows = workspace.query(
        f"SELECT p0.image_id, CASE WHEN s.verdict = 'label' THEN c.name END, m.group_key, {columns}"
        f" FROM prediction p0 {joins} CROSS JOIN image_state s ON s.image_id = p0.image_id"
        " LEFT JOIN class c ON c.id = s.class_id"
        " LEFT JOIN snapshot_item m ON m.snapshot_id = :snapshot AND m.image_id = p0.image_id"
        " WHERE p0.run_id = :run AND p0.split = :split ORDER BY p0.image_id",
        {
            "run": compared[0].run_id,
            "split": split,
            "snapshot": max(run.snapshot_id for run in compared),
        },
    )
    return [tuple(row) for row in rows]


def _arrays(
    chosen: Sequence[tuple], n_runs: int, is_common: Mapping[str, int], current: Mapping[str, str]
) -> _Arrays:
    names = {name for row in chosen for name in row[3:]}
    place = {name: is_common.get(current.get(name, ""), OTHER_CLASS) for name in names}
    keys = [row[2] or row[0] for row in chosen]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    return {
        "image_ids": np.array([row[0] for row in chosen], dtype=np.int64),
        "newest": np.array([is_common[row[1]] for row in chosen], dtype=np.int32),
        "predicted": np.array([[place[row[3 + n]] for row in chosen] for n in range(n_runs)], dtype=np.int32),
        "groups": np.array([numbers[key] for key in keys], dtype=np.int64),
    }


def _is_right(
    workspace: Workspace,
    compared: Sequence[Run],
    chosen: Sequence[tuple],
    arrays: _Arrays,
    current: Mapping[str, str],
) -> np.ndarray:
    is_right = arrays["predicted"] == arrays["newest"]
    shown = {
        (row[0], row[1])
        for row in workspace.query(
            "SELECT a.image_id, c.name FROM also_shows a JOIN class c ON c.id = a.class_id"
            " JOIN prediction p ON p.image_id = a.image_id AND p.run_id = ?",
            (compared[0].run_id,),
        )
    }
    if shown:
        for n in range(len(compared)):
            is_right[n] |= [(row[0], current.get(row[3 + n])) in shown for row in chosen]
    return is_right


def _not_common(workspace: Workspace, compared: Sequence[Run], split: str, n_common: int) -> tuple[int, int]:
    """Count the images of some of the runs that a run was trained on, and the others not scored by all."""
    values = {"runs": json.dumps([run.run_id for run in compared]), "split": split}
    of_runs = "IN (SELECT value FROM json_each(:runs))"
    scored = f"SELECT image_id FROM prediction WHERE run_id {of_runs} AND split = :split"
    found = workspace.query(f"SELECT COUNT(*) FROM (SELECT DISTINCT image_id FROM ({scored}))", values)
    n_others = int(found[0][0]) - n_common
    if not n_others:
        return 0, 0
    # Scored by one run and trained on by another one: an image has one split in each run.
    trained = workspace.query(
        f"SELECT COUNT(DISTINCT q.image_id) FROM prediction q WHERE q.run_id {of_runs}"
        f" AND q.is_out_of_sample = 0 AND q.split <> :split AND q.image_id IN ({scored})",
        values,
    )
    return int(trained[0][0]), n_others - int(trained[0][0])


def _nothing_common(compared: Sequence[Run], split: str) -> BadInput:
    ids = [str(run.run_id) for run in compared]
    return BadInput(
        f"Runs {', '.join(ids[:-1])} and {ids[-1]} share no labelled image in {split}.",
        "Compare runs on snapshots with the same seed.",
        action("list_runs"),
    )
