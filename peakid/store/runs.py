"""Training runs: their rows, epochs, predictions, counted looks at the test score, and their folders."""

import json
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

import peakid
from peakid import files
from peakid.errors import NotFound, RunDamaged
from peakid.recipe import run_files
from peakid.records import EpochMetrics, EpochSamples, JobState, Prediction, Run
from peakid.remedies import action
from peakid.resources import PROJECT_ROOT
from peakid.run_records import RunWarning, StartingWeights
from peakid.store import run_rows
from peakid.store.workspace import Workspace, now


def create(
    workspace: Workspace,
    *,
    job_id: int | None,
    snapshot_id: int,
    recipe: Mapping[str, Any],
    class_names: Sequence[str],
    seed: int,
    code_version: str,
    libraries: Mapping[str, str],
) -> int:
    """Insert a run in state `running`, create its folder, and return its id.

    Args:
        class_names: In the order of the columns of pred_probs.
    """
    values = {
        "job_id": job_id,
        "snapshot_id": snapshot_id,
        "recipe": _json(recipe),
        "class_names": _json(list(class_names)),
        "seed": seed,
        "code_version": code_version,
        "libraries": _json(libraries),
        "now": now(),
    }
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO run (job_id, snapshot_id, state, recipe, class_names, seed, code_version, libraries,"
            " created_at) VALUES (:job_id, :snapshot_id, 'running', :recipe, :class_names, :seed,"
            " :code_version, :libraries, :now)",
            values,
        )
        run_id = int(cursor.lastrowid or 0)
        connection.execute("UPDATE run SET path = ? WHERE id = ?", (f"runs/{run_id}", run_id))
    (workspace.runs_dir / str(run_id)).mkdir(parents=True, exist_ok=True)
    return run_id


def reopen(workspace: Workspace, run_id: int) -> None:
    """Set an ended run to `running`. Its epochs are deleted, because the resumed training adds them again."""
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET state = 'running', finished_at = NULL WHERE id = ?", (run_id,))
        connection.execute("DELETE FROM epoch_metric WHERE run_id = ?", (run_id,))


def add_epoch(workspace: Workspace, run_id: int, metrics: EpochMetrics) -> None:
    """Store the metrics of one epoch, so that a page can draw the curves during the training."""
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO epoch_metric (run_id, epoch, phase, train_loss, valid_loss, accuracy,"
            " learning_rate, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (run_id, *astuple(metrics)),
        )


def add_predictions(
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
    class_names = show(workspace, run_id).class_names
    # Test-time augmentation of an earlier model of a resumed run is no longer valid.
    (_folder(workspace, run_id) / _TTA).unlink(missing_ok=True)
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


def finish(
    workspace: Workspace,
    run_id: int,
    state: JobState,
    *,
    best_epoch: int | None = None,
    metrics: Mapping[str, float] | None = None,
    device: str = "",
    n_workers: int = 0,
    starting_weights: StartingWeights | None = None,
    warnings: Sequence[RunWarning] = (),
    seconds: float | None = None,
    libraries: Mapping[str, str] | None = None,
) -> None:
    """Store the result of a run: its final state, best epoch and metrics, and how it was trained.

    Args:
        metrics: Metrics of the best epoch.
        starting_weights: The weights that the training started from.
        libraries: Versions by name; None keeps those given at the start.
    """
    values = {
        "id": run_id,
        "state": state,
        "best_epoch": best_epoch,
        "metrics": _json(metrics or {}),
        "device": device,
        "n_workers": n_workers,
        "pretrained": run_rows.weights_json(starting_weights),
        "warnings": run_rows.warnings_json(warnings),
        "seconds": seconds,
        "libraries": None if libraries is None else _json(libraries),
        "now": now(),
    }
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE run SET state = :state, best_epoch = :best_epoch, metrics = :metrics, device = :device,"
            " n_workers = :n_workers, pretrained = :pretrained, warnings = :warnings, seconds = :seconds,"
            " libraries = COALESCE(:libraries, libraries), finished_at = :now WHERE id = :id",
            values,
        )


def follow_job(connection: sqlite3.Connection, job_id: int, state: JobState) -> None:
    """Give the unfinished runs of a job its state; call it in the transaction that ends the job."""
    connection.execute(
        "UPDATE run SET state = ?, finished_at = ? WHERE job_id = ? AND state = 'running'",
        (state, now(), job_id),
    )


