"""Training runs as they are kept: rows of run, epochs, predictions and counted looks at test, and the run's folder."""

import json
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import peakid
from peakid.errors import NotFound
from peakid.recipe import run_files
from peakid.records import EpochMetrics, JobState, Prediction, Run
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
    """Begin a run in state `running`, make its folder, answer its id.

    Args:
        class_names: In the order of the columns of pred_probs.
    """
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO run (job_id, snapshot_id, state, recipe, class_names, seed, code_version, libraries, created_at)"
            " VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?)",
            (
                job_id,
                snapshot_id,
                _json(recipe),
                _json(list(class_names)),
                seed,
                code_version,
                _json(libraries),
                now(),
            ),
        )
        run_id = int(cursor.lastrowid or 0)
        connection.execute("UPDATE run SET path = ? WHERE id = ?", (f"runs/{run_id}", run_id))
    (workspace.runs_dir / str(run_id)).mkdir(parents=True, exist_ok=True)
    return run_id


def reopen(workspace: Workspace, run_id: int) -> None:
    """Let an ended run go on in state `running`; the training tells its epochs again, so they are taken out first."""
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET state = 'running', finished_at = NULL WHERE id = ?", (run_id,))
        connection.execute("DELETE FROM epoch_metric WHERE run_id = ?", (run_id,))


def add_epoch(workspace: Workspace, run_id: int, metrics: EpochMetrics) -> None:
    """Append what one epoch gave, so that a page can draw the curve while the run goes on."""
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO epoch_metric"
            " (run_id, epoch, phase, train_loss, valid_loss, accuracy, learning_rate, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                metrics.epoch,
                metrics.phase,
                metrics.train_loss,
                metrics.valid_loss,
                metrics.accuracy,
                metrics.learning_rate,
                metrics.seconds,
            ),
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
    """Store what the run's model says of one split: a row per image, and the whole probabilities beside them.

    Args:
        pred_probs: float32 of shape (n, K), rows in the order of `digests`, columns in the run's class_names order.
        given_labels: The labels it was trained or scored against, n of them.
        is_out_of_sample: False for images the model has learned from; their label quality is never ranked.
    """
    class_names = show(workspace, run_id).class_names
    (_folder(workspace, run_id) / _TTA).unlink(missing_ok=True)  # A run that went on has another model now.
    _write_pred_probs(_folder(workspace, run_id), split, digests, pred_probs)
    best = pred_probs.argmax(axis=1)  # (n,)
    rows = [
        (run_id, digest, split, given, class_names[column], float(probabilities[column]), is_out_of_sample)
        for digest, given, column, probabilities in zip(digests, given_labels, best, pred_probs, strict=True)
    ]
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO prediction (run_id, image_id, split, given_label, predicted_label, confidence, is_out_of_sample)"
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
    """Write how a run ended and what it really was made with.

    Args:
        metrics: Of the best epoch.
        starting_weights: The weights that it really started from.
        libraries: Versions; None keeps those given at the start.
    """
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE run SET state = ?, best_epoch = ?, metrics = ?, device = ?, n_workers = ?, pretrained = ?, warnings = ?,"
            " seconds = ?, libraries = COALESCE(?, libraries), finished_at = ? WHERE id = ?",
            (
                state,
                best_epoch,
                _json(metrics or {}),
                device,
                n_workers,
                run_rows.weights_json(starting_weights),
                run_rows.warnings_json(warnings),
                seconds,
                None if libraries is None else _json(libraries),
                now(),
                run_id,
            ),
        )


def follow_job(connection: sqlite3.Connection, job_id: int, state: JobState) -> None:
    """End the runs that a job leaves unfinished as the job ended; inside the transaction that ends the job."""
    connection.execute(
        "UPDATE run SET state = ?, finished_at = ? WHERE job_id = ? AND state = 'running'",
        (state, now(), job_id),
    )


