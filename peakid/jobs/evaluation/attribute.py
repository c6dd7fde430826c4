"""What decisions bought: train a recipe with and without them, with the same seeds, and compare."""

from collections.abc import Callable
from dataclasses import replace

from peakid import progress_text
from peakid.curate import decision_sets
from peakid.curate.decision_sets import DecisionSet
from peakid.dataset import attributed
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput, NotFound
from peakid.evaluate import score_text
from peakid.evaluate.comparing import bought, compare_text
from peakid.evaluate.report import checked_predictions
from peakid.job_settings import JobSettings
from peakid.jobs import queue, refusals
from peakid.jobs.arguments import AttributeArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.results import AttributionResult
from peakid.recipe.recipe import Recipe
from peakid.records import Report, Run, Snapshot
from peakid.remedies import action
from peakid.settings import for_job
from peakid.store import runs
from peakid.store.workspace import Workspace

DEFAULT_SEEDS = 3
MOST_SEEDS = 10
SPLITS = ("valid", "test")

TrainOne = Callable[[Snapshot, Recipe, Run | None, Report], int]
"""Trains a recipe on a snapshot, or continues its earlier run, and returns its id."""


def attribute(
    workspace: Workspace,
    run_id: int,
    chosen: DecisionSet,
    *,
    n_seeds: int = DEFAULT_SEEDS,
    split: str = "valid",
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str,
) -> Job:
    """Queue the measurement of what decisions bought, with the recipe of a run.

    Two snapshots are frozen now: as of now, and as it would be without the decisions. Both are scored on the
    same images with the newest labels. The snapshots and the runs are not listed, and nothing uses them as
    the newest.

    Args:
        chosen: The decisions to leave out.
        n_seeds: Models trained with each snapshot, with the seed of the run and the next ones.
        split: "valid", or "test", which counts a look at the run.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If the decisions are not clear, change no training image, or the split has no image.
    """
    run = runs.show(workspace, run_id)
    refusals.refuse_without_model(run)
    if not 1 <= n_seeds <= MOST_SEEDS or split not in SPLITS:
        raise BadInput(
            f"{n_seeds} seeds on {split} cannot be measured.",
            f"Use 1 to {MOST_SEEDS} seeds, and valid or test.",
        )
    checked_predictions(workspace, run, split)
    step_ids = decision_sets.steps_of(workspace, chosen)
    like = snapshots.show(workspace, run.snapshot_digest)
    arms = attributed.freeze(workspace, step_ids, like=like, name=chosen.title(), actor=actor)
    arguments = AttributeArguments(
        run_id=run_id,
        title=chosen.title(),
        with_them=arms.with_them.digest,
        without=arms.without.digest,
        n_seeds=n_seeds,
        split=split,
        n_relabelled=arms.n_relabelled,
        n_added=arms.n_added,
        n_removed=arms.n_removed,
        dropped_classes=arms.dropped_classes,
    )
    chosen_settings = settings or for_job()
    return queue.submit(
        workspace, arguments, lane="gpu", settings=chosen_settings, request_id=request_id, actor=actor
    )


def results_of(workspace: Workspace, *, limit: int = 50) -> list[AttributionResult]:
    """Return what was measured before, newest first."""
    found = (job.result_as(AttributionResult) for job in queue.list_jobs(workspace, limit))
    return [each for each in found if each is not None and each.bought is not None]


