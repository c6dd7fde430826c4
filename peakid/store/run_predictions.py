"""The predictions of a run: one row per image, and all probabilities in a file for each split."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from peakid import files
from peakid.errors import NotFound, RunDamaged
from peakid.records import Prediction
from peakid.remedies import action
from peakid.store import runs
from peakid.store.evaluation import heat_maps
from peakid.store.workspace import Workspace


def add(
    workspace: Workspace,
    run_id: int,
    split: str,
    digests: Sequence[str],
    pred_probs: np.ndarray,
    given_labels: Sequence[str],
    *,
    is_out_of_sample: bool,
) -> None:
    """Store the predictions of a run for one split: one row per image, and all probabilities in a file.

    Args:
        pred_probs: float32 of shape (N, K), rows in the order of `digests`, columns in the order of the run's
            class_names.
        given_labels: The N labels that the model was trained on or evaluated against.
        is_out_of_sample: False for images that the model was trained on; their label quality is not ranked.
    """
    class_names = runs.show(workspace, run_id).class_names
    # What an earlier model of a resumed run gave is no longer valid.
    (_folder(workspace, run_id) / _TTA).unlink(missing_ok=True)
    heat_maps.remove_run(workspace, run_id)
    _write_pred_probs(workspace, run_id, split, digests, pred_probs)
    best = pred_probs.argmax(axis=1)  # (N,)
    rows = [
        (run_id, digest, split, given, class_names[column], float(probabilities[column]), is_out_of_sample)
        for digest, given, column, probabilities in zip(digests, given_labels, best, pred_probs, strict=True)
    ]
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO prediction (run_id, image_id, split, given_label, predicted_label,"
            " confidence, is_out_of_sample)"
            " VALUES (?, (SELECT id FROM image WHERE digest = ?), ?, ?, ?, ?, ?)",
            rows,
        )


def rows(workspace: Workspace, run_id: int, split: str) -> list[Prediction]:
    """List the predictions for one split, ordered by image id."""
    rows = workspace.query(
        "SELECT image.digest, p.split, p.given_label, p.predicted_label, p.confidence, p.is_out_of_sample"
        " FROM prediction p JOIN image ON image.id = p.image_id WHERE p.run_id = ? AND p.split = ?"
        " ORDER BY p.image_id",
        (run_id, split),
    )
    return [Prediction(*row[:5], bool(row["is_out_of_sample"])) for row in rows]


def has_rows(workspace: Workspace, run_id: int, split: str) -> bool:
    """Return whether a run has predictions for an image of a split that was not forgotten."""
    found = workspace.one("SELECT 1 FROM prediction WHERE run_id = ? AND split = ? LIMIT 1", (run_id, split))
    return found is not None


def n_right(workspace: Workspace, run_id: int, split: str) -> tuple[int, int]:
    """Return how many images of a split are predicted as labelled at the training, and how many there are."""
    row = workspace.query(
        "SELECT COALESCE(SUM(given_label = predicted_label), 0) AS n_right, COUNT(*) AS n FROM prediction"
        " WHERE run_id = ? AND split = ?",
        (run_id, split),
    )[0]
    return row["n_right"], row["n"]


def pred_probs(workspace: Workspace, run_id: int, split: str) -> tuple[list[str], np.ndarray]:
    """Return the digests of one split and their probabilities: float32 of shape (N, K), memory-mapped.

    Raises:
        NotFound: If the run has no predictions for that split.
        RunDamaged: If one of the two files is missing, cut, or does not fit the other.
    """
    path = _pred_probs_path(workspace, run_id, split)
    names = path.with_suffix(".json")
    if not path.exists() and not names.exists():
        raise NotFound(
            f"Run {run_id} has no predictions for {split}.",
            "Choose another split, or train again.",
        )
    try:
        digests = json.loads(names.read_text(encoding="utf-8"))
        probabilities = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(run_id, names if _is_about(error, names) else path, str(error)) from error
    if not isinstance(digests, list) or probabilities.ndim != 2 or len(digests) != len(probabilities):
        raise _damaged(run_id, path, "it does not fit the list of its images")
    return digests, probabilities


def n_stored(workspace: Workspace, run_id: int, split: str) -> int:
    """Return for how many images probabilities are stored, from the header of the file alone.

    Raises:
        NotFound: If the run has none for that split.
        RunDamaged: If the file cannot be read.
    """
    path = _pred_probs_path(workspace, run_id, split)
    if not path.exists():
        raise NotFound(
            f"Run {run_id} has no predictions for {split}.", "Choose another split, or train again."
        )
    try:
        return len(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise _damaged(run_id, path, str(error)) from error


def identity(workspace: Workspace, run_id: int, split: str, *, with_tta: bool = False) -> str:
    """Return what changes when the probabilities of a split are written again: size and time of the file."""
    path = _pred_probs_path(workspace, run_id, f"{split}-tta" if with_tta else split)
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"


def add_refit(workspace: Workspace, run_id: int, digests: Sequence[str], pred_probs: np.ndarray) -> None:
    """Store the (N, K) predictions of a model refitted on the validation images for them: not a score."""
    _write_pred_probs(workspace, run_id, REFIT, digests, pred_probs)


def of_saved_model(workspace: Workspace, run_id: int) -> tuple[list[str], np.ndarray]:
    """Return what the saved model predicts for the validation images, as `pred_probs` does."""
    return pred_probs(workspace, run_id, REFIT if has_pred_probs(workspace, run_id, REFIT) else "valid")


def has_pred_probs(workspace: Workspace, run_id: int, split: str) -> bool:
    """Return whether a run has stored probabilities for a split."""
    return _pred_probs_path(workspace, run_id, split).is_file()


def add_tta(
    workspace: Workspace,
    run_id: int,
    pred_probs: Mapping[str, tuple[Sequence[str], np.ndarray]],
    *,
    n_views: int,
) -> None:
    """Store the probabilities of test-time augmentation, in addition to those of the plain images.

    Args:
        pred_probs: By split, the digests and float32 of shape (N, K).
        n_views: Number of views averaged with the plain image.
    """
    facts = _folder(workspace, run_id) / _TTA
    facts.unlink(missing_ok=True)
    for split, (digests, averaged) in pred_probs.items():
        _write_pred_probs(workspace, run_id, f"{split}-tta", digests, averaged)
    # Written last: it means that all probabilities are there.
    files.write_json(facts, {"n_views": n_views, "splits": sorted(pred_probs)})


def n_views(workspace: Workspace, run_id: int, split: str) -> int | None:
    """Return how many views test-time augmentation averaged with the plain image.

    None without it, and where one of its files is missing or cut: it can be computed again.
    """
    try:
        facts = json.loads((_folder(workspace, run_id) / _TTA).read_text(encoding="utf-8"))
        found = int(facts["n_views"]) if split in facts["splits"] else None
        if found is not None:
            pred_probs(workspace, run_id, f"{split}-tta")
    except (OSError, ValueError, KeyError, TypeError, NotFound):
        return None
    return found


def tta(workspace: Workspace, run_id: int, split: str) -> dict[str, np.ndarray]:
    """Return the probabilities of test-time augmentation, (K,) by digest; empty if it was not computed."""
    if n_views(workspace, run_id, split) is None:
        return {}
    digests, probabilities = pred_probs(workspace, run_id, f"{split}-tta")
    return dict(zip(digests, probabilities, strict=True))


REFIT = "valid-refit"  # As a split: validation images by a model that was fitted on them too.
_TTA = "tta.json"  # In the folder of a run: the splits and the number of views of test-time augmentation.


def _pred_probs_path(workspace: Workspace, run_id: int, split: str) -> Path:
    return _folder(workspace, run_id) / f"pred_probs_{split}.npy"


def _is_about(error: Exception, file: Path) -> bool:
    return isinstance(error, json.JSONDecodeError | UnicodeDecodeError) or (
        isinstance(error, OSError) and error.filename == str(file)
    )


def _damaged(run_id: int, file: Path, why: str) -> RunDamaged:
    return RunDamaged(
        f"A file of run {run_id} cannot be read: {file}: {why.rstrip('.')}.",
        "Restore it from a backup, or train again.",
        action("restore_backup"),
        action("train"),
    )


def _write_pred_probs(
    workspace: Workspace, run_id: int, split: str, digests: Sequence[str], pred_probs: np.ndarray
) -> None:
    path = _pred_probs_path(workspace, run_id, split)
    with files.replacing(path) as part, part.open("wb") as out:
        np.save(out, np.asarray(pred_probs, dtype=np.float32), allow_pickle=False)
    files.write_json(path.with_suffix(".json"), list(digests))


def _folder(workspace: Workspace, run_id: int) -> Path:
    return workspace.runs_dir / str(run_id)
