"""Which requests for a training or an export are refused before they are queued, and what to do instead."""

from collections.abc import Sequence

from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput, LeakingSnapshot, NotFound
from peakid.job_settings import JobSettings
from peakid.jobs import random_start
from peakid.recipe import loading as recipes
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


def refuse_random(
    workspace: Workspace,
    recipes: Sequence[Recipe],
    frozen: Snapshot,
    settings: JobSettings,
    confirmation: Action,
) -> None:
    n_train_of = {each.digest: each.splits["train"] for each in snapshots.list_snapshots(workspace)}
    random_start.refuse(workspace, recipes, frozen, n_train_of, settings, confirmation)
