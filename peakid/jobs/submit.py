"""Submit jobs of each kind, with the settings of this process unless others are given.

Requests are checked before they are queued, to show errors at once.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from peakid import files, near_names
from peakid.acquire import archive, demo_apart, folder, not_photos, reading, table
from peakid.acquire.tables.columns import BY_NAME, ColumnChoice
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs import queue, refusals
from peakid.jobs.arguments import (
    EstimateArguments,
    ExportArguments,
    ImportArguments,
    RateFinderArguments,
    ScanArguments,
    SweepArguments,
    TrainArguments,
    TtaArguments,
    VerifyArguments,
)
from peakid.jobs.job import Job
from peakid.jobs.queueing import queued, queued_once
from peakid.recipe import export_formats, tta_views
from peakid.recipe import grid as sweeps
from peakid.recipe.export_formats import FORMATS
from peakid.recipe.recipe import Recipe
from peakid.records import Source
from peakid.remedies import action
from peakid.settings import for_job
from peakid.store import database_errors, integrity, runs
from peakid.store.objects import opening
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl

DEFAULT_MINUTES = 20.0
MAX_MINUTES = 10_080  # A week.


def import_images(
    workspace: Workspace,
    source: Source,
    path: Path | StoreUrl,
    *,
    root: Path | None = None,
    in_place: bool = False,
    settings: JobSettings | None = None,
    columns: ColumnChoice = BY_NAME,
    follow_links: bool = False,
    links_within: Path | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue an import and a scan after it: near duplicates must be known before a snapshot splits the images.

    Args:
        path: A folder, a zip archive or a table, depending on `source`; for a folder also a place in an
            image store, whose objects always stay where they are.
        root: The folder that a table's paths are relative to; None = the table's own.
        in_place: Leave the files of a folder where they are and copy nothing.
        columns: The columns of a table to read, where their names are not recognised.
        follow_links: Follow the links of a folder to folders inside it.
        links_within: Follow its links into this folder too.

    Raises:
        BadInput: If there is no such file or folder, a table cannot be read, files outside the folder are
            to be left in place, or photos would be mixed with the demo.
        NotPhotos: If it is a backup, a workspace or an export of Peakid.
        UnknownColumns: If a table has no column for paths or for labels.
        ExtraMissing: If the package for an image store is not installed.
    """
    demo_apart.refuse_mixture(workspace, source)
    if isinstance(path, StoreUrl):
        opening.refuse_without_package(path)
        stored = ImportArguments(source=source, path=str(path), in_place=True)
        return queued(workspace, stored, "cpu", settings=settings, request_id=request_id, actor=actor)
    checked = reading.checked_folder(path) if source == "folder" else reading.checked_file(path)
    base = None if root is None else str(reading.checked_folder(root))
    within = None if links_within is None else reading.checked_folder(links_within)
    folder.refuse_outside_in_place(checked, in_place=in_place, links=folder.Links(follow_links, within))
    if source == "csv":
        table.check(checked, columns)
    elif source == "zip":
        archive.refuse_other(checked)
    else:
        not_photos.refuse_folder(checked)
    arguments = ImportArguments(
        source=source,
        path=str(checked),
        root=base,
        in_place=in_place,
        path_column=columns.path,
        label_column=columns.label,
        split_column=columns.split,
        follow_links=follow_links or within is not None,
        links_within=None if within is None else str(within),
    )
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def train(
    workspace: Workspace,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    allows_random: bool = False,
    n_ranks: int = 1,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the training of a recipe on a snapshot.

    Args:
        snapshot: Name, digest or the first characters of a digest; None = the newest.
        allows_random: Start from random weights where the recipe's pretrained ones are not found. Without
            it, such a training is refused now, or fails when it starts.
        n_ranks: Processes that train together, on the engine of `settings`; None = those of this process.
        request_id: The same for all clicks on one rendered form, so that two clicks make one job.

    Raises:
        NotFound: If there is no such snapshot.
        LeakingSnapshot: If it leaks and the recipe does not allow that.
        SplitMissing: If no image is in train or in valid.
        BadInput: If it starts from a run of another architecture.
        TooManyRanks, ExtraMissing: If its batches or the engine have no place for the ranks.
        ConfirmationNeeded: If it would start from random weights without being asked to.
    """
    frozen, settings = snapshots.show(workspace, snapshot), settings or for_job()
    refusals.refuse_leaks(frozen, recipe)
    refusals.refuse_empty_splits(frozen, recipe)
    refusals.refuse_ranks(recipe, n_ranks, settings)
    refusals.refuse_unfit_start(workspace, recipe)
    if not allows_random:
        refusals.refuse_random(workspace, [recipe], frozen, settings, action("allow_random"))
    arguments = TrainArguments(
        snapshot=frozen.digest, recipe=recipe.model_dump(), allows_random=allows_random, n_ranks=n_ranks
    )
    return queued(workspace, arguments, "gpu", settings=settings, request_id=request_id, actor=actor)


def lr_find(
    workspace: Workspace,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the LR finder; arguments as in `train`. The result holds the curve and four suggestions.

    Raises:
        NotFound: If there is no such snapshot.
        BadInput: If the recipe has no learning rate.
    """
    if recipe.method == "linear-head":
        raise BadInput(
            "method=linear-head: a linear head is solved directly and has no learning rate.",
            "Choose fine-tuning.",
            action("set_recipe", key="method", value="fine-tune"),
        )
    frozen = snapshots.show(workspace, snapshot)
    arguments = RateFinderArguments(snapshot=frozen.digest, recipe=recipe.model_dump())
    return queued(workspace, arguments, "gpu", settings=settings, request_id=request_id, actor=actor)


def sweep(
    workspace: Workspace,
    recipe: Recipe,
    tried: Sequence[str],
    *,
    minutes: float = DEFAULT_MINUTES,
    snapshot: str | None = None,
    allows_random: bool = False,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a sweep: up to three settings, each combination an ordinary run, compared on validation only.

    Args:
        tried: Settings with the values to try, each as `key=value,value`.
        minutes: Time budget. The first combination always starts, another one only if it is likely to fit.
        snapshot: As in `train`.
        allows_random: As in `train`, for every combination.

    Raises:
        NotFound: If there is no such snapshot.
        LeakingSnapshot: If it leaks and the recipe does not allow that.
        SplitMissing: If no image is in train or in valid.
        BadInput: If a setting cannot be tried, a value does not fit, or the time budget is out of range.
        ConfirmationNeeded: If a combination would start from random weights without being asked to.
    """
    if not 0 < minutes <= MAX_MINUTES:
        raise BadInput(
            f"The time budget of a sweep is over 0 and up to {MAX_MINUTES:,} minutes, not {minutes:g}.",
            f"Use {DEFAULT_MINUTES:g} minutes, for example.",
        )
    frozen, settings = snapshots.show(workspace, snapshot), settings or for_job()
    refusals.refuse_leaks(frozen, recipe)
    refusals.refuse_empty_splits(frozen, recipe)
    trials = [trial.recipe for trial in sweeps.plan(recipe, tried).trials]
    for each in trials:
        refusals.refuse_unfit_start(workspace, each)
    if not allows_random:
        refusals.refuse_random(workspace, trials, frozen, settings, action("allow_random"))
    arguments = SweepArguments(
        snapshot=frozen.digest,
        recipe=recipe.model_dump(),
        tried=tuple(tried),
        minutes=minutes,
        allows_random=allows_random,
    )
    return queued(workspace, arguments, "gpu", settings=settings, request_id=request_id, actor=actor)


def score_with_views(
    workspace: Workspace,
    run_id: int,
    *,
    n_views: int = tta_views.DEFAULT,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue test-time augmentation: predictions on validation and test, averaged over views of each image.

    Args:
        n_views: Views to average in addition to the unchanged image.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If there are not that many views.
    """
    run = runs.show(workspace, run_id)
    refusals.refuse_without_model(run)
    tta_views.of(n_views, is_mirrored=run.recipe.get("is_mirrored", False))
    arguments = TtaArguments(run_id=run_id, n_views=n_views)
    return queued(workspace, arguments, "gpu", settings=settings, request_id=request_id, actor=actor)


def estimate(
    workspace: Workspace,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue an estimate of the time and memory of a training; arguments as in `train`.

    Raises:
        NotFound: If there is no such snapshot, or no such run to start from.
    """
    frozen = snapshots.show(workspace, snapshot)
    refusals.refuse_unfit_start(workspace, recipe)
    arguments = EstimateArguments(snapshot=frozen.digest, recipe=recipe.model_dump())
    return queued(workspace, arguments, "gpu", settings=settings, request_id=request_id, actor=actor)


def resume(
    workspace: Workspace,
    job_id: int,
    *,
    allows_random: bool = False,
    n_ranks: int | None = None,
    settings: JobSettings | None = None,
) -> Job:
    """Queue a lost, failed or cancelled job again, with the settings of this process and not its former ones.

    Args:
        allows_random: As in `train`; a job that was submitted with it keeps it.
        n_ranks: As in `train`, more or fewer than before; None = as many.
        settings: As in `train`.

    Raises:
        NotFound: If there is no such job.
        JobNotWaiting: If it is queued, running or done.
        BadInput, TooManyRanks, ExtraMissing: If it has no ranks, or as in `train`.
        ConfirmationNeeded: If it would start from random weights without being asked to.
    """
    job, settings = queue.show(workspace, job_id), settings or for_job()
    arguments = refusals.with_ranks(job, n_ranks, settings)
    if not isinstance(arguments, TrainArguments | SweepArguments) or job.state not in queue.RESUMABLE:
        return queue.resume(workspace, job_id, settings=settings)
    arguments = replace(arguments, allows_random=allows_random or arguments.allows_random)
    if not arguments.allows_random:
        recipe = Recipe.model_validate(arguments.recipe)
        tried = arguments.tried if isinstance(arguments, SweepArguments) else ()
        trials = [trial.recipe for trial in sweeps.plan(recipe, tried).trials] if tried else [recipe]
        frozen = snapshots.show(workspace, arguments.snapshot)
        refusals.refuse_random(workspace, trials, frozen, settings, action("resume_random", job_id=job_id))
    return queue.resume(workspace, job_id, settings=settings, arguments=arguments)


def export(
    workspace: Workspace,
    run_id: int,
    *,
    formats: Sequence[str] = export_formats.DEFAULT,
    out: Path | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the export of a run's model, verified on its validation images.

    Args:
        out: A new or empty folder; None = a new folder in the workspace's exports.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If a format is unknown or `out` is not empty.
        ExtraMissing: If a package that a format needs is not installed.
    """
    refusals.refuse_without_model(runs.show(workspace, run_id))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise BadInput(
            f"Unknown export format {', '.join(unknown)}." if unknown else "No export format was given.",
            near_names.remedy(unknown[0] if unknown else "", FORMATS, f"Choose from {', '.join(FORMATS)}."),
        )
    export_formats.refuse_unavailable(formats)
    out = None if out is None else files.expanded(out)
    if out is not None and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise BadInput(f"{out} is not empty; an export never overwrites anything.", "Choose another folder.")
    arguments = ExportArguments(run_id=run_id, formats=tuple(formats), out=None if out is None else str(out))
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def verify(
    workspace: Workspace,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a check of the database and of the bytes of every image.

    Raises:
        WorkspaceDamaged: If the file of the database is damaged: a job would write to it.
    """
    if problems := integrity.quick_check(workspace.connection()):
        raise database_errors.damaged(workspace.path, problems)
    return queued(workspace, VerifyArguments(), "cpu", settings=settings, request_id=request_id, actor=actor)


def scan(
    workspace: Workspace,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a scan for duplicates and image issues, unless one is queued or running already."""
    return queued_once(
        workspace, ScanArguments(), "cpu", settings=settings, request_id=request_id, actor=actor
    )
