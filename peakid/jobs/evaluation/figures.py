"""The job that computes what the Evaluate page shows, also by itself at the end of a training."""

from peakid.errors import PeakidError
from peakid.evaluate import figures, report
from peakid.evaluate.comparing import stored_comparisons
from peakid.evaluate.slices import stored_slices
from peakid.evaluate.trust import stored_trust
from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import FiguresArguments
from peakid.jobs.evaluation_results import FiguresResult
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.records import Run
from peakid.settings import for_job
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace
from peakid.suggest import linear_probe


def submit(
    workspace: Workspace,
    run_id: int,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the figures of every split of a run, unless that job is queued or running.

    Raises:
        NotFound: If there is no such run.
        BadInput: If the run has no predictions.
    """
    run = runs.show(workspace, run_id)
    if not _splits(workspace, run):
        report.checked_images(workspace, run, report.CV if run.recipe.get("folds") else "valid")
    arguments = FiguresArguments(run_id=run_id)
    for job in queue.list_active(workspace, "cpu"):
        if job.arguments == arguments:
            return job
    return queue.submit(
        workspace,
        arguments,
        lane="cpu",
        settings=settings or for_job(),
        request_id=request_id,
        actor=actor,
    )


def run(work: Work) -> None:
    """Compute the figures of each split that a run has predictions for, then the linear probe."""
    workspace, run_id = work.workspace, work.arguments_as(FiguresArguments).run_id
    found = runs.show(workspace, run_id)
    splits, n_images, has_probe = _splits(workspace, found), {}, False
    for n, split in enumerate(splits):
        if work.should_stop():
            raise Cancelled
        work.report("Evaluating", n, len(splits), split)
        n_images[split] = _computed(workspace, found, split)
        if split != "train":
            work.report("Trust, slices and comparisons", n, len(splits), split)
            _computed_tabs(workspace, found, split)
            has_probe = _probed(workspace, found, split) or has_probe
    work.note(FiguresResult(run_id=run_id, n_images=n_images, has_probe=has_probe))


def after_training(work: Work, run_id: int) -> None:
    """Compute the figures of a new run at once, or queue the job where it has many images.

    A training does not fail because of its figures: they can be computed later.
    """
    try:
        found = runs.show(work.workspace, run_id)
        splits = _splits(work.workspace, found)
        if not all(figures.is_cheap(work.workspace, found, split) for split in splits):
            submit(work.workspace, run_id, settings=work.settings, actor=work.actor)
            return
        for split in splits:
            _computed(work.workspace, found, split)
            if split != "train":
                _computed_tabs(work.workspace, found, split)
                _probed(work.workspace, found, split)
    except PeakidError as error:
        print(f"The figures of run {run_id} were not computed: {error}", flush=True)


def _splits(workspace: Workspace, run: Run) -> list[str]:
    return [
        split
        for split in (*report.SPLITS, report.CV)
        if run_predictions.has_rows(workspace, run.run_id, split)
    ]


def _computed(workspace: Workspace, run: Run, split: str) -> int:
    """Compute what is not stored, plain and with test-time augmentation; return the number of images."""
    found = None
    for with_tta in _views(workspace, run, split):
        found = figures.stored(workspace, run, split, with_tta=with_tta)
        if found is None or not found.is_current:
            found = figures.compute(workspace, run, split, with_tta=with_tta)
    return found.scored.n_images if found else 0


def _computed_tabs(workspace: Workspace, run: Run, split: str) -> None:
    """Compute what is not stored for the tabs Trust, Slices and Compare."""
    trust = stored_trust.stored(workspace, run, split)
    if trust is None or not trust.is_current:
        stored_trust.compute(workspace, run, split)
    for with_tta in _views(workspace, run, split):
        slices = stored_slices.stored(workspace, run, split, with_tta=with_tta)
        if slices is None or not slices.is_current:
            stored_slices.compute(workspace, run, split, with_tta=with_tta)
    if not figures.is_cheap(workspace, run, split):  # Others take no time when they are shown.
        stored_comparisons.renew(workspace, run, split)


def _views(workspace: Workspace, run: Run, split: str) -> tuple[bool, ...]:
    """Return with and without test-time augmentation, the plain predictions last."""
    is_averaged = run_predictions.n_views(workspace, run.run_id, split) is not None
    return (True, False) if is_averaged else (False,)


def _probed(workspace: Workspace, run: Run, split: str) -> bool:
    """Compute the linear probe; return False where there are no embeddings for it."""
    try:
        linear_probe.of_run(workspace, run, split)
    except PeakidError:
        return False
    return True