def show(workspace: Workspace, run_id: int) -> Run:
    """Answer one run.

    Raises:
        NotFound: If there is no such run; the message says which there are.
    """
    row = workspace.one(f"{_SELECT} WHERE run.id = ?", (run_id,))
    if row is None:
        ids = [str(row["id"]) for row in workspace.query("SELECT id FROM run ORDER BY id DESC LIMIT 10")]
        remedy = (
            f"There are: {', '.join(reversed(ids))}."
            if ids
            else "There is none yet; train one with: peakid train"
        )
        raise NotFound(f"There is no run {run_id}.", remedy)
    return run_rows.run_of(row)


def list_runs(workspace: Workspace) -> list[Run]:
    """List every run, newest first."""
    return [run_rows.run_of(row) for row in workspace.query(f"{_SELECT} ORDER BY run.id DESC")]


def of_job(workspace: Workspace, job_id: int) -> Run | None:
    """Answer the run of a job, which goes on with it when it is resumed; None before it begins."""
    row = workspace.one(f"{_SELECT} WHERE run.job_id = ? ORDER BY run.id DESC LIMIT 1", (job_id,))
    return None if row is None else run_rows.run_of(row)


def all_of_job(workspace: Workspace, job_id: int) -> list[Run]:
    """List the runs of a job, oldest first: a sweep has several."""
    return [
        run_rows.run_of(row)
        for row in workspace.query(f"{_SELECT} WHERE run.job_id = ? ORDER BY run.id", (job_id,))
    ]


def epochs(workspace: Workspace, run_id: int) -> list[EpochMetrics]:
    """List what each epoch gave, in order."""
    rows = workspace.query(
        "SELECT epoch, phase, train_loss, valid_loss, accuracy, learning_rate, seconds FROM epoch_metric WHERE run_id = ? ORDER BY epoch",
        (run_id,),
    )
    return [EpochMetrics(*row) for row in rows]


def predictions(workspace: Workspace, run_id: int, split: str) -> list[Prediction]:
    """List the predictions of one split, in the order of the images' ids."""
    rows = workspace.query(
        "SELECT image.digest, p.split, p.given_label, p.predicted_label, p.confidence, p.is_out_of_sample"
        " FROM prediction p JOIN image ON image.id = p.image_id WHERE p.run_id = ? AND p.split = ? ORDER BY p.image_id",
        (run_id, split),
    )
    return [Prediction(*row[:5], bool(row["is_out_of_sample"])) for row in rows]


def pred_probs(workspace: Workspace, run_id: int, split: str) -> tuple[list[str], np.ndarray]:
    """Answer the digests of one split and, row by row, their probabilities: float32 of shape (n, K), mapped from disk.

    Raises:
        NotFound: If the run has none for that split.
    """
    path = _folder(workspace, run_id) / f"pred_probs_{split}.npy"
    try:
        digests = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return digests, np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise NotFound(
            f"Run {run_id} has no predictions for {split}.",
            "Choose a split it was scored on, or train again.",
        ) from error


def has_pred_probs(workspace: Workspace, run_id: int, split: str) -> bool:
    """Tell whether a run's probabilities of a split are stored."""
    return (_folder(workspace, run_id) / f"pred_probs_{split}.npy").is_file()


def add_tta(
    workspace: Workspace,
    run_id: int,
    answers: Mapping[str, tuple[Sequence[str], np.ndarray]],
    *,
    n_views: int,
) -> None:
    """Store what test-time augmentation answers, beside the plain probabilities, which stay what they are.

    Args:
        answers: By split the digests and, row by row, float32 of shape (n, K).
        n_views: Averaged beside the plain image.
    """
    folder = _folder(workspace, run_id)
    (folder / _TTA).unlink(missing_ok=True)
    for split, (digests, pred_probs) in answers.items():
        _write_pred_probs(folder, f"{split}-tta", digests, pred_probs)
    part = folder / f"{_TTA}.part"
    part.write_text(json.dumps({"n_views": n_views, "splits": sorted(answers)}), encoding="utf-8")
    part.replace(folder / _TTA)  # Last: who finds it finds all of them.


