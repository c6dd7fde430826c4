"""Train again by itself once enough new images are reviewed, where a collection asks for it."""

from dataclasses import dataclass

from peakid.dataset import snapshot as snapshots
from peakid.job_settings import JobSettings
from peakid.jobs import queue, submit
from peakid.jobs.arguments import RetrainArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.queueing import queued
from peakid.jobs.results import RetrainResult
from peakid.recipe.recipe import Recipe
from peakid.records import Run
from peakid.store import runs
from peakid.store.collecting import schedules
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Retraining:
    """What a training would add.

    Attributes:
        run: The newest training with a model, whose recipe is used again.
        n_new: Reviewed images with a label that its snapshot does not have.
        n_needed: How many of them are asked for.
    """

    run: Run
    n_new: int
    n_needed: int

    @property
    def is_due(self) -> bool:
        return self.n_new >= self.n_needed


def state(workspace: Workspace) -> Retraining | None:
    """Return what has come together; None if no collection asks for it, or nothing was trained yet."""
    n_needed = schedules.retrain_after(workspace)
    if n_needed is None:
        return None
    run = next((each for each in runs.list_runs(workspace) if each.has_model and not each.is_imported), None)
    if run is None:
        return None
    return Retraining(run, _n_new(workspace, run.snapshot_id), n_needed)


def ensure(workspace: Workspace, *, settings: JobSettings | None = None, actor: str = "") -> Job | None:
    """Queue a training if enough images are reviewed; return its job.

    After one that failed, as many images again must be reviewed.
    """
    if workspace.is_read_only:
        return None
    found = state(workspace)
    if found is None or not found.is_due:
        return None
    if any(job.kind in ("train", "sweep", RetrainArguments.kind) for job in queue.list_active(workspace)):
        return None
    last = queue.newest(
        workspace,
        RetrainArguments.kind,
        lambda job: job.arguments_as(RetrainArguments).run_id == found.run.run_id,
    )
    if last and found.n_new < last.arguments_as(RetrainArguments).n_new + found.n_needed:
        return None
    arguments = RetrainArguments(found.run.run_id, found.n_new)
    request_id = f"retrain:{found.run.run_id}:{found.n_new}"  # Two pages that are drawn at once ask for one.
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def run_job(work: Work) -> None:
    """Freeze the labels as they are, and queue a training with the recipe of the run."""
    arguments = work.arguments_as(RetrainArguments)
    run = runs.show(work.workspace, arguments.run_id)
    frozen = snapshots.create(work.workspace, actor=work.actor, report=work.report)
    work.note(RetrainResult(snapshot=frozen.digest))
    weights = run.starting_weights
    job = submit.train(
        work.workspace,
        Recipe.model_validate(run.recipe),
        snapshot=frozen.digest,
        allows_random=weights is not None and not weights.is_pretrained,
        settings=work.settings,
        actor=work.actor,
    )
    work.note(RetrainResult(snapshot=frozen.digest, job_id=job.job_id))


def _n_new(workspace: Workspace, snapshot_id: int) -> int:
    row = workspace.one(
        "SELECT COUNT(*) AS n FROM image_state s JOIN class c ON c.id = s.class_id"
        " WHERE s.verdict = 'label' AND s.is_reviewed = 1 AND c.is_retired = 0 AND NOT EXISTS"
        " (SELECT 1 FROM snapshot_item t WHERE t.snapshot_id = ? AND t.image_id = s.image_id)",
        (snapshot_id,),
    )
    return 0 if row is None else int(row["n"])
