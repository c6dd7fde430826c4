"""Commands that train, estimate, find a learning rate and export: each submits a job and can wait for it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from peakid import paths
from peakid.cli.engines.options import engine_document, engine_options
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import (
    EXIT_CODES,
    confirmed,
    emit_queued,
    ending,
    follow,
    job_text,
    random_option,
    request_option,
    wait_option,
)
from peakid.cli.output import export_text, terminal
from peakid.dataset import snapshot as snapshots
from peakid.engines.records import EngineUse
from peakid.evaluate import score_text
from peakid.job_settings import JobSettings
from peakid.jobs import results, submit
from peakid.jobs.arguments import TrainArguments
from peakid.jobs.job import Job
from peakid.jobs.results import EstimateResult, ExportResult, RateFinderResult, TrainResult
from peakid.recipe import export_formats
from peakid.recipe import loading as recipes
from peakid.recipe.export_formats import DEFAULT, FORMATS
from peakid.records import Run
from peakid.store import runs
from peakid.store.workspace import Workspace

Command = Callable[..., Any]


def training_options(command: Command) -> Command:
    """Add the snapshot, the options that choose a recipe, and `--wait`."""
    options = [
        click.argument("snapshot", required=False),
        click.option(
            "--recipe",
            "name",
            metavar="NAME|FILE",
            help="A preset, or a TOML file with the values that differ from the default recipe.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change one value of the recipe; may be repeated.",
        ),
        wait_option(by_default=False),
        request_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@training_options
@engine_options
@click.option(
    "--ranks",
    "n_ranks",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes of the engine that train one model together; each batch is split over them, and on GPUs "
    "each has one of its own.",
)
@random_option
@actor_option
@json_option
@pass_workspace
def train(
    workspace: Workspace,
    snapshot: str | None,
    name: str | None,
    settings: tuple[str, ...],
    is_waiting: bool,
    request_id: str | None,
    job_settings: JobSettings,
    n_ranks: int,
    allows_random: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Train on the snapshot SNAPSHOT (its name or digest; default the newest).

    Without --recipe it uses the preset quick, or standard if a setting is given that only fine-tuning has.
    An engine trains the folds of a cross-validation side by side (--set folds=5).
    """
    recipe = recipes.requested(name, settings)
    request = partial(
        submit.train,
        workspace,
        recipe,
        snapshot=snapshot,
        n_ranks=n_ranks,
        settings=job_settings,
        request_id=request_id,
        actor=actor,
    )
    job = confirmed(request, allows_random=allows_random, as_json=as_json)
    warning = _not_compared(workspace, job)
    if warning:
        terminal.say(f"Warning: {warning}", err=True)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _train_document(workspace, job), _train_text(workspace, job))
    return EXIT_CODES[job.state]


@click.command()
@training_options
@actor_option
@json_option
@pass_workspace
def estimate(
    workspace: Workspace,
    snapshot: str | None,
    name: str | None,
    settings: tuple[str, ...],
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Estimate time and memory of a training on SNAPSHOT (default the newest).

    Writes images as the model would receive them.
    """
    job = submit.estimate(
        workspace, recipes.requested(name, settings), snapshot=snapshot, request_id=request_id, actor=actor
    )
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _estimate_document(job), _estimate_text(workspace, job))
    return EXIT_CODES[job.state]


@click.command("lr-find")
@training_options
@actor_option
@json_option
@pass_workspace
def lr_find(
    workspace: Workspace,
    snapshot: str | None,
    name: str | None,
    settings: tuple[str, ...],
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Run the LR finder for a recipe on SNAPSHOT (default the newest); no model is kept."""
    recipe = recipes.requested(name or "standard", settings)
    job = submit.lr_find(workspace, recipe, snapshot=snapshot, request_id=request_id, actor=actor)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _rate_document(job), _rate_text(job))
    return EXIT_CODES[job.state]


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--format",
    "--formats",
    "formats",
    default=",".join(DEFAULT),
    show_default=True,
    help=f"Separated by commas: {', '.join(FORMATS)}.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A new folder; default in the workspace's exports.",
)
@wait_option(by_default=True)
@request_option
@engine_options
@actor_option
@json_option
@pass_workspace
def export(
    workspace: Workspace,
    run_id: int,
    formats: str,
    out: Path | None,
    is_waiting: bool,
    request_id: str | None,
    job_settings: JobSettings,
    actor: str,
    as_json: bool,
) -> int:
    """Export the model of the run RUN, and verify that it predicts as it did."""
    named = [name.strip() for name in formats.split(",") if name.strip()]
    job = submit.export(
        workspace,
        run_id,
        formats=named,
        out=out,
        settings=job_settings,
        request_id=request_id,
        actor=actor,
    )
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _export_document(job), _export_text(job))
    return EXIT_CODES[job.state]


