"""Training runs: their rows, epochs, predictions, counted looks at the test score, and their folders."""

import json
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import peakid
from peakid.errors import NotFound
from peakid.recipe import run_files
from peakid.records import EpochMetrics, JobState, Run
from peakid.remedies import action
from peakid.resources import PROJECT_ROOT
from peakid.run_records import EpochSamples, ImportedPredictions, MeasuredScore, RunWarning, StartingWeights
from peakid.store import run_rows
from peakid.store.workspace import Workspace, now

SCORE_VERSION = 2  # Of the kept score; increased when the interval is computed in another way.


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
    imported: ImportedPredictions | None = None,
    made_for: str = "",
) -> int:
    """Insert a run in state `running`, create its folder, and return its id.

    Args:
        class_names: In the order of the columns of pred_probs.
        imported: Where its predictions come from, if it is no training.
        made_for: "attribution" for a run that only a job's result is about: it is not listed.
    """
    values = {
        "job_id": job_id,
        "snapshot_id": snapshot_id,
        "recipe": _json(recipe),
        "class_names": _json(list(class_names)),
        "seed": seed,
        "code_version": code_version,
        "libraries": _json(libraries),
        "imported": None if imported is None else _json(asdict(imported)),
        "made_for": made_for,
        "now": now(),
    }
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO run (job_id, snapshot_id, state, recipe, class_names, seed, code_version, libraries,"
            " imported, made_for, created_at) VALUES (:job_id, :snapshot_id, 'running', :recipe,"
            " :class_names, :seed, :code_version, :libraries, :imported, :made_for, :now)",
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


def finish(
    workspace: Workspace,
    run_id: int,
    state: JobState,
    *,
    best_epoch: int | None = None,
    metrics: Mapping[str, float] | None = None,
    device: str = "",
    n_workers: int = 0,
    n_ranks: int = 1,
    engine: str = "",
    starting_weights: StartingWeights | None = None,
    warnings: Sequence[RunWarning] = (),
    seconds: float | None = None,
    libraries: Mapping[str, str] | None = None,
) -> None:
    """Store the result of a run: its final state, best epoch and metrics, and how it was trained.

    Args:
        metrics: Metrics of the best epoch.
        n_ranks: Processes that trained together.
        engine: What ran them; '' for one.
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
        "n_ranks": n_ranks,
        "engine": engine,
        "pretrained": run_rows.weights_json(starting_weights),
        "warnings": run_rows.warnings_json(warnings),
        "seconds": seconds,
        "libraries": None if libraries is None else _json(libraries),
        "now": now(),
    }
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE run SET state = :state, best_epoch = :best_epoch, metrics = :metrics, device = :device,"
            " n_workers = :n_workers, n_ranks = :n_ranks, engine = :engine,"
            " pretrained = :pretrained, warnings = :warnings, seconds = :seconds,"
            " libraries = COALESCE(:libraries, libraries), finished_at = :now, score = NULL WHERE id = :id",
            values,
        )


def keep_score(workspace: Workspace, run_id: int, score: MeasuredScore) -> None:
    """Store the score of a run as it was measured now; a workspace that cannot be written keeps its own."""
    text = _json(asdict(score) | {"version": SCORE_VERSION})
    row = workspace.one("SELECT score FROM run WHERE id = ?", (run_id,))
    if row is None or row["score"] == text or workspace.is_read_only:
        return
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET score = ? WHERE id = ?", (text, run_id))


def without_score(workspace: Workspace) -> list[Run]:
    """List the runs that ended with predictions but whose score was not measured, newest first.

    A score of another version was not, if there are near duplicates: those without have the same interval.
    """
    rows = workspace.query(
        f"{_SELECT} WHERE json_extract(run.metrics, '$.accuracy') IS NOT NULL AND (run.score IS NULL"
        " OR snapshot.n_groups < snapshot.n_images"
        f" AND json_extract(run.score, '$.version') IS NOT {SCORE_VERSION}) ORDER BY run.id DESC"
    )
    return [run_rows.run_of(row) for row in rows]


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


def list_runs(workspace: Workspace, *, with_attributed: bool = False) -> list[Run]:
    """List every run, newest first.

    Args:
        with_attributed: Also those that were made to measure what decisions bought.
    """
    where = "1" if with_attributed else "run.made_for = ''"
    rows = workspace.query(f"{_SELECT} WHERE {where} ORDER BY run.id DESC")
    return [run_rows.run_of(row) for row in rows]


def same_training(workspace: Workspace, snapshot_id: int, recipe: Mapping[str, Any]) -> Run | None:
    """Return a finished run of the same recipe on the same snapshot, the newest; None if there is none."""
    rows = workspace.query(
        f"{_SELECT} WHERE run.snapshot_id = ? AND run.state = 'done' ORDER BY run.id DESC", (snapshot_id,)
    )
    found = (run_rows.run_of(row) for row in rows)
    return next((run for run in found if run.recipe == json.loads(_json(recipe))), None)


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


_SELECT = (
    "SELECT run.*, snapshot.digest AS snapshot_digest, snapshot.name AS snapshot_name,"
    " (SELECT COUNT(*) FROM test_look WHERE run_id = run.id) AS n_test_looks"
    " FROM run JOIN snapshot ON snapshot.id = run.snapshot_id"
)


def _folder(workspace: Workspace, run_id: int) -> Path:
    return workspace.runs_dir / str(run_id)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
