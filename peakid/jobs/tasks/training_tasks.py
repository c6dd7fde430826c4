"""The tasks train, sweep, LR finder and estimate. Imported only in a job's process."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from peakid.dataset import snapshot as snapshots
from peakid.job_settings import JobSettings
from peakid.jobs import refusals
from peakid.jobs import sweep as sweeps
from peakid.jobs.arguments import AttributeArguments, RecipeArguments, SweepArguments, TrainArguments
from peakid.jobs.evaluation import attribute as attributing
from peakid.jobs.evaluation import figures
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import EstimateResult, InputImage, PhaseEstimate, RateFinderResult, TrainResult
from peakid.recipe import loading as recipes
from peakid.recipe import run_files
from peakid.recipe.recipe import Recipe
from peakid.records import Report, Run, Snapshot, SnapshotItem
from peakid.run_records import RunWarning, StartingWeights
from peakid.store import checkpoints, images, run_predictions, runs
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from peakid.learn.batches.data import TrainingImages
    from peakid.learn.cost import PhaseCost
    from peakid.learn.train import TrainResult as Training

T = TypeVar("T", covariant=True)


class Measure(Protocol[T]):
    """Measures something about a training without keeping a model."""

    def __call__(
        self,
        images: "TrainingImages",
        recipe: Recipe,
        *,
        cache_dir: Path,
        settings: JobSettings,
        report: Report,
        should_stop: Callable[[], bool],
    ) -> T: ...


def train(work: Work) -> None:
    """Train a recipe on a snapshot. A resumed job continues its run from the newest checkpoint."""
    frozen, recipe = _recipe_on_snapshot(work, TrainArguments)
    refusals.refuse_leaks(frozen, recipe)
    earlier = runs.of_job(work.workspace, work.job_id)
    allows_random = work.arguments_as(TrainArguments).allows_random
    _train(
        work,
        frozen,
        recipe,
        earlier=earlier,
        report=work.report,
        allows_random=allows_random,
        is_noted=True,
    )


def sweep(work: Work) -> None:
    """Train combinations of settings, each as a run."""
    frozen, recipe = _recipe_on_snapshot(work, SweepArguments)
    refusals.refuse_leaks(frozen, recipe)

    allows_random = work.arguments_as(SweepArguments).allows_random

    def train_one(each: Recipe, earlier: Run | None, report: Report) -> int:
        return _train(work, frozen, each, earlier=earlier, report=report, allows_random=allows_random)

    sweeps.run(work, recipe, train_one)


def attribute(work: Work) -> None:
    """Train a recipe with and without some decisions."""
    run = runs.show(work.workspace, work.arguments_as(AttributeArguments).run_id)
    is_random = run.starting_weights is not None and not run.starting_weights.is_pretrained

    def train_one(frozen: Snapshot, recipe: Recipe, earlier: Run | None, report: Report) -> int:
        return _train(
            work,
            frozen,
            recipe,
            earlier=earlier,
            report=report,
            allows_random=is_random,
            made_for="attribution",
        )

    attributing.run(work, train_one)


def find_rate(work: Work) -> None:
    """Run the LR finder for a recipe on a snapshot."""
    work.report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import train as training

    found = _measured(work, training.find_rate, *_inputs(work))
    work.note(
        RateFinderResult(suggestions=found.suggestions, rates=tuple(found.rates), losses=tuple(found.losses))
    )


def estimate(work: Work) -> None:
    """Measure the time and memory of a training, and write images as the model would receive them."""
    work.report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import estimate as estimating

    inputs, recipe = _inputs(work)
    found = _measured(work, estimating.estimate, inputs, recipe)
    folder = runs.seen_folder(work.workspace, work.job_id)
    seen = estimating.write_images(found, inputs, folder)
    work.note(
        EstimateResult(
            seconds=found.seconds,
            memory_mb=found.memory_mb,
            decode_s=found.decode_s,
            predict_s=found.predict_s,
            device=found.device,
            pretrained=found.starting_weights.text(),
            notes=tuple(found.notes),
            phases=tuple(_phase_estimate(phase) for phase in found.phases),
            seen=tuple(InputImage(**each) for each in seen),
            folder=str(folder.relative_to(work.workspace.path)),
        )
    )


def _phase_estimate(phase: "PhaseCost") -> PhaseEstimate:
    return PhaseEstimate(
        name=phase.name,
        epochs=phase.epochs,
        image_size_px=phase.image_size_px,
        batch_size=phase.batch_size,
        epoch_s=phase.epoch_s,
        extra_s=phase.extra_s,
        memory_mb=phase.memory_mb,
    )


def _recipe_on_snapshot(work: Work, kind: type[RecipeArguments]) -> tuple[Snapshot, Recipe]:
    arguments = work.arguments_as(kind)
    frozen = snapshots.show(work.workspace, arguments.snapshot)
    return frozen, Recipe.model_validate(arguments.recipe)


def _inputs(work: Work) -> "tuple[TrainingImages, Recipe]":
    frozen, recipe = _recipe_on_snapshot(work, RecipeArguments)
    items = snapshots.items(work.workspace, frozen.digest)
    return training_images(work.workspace, items, frozen.class_names), with_weights(work.workspace, recipe)


def _measured(work: Work, measure: "Measure[T]", inputs: "TrainingImages", recipe: Recipe) -> T:
    """Call `measure` with the job's images and recipe.

    Raises:
        Cancelled: If the job was cancelled; there is nothing to keep.
    """
    from peakid.learn.batches.data import Stopped

    try:
        return measure(
            inputs,
            recipe,
            cache_dir=work.workspace.cache_dir,
            settings=work.settings,
            report=work.report,
            should_stop=work.should_stop,
        )
    except Stopped as error:
        raise Cancelled from error


def _train(
    work: Work,
    frozen: Snapshot,
    recipe: Recipe,
    *,
    earlier: Run | None,
    report: Report,
    allows_random: bool,
    is_noted: bool = False,
    made_for: str = "",
) -> int:
    """Train a recipe as a new run, or continue the earlier one; return the id of the run.

    Args:
        allows_random: As in `TrainArguments`.
        is_noted: Store the run as the job's result as soon as it begins.
        made_for: As in `runs.create`.

    Raises:
        Cancelled: If the job was cancelled; the best epoch so far is kept.
    """
    report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import train as training  # Loads for seconds.

    items = snapshots.items(work.workspace, frozen.digest)
    run_id, earlier_s, warnings = _begin_run(work, frozen, recipe, earlier, made_for)
    if is_noted:
        work.note(TrainResult(run_id=run_id))
    result = training.train(
        training_images(work.workspace, items, frozen.class_names),
        with_weights(work.workspace, recipe),
        folder=runs.folder(work.workspace, run_id),
        cache_dir=work.workspace.cache_dir,
        settings=work.settings,
        allows_random=allows_random,
        report=report,
        on_epoch=lambda metrics: runs.add_epoch(work.workspace, run_id, metrics),
        should_stop=work.should_stop,
    )
    label_of = {item.digest: item.label for item in items}
    result = replace(result, warnings=[*warnings, *result.warnings])
    report("Writing the run", 0, 0, "predictions and scores")
    _keep(work.workspace, run_id, recipe, result, label_of=label_of, earlier_s=earlier_s)
    report("Evaluating", 0, 0, "scores, confusions and worst errors")
    figures.after_training(work, run_id)
    if result.is_cancelled:
        raise Cancelled
    return run_id


def _begin_run(
    work: Work, frozen: Snapshot, recipe: Recipe, earlier: Run | None, made_for: str
) -> tuple[int, float, list[RunWarning]]:
    """Create a run, or reopen the earlier one; return its id, the seconds it continues from, and warnings.

    An earlier run without a checkpoint starts anew: a backup has none unless they were asked for.
    """
    if earlier is not None:
        is_continued = checkpoints.can_continue(work.workspace, earlier.run_id)
        n_lost = 0 if is_continued else len(runs.epochs(work.workspace, earlier.run_id))
        runs.reopen(work.workspace, earlier.run_id)
        if not n_lost:
            return earlier.run_id, earlier.seconds or 0.0, []
        epochs = "1 epoch was" if n_lost == 1 else f"{n_lost:,} epochs were"
        text = f"It had no checkpoint when it was resumed, so it started anew; {epochs} trained again."
        return earlier.run_id, 0.0, [RunWarning("started_anew", text)]
    run_id = runs.create(
        work.workspace,
        job_id=work.job_id,
        snapshot_id=frozen.snapshot_id,
        recipe=recipe.model_dump(),
        class_names=frozen.class_names,
        seed=recipe.seed,
        code_version=runs.code_version(),
        made_for=made_for,
        libraries={},  # Filled in when the training ends: it knows what it loaded.
    )
    return run_id, 0.0, []


def with_weights(workspace: Workspace, recipe: Recipe) -> Recipe:
    """Replace `run:N` by the weight file of that run."""
    run_id = recipes.run_of(recipe.pretrained)
    if run_id is None:
        return recipe
    return recipe.model_copy(update={"pretrained": str(runs.folder(workspace, run_id) / run_files.WEIGHTS)})


def training_images(
    workspace: Workspace, items: Sequence[SnapshotItem], class_names: list[str]
) -> "TrainingImages":
    from peakid.learn.batches.data import TrainingImages

    column = {name: k for k, name in enumerate(class_names)}
    return TrainingImages(
        digests=[item.digest for item in items],
        labels=np.array([column[item.label] for item in items], dtype=np.int64),  # (N,)
        splits=[item.split for item in items],
        class_names=class_names,
        read=lambda digest: images.read_bytes(workspace, digest),
        groups=[item.group_key for item in items],
        n_readers=images.n_readers(workspace),
    )


def _keep(
    workspace: Workspace,
    run_id: int,
    recipe: Recipe,
    result: "Training",
    *,
    label_of: dict[str, str],
    earlier_s: float,
) -> None:
    """Store the result of a training. Cancelled after an epoch, it is a usable run of its best epoch."""
    for split, (digests, pred_probs) in result.pred_probs.items():
        given = [label_of[digest] for digest in digests]
        run_predictions.add(
            workspace, run_id, split, digests, pred_probs, given, is_out_of_sample=split != "train"
        )
    if result.refit_pred_probs is not None:
        run_predictions.add_refit(workspace, run_id, result.pred_probs["valid"][0], result.refit_pred_probs)
    runs.finish(
        workspace,
        run_id,
        "cancelled" if result.is_cancelled else "done",
        best_epoch=result.best_epoch,
        metrics=result.metrics,
        device=result.device,
        n_workers=result.n_workers,
        starting_weights=_starting_weights(result.starting_weights, recipe),
        warnings=result.warnings,
        seconds=earlier_s + result.seconds,
        libraries=result.libraries,
    )


def _starting_weights(found: StartingWeights, recipe: Recipe) -> StartingWeights:
    """Name the run that a training started from, which it saw as a file."""
    run_id = recipes.run_of(recipe.pretrained)
    return found if run_id is None else replace(found, kind="run", run_id=run_id)