def _not_compared(workspace: Workspace, job: Job) -> str:
    """Return a sentence about images of the job's snapshot that were never compared; '' if all were."""
    frozen = snapshots.show(workspace, job.arguments_as(TrainArguments).snapshot)
    return snapshots.compared(frozen).warning


def _train_document(workspace: Workspace, job: Job) -> dict[str, Any]:
    run = runs.of_job(workspace, job.job_id)
    compared = snapshots.compared(snapshots.show(workspace, job.arguments_as(TrainArguments).snapshot))
    return {
        **ending(job),
        "run_id": run.run_id if run else None,
        "metrics": run.metrics if run else {},
        "best_epoch": run.best_epoch if run else None,
        "pretrained": run.started_from if run else "",
        "device": run.device if run else "",
        "n_ranks": run.n_ranks if run else 1,
        "trained_on": run.trained_on if run else "",
        "warnings": [each.text for each in run.warnings] if run else [],
        "seconds": job.seconds,
        "n_compared": compared.n_compared,
        "n_not_compared": compared.n_missing,
        **engine_document(_engine_use(job)),
    }


def _train_text(workspace: Workspace, job: Job) -> str:
    run = runs.of_job(workspace, job.job_id)
    if run is None or not run.metrics:
        return job_text(job)
    used = _engine_use(job)
    lines = [*_scores(run), *([used.text()] if used else []), *(each.text for each in run.warnings)]
    return "\n".join([job_text(job), *lines])


def _engine_use(job: Job) -> EngineUse | None:
    found = job.result_as(TrainResult)
    return found.engine if found else None


def _scores(run: Run) -> list[str]:
    accuracy = score_text.percent(run.metrics.get("accuracy"))
    if run.best_epoch is None:
        return [
            f"Run {run.run_id}: accuracy {accuracy} in {run.recipe['folds']}-fold cross-validation.",
            f"Evaluate it with: peakid evaluate {run.run_id} --split cv",
        ]
    loss = f"loss {run.metrics['valid_loss']:.3f}"
    return [
        f"Run {run.run_id}: validation accuracy {accuracy}, {loss}, best epoch {run.best_epoch}.",
        f"Weights: {run.started_from}. Device: {run.trained_on}.",
        f"Evaluate it with: peakid evaluate {run.run_id}",
    ]


def _estimate_document(job: Job) -> dict[str, Any]:
    nothing: dict[str, Any] = {"seconds": None, "memory_mb": None, "phases": [], "seen": [], "folder": None}
    found = results.document(job.result) if job.result else nothing
    return {**ending(job), **found, "job_seconds": job.seconds}


def _estimate_text(workspace: Workspace, job: Job) -> str:
    found = job.result_as(EstimateResult)
    if job.state != "done" or found is None:
        return job_text(job)
    lines = [
        f"  {phase.name:<20} {phase.epochs:>4} epochs of {phase.epoch_s:.0f} s at {phase.image_size_px} px, "
        f"batch size {phase.batch_size}, {phase.memory_mb / 1000:.1f} GB"
        for phase in found.phases
    ]
    head = f"About {found.seconds / 60:.1f} min on {found.device}, {found.memory_mb / 1000:.1f} GB of memory:"
    folder = f"Images as the model would receive them: {paths.inside(workspace.path, found.folder)}"
    return "\n".join([head, *lines, *found.notes, folder])


def _rate_document(job: Job) -> dict[str, Any]:
    return {**ending(job), **results.document(job.result_as(RateFinderResult) or RateFinderResult())}


def _rate_text(job: Job) -> str:
    found = job.result_as(RateFinderResult)
    if job.state != "done" or found is None:
        return job_text(job)
    lines = [f"  {name:<8} {rate:.1e}" for name, rate in found.suggestions.items()]
    use = f"Use one with: peakid train --set base_lr={found.suggestions['valley']:.1e}"
    return "\n".join(["Suggested learning rates:", *lines, use])


def _export_document(job: Job) -> dict[str, Any]:
    found = job.result_as(ExportResult) or ExportResult()
    return {**ending(job), **results.document(found), **engine_document(found.engine)}


def _export_text(job: Job) -> str:
    found = job.result_as(ExportResult)
    if job.state != "done" or found is None:
        return job_text(job)
    lines = [export_text.line(name, each, found.figures) for name, each in found.parity.items()]
    warning = export_formats.PICKLE_WARNING if "fastai" in found.parity else ""
    used = found.engine.text() if found.engine else ""
    notes = [text for text in (export_text.unfamiliar(found.figures), used, warning) if text]
    return "\n".join([f"Export {found.export_id} is in {found.path}.", *lines, *notes])
