"""What can be asked for as a job: every request is checked before it is queued, so that what cannot work is said at once."""

from collections.abc import Sequence
from pathlib import Path

from peakid.acquire import reading
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput, LeakingSnapshot, NotFound
from peakid.jobs import queue
from peakid.recipe import grid as sweeps
from peakid.recipe import loading as recipes
from peakid.recipe import tta_views
from peakid.recipe.export_formats import FORMATS
from peakid.recipe.recipe import Recipe
from peakid.records import Job, Run, Snapshot, Source
from peakid.store import runs
from peakid.store.workspace import Workspace

DEFAULT_MINUTES = 20.0
MAX_MINUTES = 10_080  # A week.


def import_images(
    workspace: Workspace,
    source: Source,
    path: Path,
    *,
    root: Path | None = None,
    in_place: bool = False,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue an import and the scan behind it: look-alikes must be known before a snapshot deals them to train and test.

    Args:
        path: A folder, a zip or a table, as `source` says.
        root: The folder that a table's paths are relative to; None = the table's own.
        in_place: Leave a folder's files where they are.

    Raises:
        BadInput: If there is nothing at the path.
    """
    there = reading.checked_folder(path) if source == "folder" else reading.checked_file(path)
    base = None if root is None else str(reading.checked_folder(root))
    arguments = {"source": source, "path": str(there), "root": base, "in_place": in_place}
    return queue.submit(workspace, "import", arguments, lane="cpu", request_id=request_id, actor=actor)


def train(
    workspace: Workspace,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the training of a recipe on a snapshot.

    Args:
        snapshot: Its name, digest or the beginning of one; None = the newest.
        request_id: One per rendered form or command: two clicks make one job.

    Raises:
        NotFound: If there is no such snapshot.
        LeakingSnapshot: If it leaks and the recipe does not allow that.
        BadInput: If it shall go on from a run of another architecture.
    """
    frozen = snapshots.show(workspace, snapshot)
    refuse_leaks(frozen, recipe)
    _refuse_unfit_start(workspace, recipe)
    arguments = {"snapshot": frozen.digest, "recipe": recipe.model_dump()}
    return queue.submit(workspace, "train", arguments, lane="gpu", request_id=request_id, actor=actor)


def lr_find(
    workspace: Workspace,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the search for a learning rate: arguments as of `train`; the job's result holds the curve and four suggestions.

    Raises:
        NotFound: If there is no such snapshot.
        BadInput: If the recipe has no rate that could be found.
    """
    if recipe.method == "linear-head":
        raise BadInput(
            "method=linear-head: a linear head is solved at once and has no learning rate.",
            "Use --set method=fine-tune.",
        )
    frozen = snapshots.show(workspace, snapshot)
    arguments = {"snapshot": frozen.digest, "recipe": recipe.model_dump()}
    return queue.submit(workspace, "lr-find", arguments, lane="gpu", request_id=request_id, actor=actor)


def sweep(
    workspace: Workspace,
    recipe: Recipe,
    tried: Sequence[str],
    *,
    minutes: float = DEFAULT_MINUTES,
    snapshot: str | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the trial of up to three settings, each combination an ordinary run, judged on valid only.

    Args:
        tried: Each `key=value,value`, as `--try` gives them.
        minutes: Another combination begins only while it fits into them; the first always does.
        snapshot: As of `train`, as are the other arguments.

    Raises:
        NotFound: If there is no such snapshot.
        LeakingSnapshot: If it leaks and the recipe does not allow that.
        BadInput: If a setting cannot be tried, a value does not fit, or the minutes are none.
    """
    if not 0 < minutes <= MAX_MINUTES:
        raise BadInput(
            f"minutes={minutes:g}: a sweep takes over 0 and up to {MAX_MINUTES:,} minutes.",
            "Use --minutes 20.",
        )
    frozen = snapshots.show(workspace, snapshot)
    refuse_leaks(frozen, recipe)
    for trial in sweeps.plan(recipe, tried).trials:
        _refuse_unfit_start(workspace, trial.recipe)
    arguments = {
        "snapshot": frozen.digest,
        "recipe": recipe.model_dump(),
        "tried": list(tried),
        "minutes": minutes,
    }
    return queue.submit(workspace, "sweep", arguments, lane="gpu", request_id=request_id, actor=actor)


def score_with_views(
    workspace: Workspace,
    run_id: int,
    *,
    n_views: int = tta_views.DEFAULT,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue test-time augmentation: a run's answers on valid and test, averaged over fixed views of each image.

    Args:
        n_views: Beside the plain image.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If there are not so many views.
    """
    run = runs.show(workspace, run_id)
    refuse_without_model(run)
    tta_views.of(n_views, is_mirrored=run.recipe.get("is_mirrored", False))
    return queue.submit(
        workspace,
        "tta",
        {"run_id": run_id, "n_views": n_views},
        lane="gpu",
        request_id=request_id,
        actor=actor,
    )


def estimate(
    workspace: Workspace,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the measuring of what a training would take: arguments as of `train`; the job's result tells it, phase by phase.

    Raises:
        NotFound: If there is no such snapshot, or no such run to go on from.
    """
    frozen = snapshots.show(workspace, snapshot)
    _refuse_unfit_start(workspace, recipe)
    arguments = {"snapshot": frozen.digest, "recipe": recipe.model_dump()}
    return queue.submit(workspace, "estimate", arguments, lane="gpu", request_id=request_id, actor=actor)


def _refuse_unfit_start(workspace: Workspace, recipe: Recipe) -> None:
    """Say before the job is queued that the run to go on from has no model, or one of another architecture."""
    run_id = recipes.run_of(recipe.pretrained)
    if run_id is None:
        return
    run = runs.show(workspace, run_id)
    refuse_without_model(run)
    if run.recipe["arch"] != recipe.arch:
        raise BadInput(
            f"Run {run_id} trained a {run.recipe['arch']}, not a {recipe.arch}.",
            f"Use --set arch={run.recipe['arch']}.",
        )


def refuse_leaks(snapshot: Snapshot, recipe: Recipe) -> None:
    """Let nobody train by accident on a snapshot whose score would be measured on images the model has studied.

    Raises:
        LeakingSnapshot: If groups of look-alikes lie in several splits and the recipe does not allow leaks.
    """
    if (
        snapshot.n_leaks and not recipe.allow_leaks and not recipe.folds
    ):  # Folds are dealt by group, whatever the splits are.
        raise LeakingSnapshot(
            f"In snapshot {snapshot.digest[:12]}, {snapshot.n_leaks} groups of look-alikes lie in several splits; scores would lie.",
            "See them with: peakid snapshot leaks. Train all the same with: --set allow_leaks=true",
        )


def export(
    workspace: Workspace,
    run_id: int,
    *,
    formats: Sequence[str] = FORMATS,
    out: Path | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the export of a run's model, proven on its validation images.

    Args:
        out: A folder that is not there yet or empty; None = one in the workspace's exports.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If a format is unknown or `out` holds something already.
    """
    refuse_without_model(runs.show(workspace, run_id))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise BadInput(
            f"There is no export format {', '.join(unknown) or 'in the empty list'}.",
            f"Available are: {', '.join(FORMATS)}.",
        )
    out = None if out is None else out.expanduser().absolute()
    if out is not None and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise BadInput(
            f"{out} is not empty; an export never overwrites anything.", "Name another folder with --out DIR."
        )
    arguments = {"run_id": run_id, "formats": list(formats), "out": None if out is None else str(out)}
    return queue.submit(workspace, "export", arguments, lane="cpu", request_id=request_id, actor=actor)


def refuse_without_model(run: Run) -> None:
    """Say early that a run ended before its first epoch was kept.

    Raises:
        NotFound: If it has no model.
    """
    if run.best_epoch is None and run.recipe.get("folds") and run.state == "done":
        raise NotFound(
            f"Run {run.run_id} was cross-validated in {run.recipe['folds']} folds and keeps their predictions, no model.",
            "Train once more with --set folds=0, and use that run.",
        )
    if run.best_epoch is None:
        raise NotFound(
            f"Run {run.run_id} has no model; it is {run.state}.",
            "Wait until it is done, or choose another run.",
        )


def verify(workspace: Workspace, *, request_id: str | None = None, actor: str = "") -> Job:
    """Queue a look at the bytes of every image: whether they are there and still those that their digest names."""
    return queue.submit(workspace, "verify", {}, lane="cpu", request_id=request_id, actor=actor)
