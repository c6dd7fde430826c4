"""Which requests for a training or an export are refused before they are queued, and what to do instead."""

from collections.abc import Sequence
from dataclasses import replace

from peakid.dataset import snapshot as snapshots
from peakid.dataset import snapshot_warnings
from peakid.engines import opened_fit
from peakid.errors import BadInput, LeakingSnapshot, NotFound, SplitMissing
from peakid.job_settings import JobSettings
from peakid.jobs import random_start
from peakid.jobs.arguments import Arguments, TrainArguments
from peakid.jobs.job import Job
from peakid.recipe import loading as recipes
from peakid.recipe.ranks import refuse_small_parts
from peakid.recipe.recipe import Recipe
from peakid.records import Run, Snapshot
from peakid.remedies import Action, action
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace


def refuse_leaks(snapshot: Snapshot, recipe: Recipe) -> None:
    """Refuse to train on a snapshot whose scores would be measured on images the model has trained on.

    Cross-validation is allowed: its folds keep groups together, whatever the splits are.

    Raises:
        LeakingSnapshot: If near duplicates are in different splits and the recipe does not allow leaks.
    """
    if snapshot.n_leaks and not recipe.allow_leaks and not recipe.folds:
        raise LeakingSnapshot(
            f"In snapshot {snapshot.digest[:12]}, {snapshot.n_leaks} groups of near duplicates are in "
            "different splits; the scores would be too high.",
            "Freeze a new snapshot, or allow leaks.",
            action("list_leaks", snapshot=snapshot.digest[:12]),
            action("set_recipe", key="allow_leaks", value=True),
        )


def refuse_empty_splits(snapshot: Snapshot, recipe: Recipe) -> None:
    """Refuse to train on a snapshot without images to train on, or to choose the best epoch by.

    Cross-validation is allowed: its folds are validated by each other.

    Raises:
        SplitMissing: If no image is in train or in valid.
    """
    empty = [snapshot_warnings.TITLES[name] for name in ("train", "valid") if not snapshot.splits[name]]
    if empty and not recipe.folds:
        raise SplitMissing(
            f"No image of snapshot {snapshot.digest[:12]} is in {' or '.join(empty)}, so no model can be "
            "trained on it.",
            snapshot_warnings.MORE_IMAGES,
            action("create_snapshot"),
        )


def refuse_without_model(run: Run) -> None:
    """Raise if a run has no model: it ended before its first epoch, or was cross-validated.

    Raises:
        NotFound: If it has no model.
    """
    if not run.has_model and run.is_cross_validated:
        raise NotFound(
            f"Run {run.run_id} was cross-validated with {run.recipe['folds']} folds: "
            "it has predictions, no model.",
            "Train again without cross-validation, and use that run.",
            action("set_recipe", key="folds", value=0),
        )
    if not run.has_model:
        raise NotFound(
            f"Run {run.run_id} has no model; it is {run.state}.",
            "Wait until it is done, or choose another run.",
            action("list_runs"),
        )


def refuse_unfit_start(workspace: Workspace, recipe: Recipe) -> None:
    """Raise if the run to start from has no model, another architecture, or was refitted on validation."""
    run_id = recipes.run_of(recipe.pretrained)
    if run_id is None:
        return
    run = runs.show(workspace, run_id)
    refuse_without_model(run)
    if run.recipe["arch"] != recipe.arch:
        raise BadInput(
            f"Run {run_id} trained {run.recipe['arch']}, not {recipe.arch}.",
            f"Choose {run.recipe['arch']}.",
            action("set_recipe", key="arch", value=run.recipe["arch"]),
        )
    if run_predictions.has_pred_probs(workspace, run_id, run_predictions.REFIT):
        # They could not choose an epoch.
        raise BadInput(
            f"The model of run {run_id} was fitted on its validation images too, so a training that starts"
            " from it cannot be validated on them.",
            "Start from a run without refit, or from pretrained weights.",
            action("set_recipe", key="pretrained", value="auto"),
        )


def refuse_ranks(recipe: Recipe, n_ranks: int, settings: JobSettings) -> None:
    """Raise if a training cannot be split over the ranks, or the engine has no place for them.

    A Ray cluster is asked when the job starts.

    Raises:
        TooManyRanks: If there are too many.
        ExtraMissing: If the engine is not installed.
    """
    if n_ranks == 1:
        return
    if recipe.batch_size and recipe.method != "linear-head":
        refuse_small_parts(recipe.batch_size, n_ranks)
    opened_fit.refuse(settings, recipe.device, n_ranks)


def with_ranks(job: Job, n_ranks: int | None, settings: JobSettings) -> Arguments | None:
    """Return the arguments of a job that is resumed, a training with another number of ranks; None = as many.

    Raises:
        BadInput: If the job has no ranks.
        TooManyRanks, ExtraMissing: As in `refuse_ranks`.
    """
    arguments = job.arguments
    if not isinstance(arguments, TrainArguments):
        if n_ranks is not None:
            raise BadInput(f"Job {job.job_id} ({job.kind}) has no ranks.", "Only a training has them.")
        return arguments
    arguments = replace(arguments, n_ranks=n_ranks or arguments.n_ranks)
    if arguments.n_ranks > 1:
        refuse_ranks(Recipe.model_validate(arguments.recipe), arguments.n_ranks, settings)
    return arguments


def refuse_random(
    workspace: Workspace,
    recipes: Sequence[Recipe],
    frozen: Snapshot,
    settings: JobSettings,
    confirmation: Action,
) -> None:
    n_train_of = {each.digest: each.splits["train"] for each in snapshots.list_snapshots(workspace)}
    random_start.refuse(workspace, recipes, frozen, n_train_of, settings, confirmation)
