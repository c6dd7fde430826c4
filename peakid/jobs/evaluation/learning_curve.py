"""The learning curve of a run: submitting the job, and measuring it with the linear head on embeddings."""

import time

from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.embed.stored import EmbeddingSet
from peakid.errors import NoEmbeddings
from peakid.evaluate.learning_curve import advice, curve, images
from peakid.evaluate.learning_curve import stored as curves
from peakid.evaluate.learning_curve.curve import LearningCurve
from peakid.job_settings import JobSettings
from peakid.jobs import queue, refusals
from peakid.jobs.arguments import LearningCurveArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import LearningCurveResult
from peakid.records import Run, Snapshot
from peakid.remedies import action
from peakid.settings import for_job
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.suggest.learning_curve import shares

PHASE = "Measuring the learning curve"


def compute(
    workspace: Workspace,
    run_id: int,
    *,
    with_training: bool = False,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the learning curve of a run, unless the same is queued or running.

    Args:
        with_training: Train the recipe of the run on each part, instead of a linear head on embeddings.

    Raises:
        NotFound: If there is no such run.
        NoEmbeddings: If no image has an embedding, or those of the snapshot have none.
        SplitMissing: If there are too few images.
        BadInput: If the run was cross-validated and is to be trained again.
    """
    run = runs.show(workspace, run_id)
    frozen = snapshots.show(workspace, run.snapshot_digest)
    if with_training:
        refuse_trainings(run)
        images.refuse_too_few(images.load(workspace, frozen, None))
    else:
        _images(workspace, frozen, stored.find(workspace))
    arguments = LearningCurveArguments(run_id=run_id, with_training=with_training)
    lane = "gpu" if with_training else "cpu"
    for job in queue.list_active(workspace, lane):
        if job.arguments == arguments:
            return job
    return queue.submit(
        workspace,
        arguments,
        lane=lane,
        settings=settings or for_job(),
        request_id=request_id,
        actor=actor,
    )


def find(workspace: Workspace, run: Run, *, with_training: bool = False) -> LearningCurve | None:
    """Return the stored curve of a run, None where there is none.

    Args:
        with_training: The one by trainings, instead of the one on the embeddings in use.
    """
    if with_training:
        return curves.of_run(workspace, run.run_id)
    used = next(iter(stored.sets(workspace)), None)
    return None if used is None else curves.of_embeddings(workspace, run.snapshot_id, used.set_id)


def measure_on_embeddings(work: Work) -> None:
    """Fit the linear head to parts of the training images, and store the curve.

    Raises:
        Cancelled: If the job was cancelled; the curve before stays.
    """
    began, workspace = time.monotonic(), work.workspace
    run = runs.show(workspace, work.arguments_as(LearningCurveArguments).run_id)
    frozen, used = snapshots.show(workspace, run.snapshot_digest), stored.find(workspace)
    work.report(PHASE, 0, 0, "reading embeddings")
    found = _images(workspace, frozen, used)
    features = stored.load(workspace, used.set_id, found.image_ids.tolist()).features
    probe = shares.Probe(features, found.labels, found.groups, found.is_train)
    parts = shares.common_parts(probe.labels, probe.groups)
    parts += shares.mixed_parts(probe.labels, probe.groups)

    def report(step: int, total: int) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(PHASE, step, total, f"fit {step:,} of {total:,}")

    measured = shares.measure(probe, parts, report=report)
    made = curve.build(
        measured, found.class_names, model="head", backbone=used.backbone, n_without=found.n_without
    )
    curves.save(workspace, made, snapshot_id=frozen.snapshot_id, set_id=used.set_id)
    note(work, run, made, began)


def note(work: Work, run: Run, made: LearningCurve, began: float) -> None:
    """Store the result of the job.

    Args:
        began: When it began, by `time.monotonic`.
    """
    work.note(
        LearningCurveResult(
            run_id=run.run_id,
            n_fits=made.n_fits,
            n_train=made.n_train,
            n_valid=made.n_valid,
            sentence=advice.advice(made).sentence,
            seconds=time.monotonic() - began,
        )
    )


def refuse_trainings(run: Run) -> None:
    """Raise if the recipe of a run cannot be trained on parts of its training images.

    Raises:
        NotFound: If the run has no model.
    """
    refusals.refuse_without_model(run)


def _images(workspace: Workspace, frozen: Snapshot, used: EmbeddingSet) -> images.CurveImages:
    """Return the images of a snapshot with an embedding, if they are enough."""
    found = images.load(workspace, frozen, used.set_id)
    if not found.n_train or not found.n_valid:
        raise NoEmbeddings(
            f"The images of {frozen.name or 'the snapshot'} have no embedding of {used.backbone}.",
            "Compute the embeddings first.",
            action("embed"),
        )
    images.refuse_too_few(found)
    return found
