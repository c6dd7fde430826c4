"""What the newest run predicts for images that it was not trained on, as evidence beside the live head."""

from collections.abc import Sequence

import numpy as np

from peakid.curate import classes
from peakid.curate.queues import queue_plans
from peakid.errors import NotFound
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace

SPLITS = ("cv", "valid", "test")  # Those that a run is not trained on.


def of_newest(workspace: Workspace, image_ids: np.ndarray, class_names: list[str]) -> list[np.ndarray]:
    """Return the probabilities of the newest run, none where it does not know all of these classes.

    Args:
        image_ids: int64 of shape (N,), ascending.
        class_names: The K classes as they are called now, in the order of the columns.

    Returns:
        At most one array: float64 of shape (N, K), NaN for images that the run did not see or learned from.
    """
    run_id = queue_plans.newest_run(workspace)
    if run_id is None:
        return []
    known = runs.show(workspace, run_id).class_names
    names, places = present_classes(workspace, known)
    if not set(class_names) <= set(names):
        return []
    columns = [names.index(name) for name in class_names]
    found = np.full((len(image_ids), len(class_names)), np.nan)
    ids = {
        row["digest"]: row["image_id"]
        for row in workspace.query(
            "SELECT i.digest, p.image_id FROM prediction p JOIN image i ON i.id = p.image_id"
            " WHERE p.run_id = ? AND p.is_out_of_sample = 1",
            (run_id,),
        )
    }
    for split in SPLITS:
        try:
            digests, probabilities = run_predictions.pred_probs(workspace, run_id, split)
        except NotFound:  # It has none for this split, or the file is damaged.
            continue
        rows = [n for n, digest in enumerate(digests) if digest in ids]
        wanted = np.array([ids[digests[n]] for n in rows], dtype=np.int64)
        at = np.searchsorted(image_ids, wanted)
        is_here = at < len(image_ids)
        is_here[is_here] = image_ids[at[is_here]] == wanted[is_here]
        chosen = probabilities[np.array(rows, dtype=np.int64)[is_here]]
        found[at[is_here]] = added_up(chosen, places)[:, columns]
    return [found]


def present_classes(workspace: Workspace, class_names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return what the K classes of a run are called now, and the place of each in that list.

    Renamed classes have another name; those that were merged have one place.

    Returns:
        The K' names, and int64 of shape (K,), in 0..K'-1.
    """
    current = classes.current_names(workspace)
    now = [current.get(name, name) for name in class_names]
    names = [*dict.fromkeys(now)]
    return names, np.array([names.index(name) for name in now], dtype=np.int64)


def added_up(probabilities: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the probabilities of the present classes: float64 of shape (N, K').

    Args:
        probabilities: Of the classes of a run, (N, K).
        places: As of `present_classes`.
    """
    found = np.zeros((len(probabilities), int(places.max(initial=-1)) + 1))
    for column, place in enumerate(places.tolist()):
        found[:, place] += probabilities[:, column]
    return found