def n_views(workspace: Workspace, run_id: int, split: str) -> int | None:
    """Answer over how many views beside the plain image a split's answers were averaged; None where they were not."""
    try:
        facts = json.loads((_folder(workspace, run_id) / _TTA).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return facts["n_views"] if split in facts["splits"] else None


def tta(workspace: Workspace, run_id: int, split: str) -> dict[str, np.ndarray]:
    """Answer the probabilities averaged over views, (K,) by digest; empty where they were not computed."""
    if n_views(workspace, run_id, split) is None:
        return {}
    digests, probabilities = pred_probs(workspace, run_id, f"{split}-tta")
    return dict(zip(digests, probabilities, strict=True))


def look_at_test(workspace: Workspace, run_id: int, actor: str) -> int:
    """Count one look at a run's test score and answer how many there were; call it before showing the figure.

    Raises:
        NotFound: If there is no such run.
    """
    show(workspace, run_id)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO test_look (run_id, actor, looked_at) VALUES (?, ?, ?)", (run_id, actor, now())
        )
        return int(
            connection.execute("SELECT COUNT(*) FROM test_look WHERE run_id = ?", (run_id,)).fetchone()[0]
        )


def folder(workspace: Workspace, run_id: int) -> Path:
    """Answer the folder with a run's model and probabilities.

    Raises:
        NotFound: If there is no such run.
    """
    show(workspace, run_id)
    return _folder(workspace, run_id)


def samples(workspace: Workspace, run_id: int) -> list[dict[str, Any]]:
    """List what the running model answered for a few valid images: `{epoch, answers: [{digest, given, predicted, confidence}]}`, in order.

    Raises:
        NotFound: If there is no such run.
    """
    try:
        return json.loads((folder(workspace, run_id) / run_files.SAMPLES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # None yet.


def seen_folder(workspace: Workspace, job_id: int) -> Path:
    """Answer the folder for images as a model would receive them, which an estimate draws; it may be emptied at any time."""
    return workspace.cache_dir / "seen" / str(job_id)


def code_version() -> str:
    """Name the code that runs: git's description of the commit, `-dirty` where it was changed since, else the package's version."""
    if (PROJECT_ROOT / ".git").exists():
        command = ["git", "-C", str(PROJECT_ROOT), "describe", "--always", "--tags", "--dirty"]
        try:
            return f"{peakid.__version__}+{subprocess.run(command, capture_output=True, check=True, text=True, timeout=10).stdout.strip()}"
        except (OSError, subprocess.SubprocessError):
            pass  # No git on this machine, or a checkout it does not trust.
    return peakid.__version__


_TTA = "tta.json"  # In a run's folder: that test-time augmentation was computed, and with how many views.

_SELECT = (
    "SELECT run.*, snapshot.digest AS snapshot_digest, snapshot.name AS snapshot_name,"
    " (SELECT COUNT(*) FROM test_look WHERE run_id = run.id) AS n_test_looks"
    " FROM run JOIN snapshot ON snapshot.id = run.snapshot_id"
)


def _folder(workspace: Workspace, run_id: int) -> Path:
    return workspace.runs_dir / str(run_id)


def _write_pred_probs(folder: Path, split: str, digests: Sequence[str], pred_probs: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Renamed, not written in place: a reader must never see half of it.
    part = folder / f"pred_probs_{split}.part.npy"
    np.save(part, np.asarray(pred_probs, dtype=np.float32), allow_pickle=False)
    order = part.with_suffix(".json")
    order.write_text(json.dumps(list(digests)), encoding="utf-8")
    part.replace(folder / f"pred_probs_{split}.npy")
    order.replace(folder / f"pred_probs_{split}.json")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