def run(work: Work, train_one: TrainOne) -> None:
    """Train the models of a job and compare them. A resumed job continues with those that are missing.

    Raises:
        Cancelled: If the job was cancelled; finished models stay.
    """
    arguments = work.arguments_as(AttributeArguments)
    recipe = _recipe(work.workspace, arguments.run_id)
    arms = [snapshots.show(work.workspace, each) for each in (arguments.without, arguments.with_them)]
    for frozen in arms:
        refusals.refuse_leaks(frozen, recipe)
    found = AttributionResult(
        run_id=arguments.run_id,
        title=arguments.title,
        split=arguments.split,
        seeds=tuple(recipe.seed + n for n in range(arguments.n_seeds)),
        n_relabelled=arguments.n_relabelled,
        n_added=arguments.n_added,
        n_removed=arguments.n_removed,
        dropped_classes=arguments.dropped_classes,
    )
    work.note(found)
    for number, seed in enumerate(found.seeds):
        seeded = recipe.model_copy(update={"seed": seed})
        trained = [
            _trained(work, frozen, seeded, train_one, (2 * number + place, 2 * len(found.seeds)))
            for place, frozen in enumerate(arms)
        ]
        found = replace(
            found,
            runs_without=(*found.runs_without, trained[0]),
            runs_with=(*found.runs_with, trained[1]),
        )
        work.note(found)
    if arguments.split == "test":
        runs.look_at_test(work.workspace, arguments.run_id, work.actor)
    measured = bought.measure(work.workspace, found.runs_without, found.runs_with, arguments.split)
    work.note(replace(found, bought=measured))


def finding_text(found: AttributionResult) -> str:
    """Return what decisions bought as sentences; names are as they are stored."""
    if found.bought is None:
        return f"{found.title}: not measured yet."
    measured = found.bought
    low, high = (100 * bound for bound in measured.interval)
    difference = f"{score_text.difference(measured.difference)} ({low:+.1f} to {high:+.1f})"
    with_them, without = map(score_text.percent, (measured.accuracy_with, measured.accuracy_without))
    name = f"{found.title[:1].upper()}{found.title[1:]}"
    if measured.is_real:
        finding = f"{name} {'bought' if measured.difference > 0 else 'cost'} {difference}"
    else:
        finding = f"{name}: no difference is established, {difference}"
    n_seeds = len(found.seeds)
    seeds = "one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds"
    scored = compare_text.images(measured.n_images, found.split)
    text = f"{finding} on {scored}: {with_them} with them, {without} without ({seeds})."
    return f"{text} {_changes(found)}"


def _changes(found: AttributionResult) -> str:
    parts = [
        (found.n_relabelled, "changed the label of"),
        (found.n_added, "added"),
        (found.n_removed, "took out"),
    ]
    said = [f"{verb} {n:,}" for n, verb in parts if n]
    text = f"In training, they {', '.join(said)} images." if said else ""
    if found.dropped_classes:
        text += (
            f" Left out, because only one of the models could learn them: {', '.join(found.dropped_classes)}."
        )
    return text


def _trained(
    work: Work, frozen: Snapshot, recipe: Recipe, train_one: TrainOne, place: tuple[int, int]
) -> int:
    """Return the run of a recipe on a snapshot: one that exists, or a new one."""
    done = runs.same_training(work.workspace, frozen.snapshot_id, recipe.model_dump())
    if done is not None:
        return done.run_id
    number, total = place

    def report(phase: str, step: int, n_steps: int, message: str) -> None:
        share = progress_text.share(step, n_steps) if phase.startswith("Training") else 0.0
        doing = progress_text.line(phase, progress_text.without_time_left(message))
        work.report(f"Model {number + 1} of {total}", round(100 * (number + share)), 100 * total, doing)

    return train_one(frozen, recipe, _interrupted(work, frozen, recipe), report)


def _interrupted(work: Work, frozen: Snapshot, recipe: Recipe) -> Run | None:
    """Return the run of this job that was being trained with this seed when it ended."""
    return next(
        (
            each
            for each in runs.all_of_job(work.workspace, work.job_id)
            if each.snapshot_id == frozen.snapshot_id and each.seed == recipe.seed and each.state != "done"
        ),
        None,
    )


def _recipe(workspace: Workspace, run_id: int) -> Recipe:
    recipe = Recipe.model_validate(runs.show(workspace, run_id).recipe)
    if recipe.folds:
        raise NotFound(
            f"Run {run_id} was cross-validated: its models have no common validation images.",
            "Choose a run without folds.",
            action("list_runs"),
        )
    return recipe
