"""Checkpoints in the folders of runs: whether a training can continue from them, and which serve nothing."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from peakid.recipe import run_files
from peakid.store.workspace import Workspace

# A sweep that is resumed leaves out a trial that failed with a reason of its own.
_SERVES_NOTHING = (
    "run.state = 'done' OR run.job_id IS NULL OR job.state = 'done'"
    " OR (job.kind = 'sweep' AND run.state = 'failed' AND run.warnings <> '[]')"
)


def files_of(workspace: Workspace, run_id: int) -> list[Path]:
    """Return the files of a run that serve only to continue its training."""
    folder = workspace.runs_dir / str(run_id)
    return sorted(
        path
        for path in folder.rglob("*")
        if run_files.is_checkpoint(path.relative_to(folder)) and not path.is_symlink() and path.is_file()
    )


def can_continue(workspace: Workspace, run_id: int) -> bool:
    """Return whether a run has a complete checkpoint, or a fold that was trained to its end."""
    return any(
        path.suffix == ".json" and not path.name.startswith(".") and any(_partners(path))
        for path in files_of(workspace, run_id)
    )


def of_no_use(workspace: Workspace) -> list[int]:
    """Return the runs that have checkpoints and will never continue from them, in their order."""
    rows = workspace.query(
        f"SELECT run.id FROM run LEFT JOIN job ON job.id = run.job_id WHERE {_SERVES_NOTHING} ORDER BY run.id"
    )
    return [row["id"] for row in rows if files_of(workspace, row["id"])]


def cannot_continue(workspace: Workspace) -> list[int]:
    """Return the interrupted runs that a resumed job has to start anew, in their order."""
    rows = workspace.query(
        "SELECT run.id FROM run JOIN job ON job.id = run.job_id"
        f" WHERE job.state IN ('failed', 'cancelled', 'lost') AND NOT ({_SERVES_NOTHING}) ORDER BY run.id"
    )
    return [row["id"] for row in rows if not can_continue(workspace, row["id"])]


def of_job(workspace: Workspace, job_id: int) -> int | None:
    """Return the run that a resumed job has to start anew; None where it continues, or has no run yet."""
    rows = workspace.query(
        "SELECT run.id FROM run JOIN job ON job.id = run.job_id"
        f" WHERE job.id = ? AND NOT ({_SERVES_NOTHING}) ORDER BY run.id DESC LIMIT 1",
        (job_id,),
    )
    return next((row["id"] for row in rows if not can_continue(workspace, row["id"])), None)


def remove(workspace: Workspace, run_ids: Sequence[int]) -> None:
    """Remove the checkpoints of runs. A run keeps its model and its predictions."""
    for run_id in run_ids:
        for path in files_of(workspace, run_id):
            path.unlink(missing_ok=True)
        for folder in (workspace.runs_dir / str(run_id)).glob(f"{run_files.FOLD}*"):
            if run_files.is_checkpoint(Path(folder.name, "any")) and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)


def anew_text(run_id: int) -> str:
    """Return, for people, that a run has nothing to continue from."""
    return f"Run {run_id} has no checkpoint here, so it cannot be continued: resuming starts it anew."


def _partners(card: Path) -> list[Path]:
    return [
        card.with_suffix(suffix) for suffix in (".safetensors", ".npy") if card.with_suffix(suffix).is_file()
    ]
