"""What the model of a run predicts for photos outside its snapshot: a row, and a file of probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from peakid import files
from peakid.errors import NotFound, RunDamaged
from peakid.remedies import action
from peakid.store import runs
from peakid.store.workspace import Workspace, now

NewPhotosSource = Literal[
    "excluded",  # Images of this workspace that were excluded as showing something else.
    "folder",    # Photos of a folder.
]  # fmt: skip


@dataclass(frozen=True)
class NewPhotos:
    """One set of photos that a run has predicted.

    Attributes:
        name: The folder, or the reasons of the exclusions.
        n_images: Photos that were predicted; copies count once.
        n_unread: Files that could not be read.
        n_known: Photos that were left out, since they are in the snapshot of the run.
        comparison: Whether they look like the images of the split, as JSON.
    """

    set_id: int
    run_id: int
    source: NewPhotosSource
    name: str
    n_images: int
    n_unread: int
    n_known: int
    comparison: Mapping[str, Any]
    made_at: str


def add(
    workspace: Workspace,
    run_id: int,
    source: NewPhotosSource,
    name: str,
    *,
    digests: Sequence[str],
    groups: np.ndarray,
    pred_probs: np.ndarray,
    n_unread: int,
    n_known: int,
    comparison: Mapping[str, Any],
) -> int:
    """Store the predictions for N photos; return the number of the set.

    Args:
        groups: int64 of shape (N,), equal for near duplicates.
        pred_probs: float32 of shape (N, K).
    """
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO new_photos (run_id, source, name, n_images, n_unread, n_known, comparison, made_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (run_id, source, name, len(digests), n_unread, n_known, json.dumps(dict(comparison)), now()),
        )
        set_id = int(cursor.lastrowid or 0)
        path = _path(workspace, run_id, set_id)
        with files.replacing(path) as part, part.open("wb") as out:
            np.save(out, np.asarray(pred_probs, dtype=np.float32), allow_pickle=False)
        files.write_json(path.with_suffix(".json"), {"digests": list(digests), "groups": groups.tolist()})
    return set_id


def list_sets(workspace: Workspace, run_id: int) -> list[NewPhotos]:
    """List the sets of a run, newest first; of a folder that was read several times, the newest only."""
    rows = workspace.query(
        "SELECT * FROM new_photos WHERE id IN"
        " (SELECT MAX(id) FROM new_photos WHERE run_id = ? GROUP BY source, name) ORDER BY id DESC",
        (run_id,),
    )
    return [
        NewPhotos(
            set_id=row["id"],
            run_id=row["run_id"],
            source=row["source"],
            name=row["name"],
            n_images=row["n_images"],
            n_unread=row["n_unread"],
            n_known=row["n_known"],
            comparison=json.loads(row["comparison"]),
            made_at=row["made_at"],
        )
        for row in rows
    ]


def load(workspace: Workspace, found: NewPhotos) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups, int64 of shape (N,), and the probabilities, float32 of shape (N, K), of a set.

    Raises:
        RunDamaged: If a file is missing or cut.
    """
    path = _path(workspace, found.run_id, found.set_id)
    try:
        pred_probs = np.load(path, allow_pickle=False)
        kept = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        groups = np.array(kept["groups"], dtype=np.int64)
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error
    if pred_probs.ndim != 2 or len(pred_probs) != len(groups):
        raise _damaged(path, "it does not fit the list of its photos")
    return groups, pred_probs


def show(workspace: Workspace, run_id: int, set_id: int) -> NewPhotos:
    """Return one set of a run.

    Raises:
        NotFound: If there is none.
    """
    for each in list_sets(workspace, run_id):
        if each.set_id == set_id:
            return each
    raise NotFound(f"Run {run_id} has no set {set_id} of new photos.", "Predict the photos again.")


def excluded(workspace: Workspace, snapshot_id: int, reasons: Sequence[str]) -> list[str]:
    """Return the digests of the images outside a snapshot that were excluded for one of some reasons."""
    rows = workspace.query(
        "SELECT i.digest FROM image_state s JOIN image i ON i.id = s.image_id"
        " WHERE s.verdict = 'exclude' AND s.reason IN (SELECT value FROM json_each(?))"
        " AND i.id NOT IN (SELECT image_id FROM snapshot_item WHERE snapshot_id = ?) ORDER BY i.id",
        (json.dumps(list(reasons)), snapshot_id),
    )
    return [row["digest"] for row in rows]


def members(workspace: Workspace, snapshot_id: int) -> set[str]:
    """Return the digests of the images of a snapshot."""
    rows = workspace.query(
        "SELECT i.digest FROM snapshot_item m JOIN image i ON i.id = m.image_id WHERE m.snapshot_id = ?",
        (snapshot_id,),
    )
    return {row["digest"] for row in rows}


def _path(workspace: Workspace, run_id: int, set_id: int) -> Path:
    return runs.folder(workspace, run_id) / f"new_photos_{set_id}.npy"


def _damaged(file: Path, why: str) -> RunDamaged:
    return RunDamaged(
        f"A file of new photos cannot be read: {file}: {why.rstrip('.')}.",
        "Predict the photos again.",
        action("list_runs"),
    )