def show(workspace: Workspace, run_id: int) -> Run:
    """Return one run.

    Raises:
        NotFound: If there is no such run. The remedy lists the newest ones.
    """
    row = workspace.one(f"{_SELECT} WHERE run.id = ?", (run_id,))
    if row is None:
        ids = [str(row["id"]) for row in workspace.query("SELECT id FROM run ORDER BY id DESC LIMIT 10")]
        newest = f"There are: {', '.join(reversed(ids))}." if ids else "There is none yet."
        raise NotFound(f"There is no run {run_id}.", newest, action("list_runs" if ids else "train"))
    return run_rows.run_of(row)


def list_runs(workspace: Workspace) -> list[Run]:
    """List every run, newest first."""
    return [run_rows.run_of(row) for row in workspace.query(f"{_SELECT} ORDER BY run.id DESC")]


def of_job(workspace: Workspace, job_id: int) -> Run | None:
    """Return the newest run of a job, None before it starts. A resumed job continues its run."""
    row = workspace.one(f"{_SELECT} WHERE run.job_id = ? ORDER BY run.id DESC LIMIT 1", (job_id,))
    return None if row is None else run_rows.run_of(row)


def all_of_job(workspace: Workspace, job_id: int) -> list[Run]:
    """List the runs of a job, oldest first: a sweep has several."""
    rows = workspace.query(f"{_SELECT} WHERE run.job_id = ? ORDER BY run.id", (job_id,))
    return [run_rows.run_of(row) for row in rows]


def epochs(workspace: Workspace, run_id: int) -> list[EpochMetrics]:
    """List the metrics of the epochs, in order."""
    rows = workspace.query(
        "SELECT epoch, phase, train_loss, valid_loss, accuracy, learning_rate, seconds FROM epoch_metric"
        " WHERE run_id = ? ORDER BY epoch",
        (run_id,),
    )
    return [EpochMetrics(*row) for row in rows]


def predictions(workspace: Workspace, run_id: int, split: str) -> list[Prediction]:
    """List the predictions for one split, ordered by image id."""
    rows = workspace.query(
        "SELECT image.digest, p.split, p.given_label, p.predicted_label, p.confidence, p.is_out_of_sample"
        " FROM prediction p JOIN image ON image.id = p.image_id WHERE p.run_id = ? AND p.split = ?"
        " ORDER BY p.image_id",
        (run_id, split),
    )
    return [Prediction(*row[:5], bool(row["is_out_of_sample"])) for row in rows]


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


def look_at_test(workspace: Workspace, run_id: int, actor: str) -> int:
    """Count one look at the test score of a run, before it is shown, and return the number of looks.

    Raises:
        NotFound: If there is no such run.
    """
    show(workspace, run_id)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO test_look (run_id, actor, looked_at) VALUES (?, ?, ?)", (run_id, actor, now())
        )
        counted = connection.execute("SELECT COUNT(*) FROM test_look WHERE run_id = ?", (run_id,))
        return int(counted.fetchone()[0])


def folder(workspace: Workspace, run_id: int) -> Path:
    """Return the folder with the model and the probabilities of a run.

    Raises:
        NotFound: If there is no such run.
    """
    show(workspace, run_id)
    return _folder(workspace, run_id)


def samples(workspace: Workspace, run_id: int) -> list[EpochSamples]:
    """List the predictions for a few validation images after each epoch, in order.

    Raises:
        NotFound: If there is no such run.
    """
    try:
        return json.loads((folder(workspace, run_id) / run_files.SAMPLES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # The first epoch has not ended.


def seen_folder(workspace: Workspace, job_id: int) -> Path:
    """Return the folder for the preprocessed images that an estimate shows; it may be emptied at any time."""
    return workspace.cache_dir / "seen" / str(job_id)


def code_version() -> str:
    """Return the version of the package; in a checkout also the commit, with `-dirty` after changes."""
    if not (PROJECT_ROOT / ".git").exists():
        return peakid.__version__
    command = ["git", "-C", str(PROJECT_ROOT), "describe", "--always", "--tags", "--dirty"]
    try:
        described = subprocess.run(command, capture_output=True, check=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):  # Git is missing, or does not trust the checkout.
        return peakid.__version__
    return f"{peakid.__version__}+{described.strip()}"


REFIT = "valid-refit"  # As a split: validation images by a model that was fitted on them too.
_TTA = "tta.json"  # In the folder of a run: the splits and the number of views of test-time augmentation.

_SELECT = (
    "SELECT run.*, snapshot.digest AS snapshot_digest, snapshot.name AS snapshot_name,"
    " (SELECT COUNT(*) FROM test_look WHERE run_id = run.id) AS n_test_looks"
    " FROM run JOIN snapshot ON snapshot.id = run.snapshot_id"
)


def _folder(workspace: Workspace, run_id: int) -> Path:
    return workspace.runs_dir / str(run_id)


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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
