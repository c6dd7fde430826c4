"""The images on which runs are compared: scored by all of them, trained on by none, with a newest label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    scored = [_predicted(workspace, run.run_id, split) for run in compared]
    for run, found in zip(compared, scored, strict=True):
        if not found:
            checked_predictions(workspace, run, split)  # Raises: it knows why there are none.
    chosen, left_out = _chosen(workspace, compared, scored, common_classes)
    if not chosen:
        raise _nothing_common(compared, split)
    shown = _also_shown(workspace, compared)
    return _arrays(compared, split, common_classes, known, current, scored, chosen, shown, left_out)


def _arrays(
    compared: Sequence[Run],
    split: str,
    common_classes: tuple[str, ...],
    known: Sequence[set[str | None]],
    current: Mapping[str, str],
    scored: Sequence[Mapping[int, str]],
    chosen: Mapping[int, tuple[str, str]],
    shown: set[tuple[int, str | None]],
    left_out: LeftOut,
) -> CommonImages:
    place = {name: n for n, name in enumerate(common_classes)}
    image_ids = sorted(chosen)
    newest = np.array([place[chosen[each][0]] for each in image_ids], dtype=np.int32)
    predicted = np.empty((len(compared), len(image_ids)), dtype=np.int32)
    for row, found in enumerate(scored):
        of_name = {name: place.get(current.get(name, ""), OTHER_CLASS) for name in set(found.values())}
        predicted[row] = [of_name[found[each]] for each in image_ids]
    is_right = predicted == newest
    for row, found in enumerate(scored) if shown else ():
        is_right[row] |= [(each, current.get(found[each])) in shown for each in image_ids]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(chosen[each][1] for each in image_ids))}
    every = {name for names in known for name in names if name is not None}
    return CommonImages(
        run_ids=tuple(run.run_id for run in compared),
        split=split,
        class_names=common_classes,
        only_some_know=tuple(sorted(every - set(common_classes))),
        image_ids=np.array(image_ids, dtype=np.int64),
        newest=newest,
        predicted=predicted,
        is_right=is_right,
        groups=np.array([numbers[chosen[each][1]] for each in image_ids], dtype=np.int64),
        left_out=left_out,
    )


def _chosen(
    workspace: Workspace,
    compared: Sequence[Run],
    scored: Sequence[Mapping[int, str]],
    common_classes: Sequence[str],
) -> tuple[dict[int, tuple[str, str]], LeftOut]:
    """Return label and group of each image to compare, by its id, and how many were left out."""
    in_all = set(scored[0]).intersection(*scored[1:])
    in_some = set(scored[0]).union(*scored[1:])
    trained = _trained_on(workspace, compared, in_some - in_all)
    states = _states(workspace, compared)
    wanted, reasons, chosen = set(common_classes), Counter[str](), {}
    for image_id in in_all:
        label, group = states.get(image_id, (None, ""))
        if label is None:
            reasons["no label"] += 1
        elif label not in wanted:
            reasons["other class"] += 1
        else:
            chosen[image_id] = (label, group)
    left_out = LeftOut(
        n_trained_on=len(trained),
        n_not_scored=len(in_some - in_all - trained),
        n_no_label=reasons["no label"],
        n_other_class=reasons["other class"],
    )
    return chosen, left_out


def _predicted(workspace: Workspace, run_id: int, split: str) -> dict[int, str]:
    rows = workspace.query(
        "SELECT image_id, predicted_label FROM prediction WHERE run_id = ? AND split = ?", (run_id, split)
    )
    return {row[0]: row[1] for row in rows}


def _trained_on(workspace: Workspace, compared: Sequence[Run], candidates: set[int]) -> set[int]:
    if not candidates:
        return set()
    found: set[int] = set()
    for run in compared:
        rows = workspace.query(
            "SELECT image_id FROM prediction WHERE run_id = ? AND is_out_of_sample = 0", (run.run_id,)
        )
        found.update(row[0] for row in rows)
    return found & candidates


def _states(workspace: Workspace, compared: Sequence[Run]) -> dict[int, tuple[str, str]]:
    """Return newest label and group of each image of the first run that has a label, by its id.

    The groups are those of the newest of their snapshots, which knows of the most near duplicates.
    """
    rows = workspace.query(
        "SELECT p.image_id, c.name, COALESCE(m.group_key, '') FROM prediction p"
        " JOIN image_state s ON s.image_id = p.image_id AND s.verdict = 'label'"
        " JOIN class c ON c.id = s.class_id"
        " LEFT JOIN snapshot_item m ON m.snapshot_id = ? AND m.image_id = p.image_id"
        " WHERE p.run_id = ?",
        (max(run.snapshot_id for run in compared), compared[0].run_id),
    )
    return {row[0]: (row[1], row[2] or f"image {row[0]}") for row in rows}


def _also_shown(workspace: Workspace, compared: Sequence[Run]) -> set[tuple[int, str | None]]:
    rows = workspace.query(
        "SELECT a.image_id, c.name FROM also_shows a JOIN class c ON c.id = a.class_id"
        " JOIN prediction p ON p.image_id = a.image_id AND p.run_id = ?",
        (compared[0].run_id,),
    )
    return {(row[0], row[1]) for row in rows}


def _nothing_common(compared: Sequence[Run], split: str) -> BadInput:
    ids = [str(run.run_id) for run in compared]
    return BadInput(
        f"Runs {', '.join(ids[:-1])} and {ids[-1]} share no labelled image in {split}.",
        "Compare runs on snapshots with the same seed.",
        action("list_runs"),
    )
