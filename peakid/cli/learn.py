"""Commands that train and export: they check, submit a job, and follow it where asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import EXIT_CODES, emit_queued, follow, request_option, told
from peakid.jobs import submit
from peakid.recipe import loading as recipes
from peakid.recipe.export_formats import FORMATS
from peakid.records import Job
from peakid.store import runs
from peakid.store.workspace import Workspace

Command = Callable[..., Any]


def training_options(command: Command) -> Command:
    """Give a command what says which recipe is meant on which snapshot."""
    options = [
        click.argument("snapshot", required=False),
        click.option(
            "--recipe",
            "name",
            metavar="NAME|FILE",
            help="A preset, or a TOML file of what differs from the default recipe.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change one value of the recipe; may be repeated.",
        ),
        click.option(
            "--wait",
            "is_waiting",
            is_flag=True,
            help="Follow it to its end; the exit code then says how it ended.",
        ),
        request_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@training_options
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
    actor: str,
    as_json: bool,
) -> int:
    """Train on the snapshot SNAPSHOT (its name or digest; default the newest).

    Without --recipe it is the preset quick, or standard where a setting is named that only fine-tuning knows.
    """
    job = submit.train(
        workspace, recipes.asked_for(name, settings), snapshot=snapshot, request_id=request_id, actor=actor
    )
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
    """Measure what training on SNAPSHOT (default the newest) would take, and draw images as the model would receive them."""
    job = submit.estimate(
        workspace, recipes.asked_for(name, settings), snapshot=snapshot, request_id=request_id, actor=actor
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
    """Find a learning rate for a recipe on the snapshot SNAPSHOT (default the newest); nothing is trained."""
    recipe = recipes.asked_for(name or "standard", settings)
    job = submit.lr_find(workspace, recipe, snapshot=snapshot, request_id=request_id, actor=actor)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _rate_document(job), _rate_text(job))
    return EXIT_CODES[job.state]


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--format", "formats", default=",".join(FORMATS), show_default=True, help="Separated by commas."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A folder that is not there yet; default in the workspace's exports.",
)
@click.option("--no-wait", is_flag=True, help="Answer the job at once.")
@request_option
@actor_option
@json_option
@pass_workspace
def export(
    workspace: Workspace,
    run_id: int,
    formats: str,
    out: Path | None,
    no_wait: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Export the model of the run RUN, proven to answer as it did."""
    named = [name.strip() for name in formats.split(",") if name.strip()]
    job = submit.export(workspace, run_id, formats=named, out=out, request_id=request_id, actor=actor)
    if no_wait:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _export_document(job), _export_text(job))
    return EXIT_CODES[job.state]


def _train_document(workspace: Workspace, job: Job) -> dict[str, Any]:
    run = runs.of_job(workspace, job.job_id)
    return {
        "job_id": job.job_id,
        "run_id": run.run_id if run else None,
        "state": job.state,
        "error": job.error,
        "metrics": run.metrics if run else {},
        "best_epoch": run.best_epoch if run else None,
        "pretrained": run.started_from if run else "",
        "device": run.device if run else "",
        "warnings": [each.text for each in run.warnings] if run else [],
        "seconds": job.seconds,
    }


def _train_text(workspace: Workspace, job: Job) -> str:
    run = runs.of_job(workspace, job.job_id)
    if run is not None and run.metrics and run.best_epoch is None:
        lines = [
            told(job),
            f"Run {run.run_id}: accuracy {run.metrics['accuracy']:.1%} over {run.recipe['folds']} folds. No model is kept.",
        ]
        return "\n".join(
            [
                *lines,
                *(each.text for each in run.warnings),
                f"Go on with: peakid evaluate {run.run_id} --split cv",
            ]
        )
    if run is None or run.best_epoch is None:
        return told(job)
    scores = f"accuracy {run.metrics['accuracy']:.1%} on valid, loss {run.metrics['valid_loss']:.3f}, best epoch {run.best_epoch}"
    lines = [told(job), f"Run {run.run_id}: {scores}.", f"Weights: {run.started_from}. Device: {run.device}."]
    return "\n".join(
        [*lines, *(each.text for each in run.warnings), f"Go on with: peakid evaluate {run.run_id}"]
    )


def _estimate_document(job: Job) -> dict[str, Any]:
    nothing: dict[str, Any] = {"seconds": None, "memory_mb": None, "phases": [], "seen": [], "folder": None}
    return {
        "job_id": job.job_id,
        "state": job.state,
        "error": job.error,
        **nothing,
        **job.result,
        "job_seconds": job.seconds,
    }


def _estimate_text(workspace: Workspace, job: Job) -> str:
    if job.state != "done":
        return told(job)
    found = job.result
    lines = [
        f"  {phase['name']:<20} {phase['epochs']:>4} epochs of {phase['epoch_s']:.0f} s at {phase['image_size_px']} px, "
        f"{phase['batch_size']} images at once, {phase['memory_mb'] / 1000:.1f} GB"
        for phase in found["phases"]
    ]
    head = f"About {found['seconds'] / 60:.1f} min on {found['device']}, {found['memory_mb'] / 1000:.1f} GB of memory:"
    return "\n".join(
        [head, *lines, *found["notes"], f"What the model would see: {workspace.path / found['folder']}"]
    )


def _rate_document(job: Job) -> dict[str, Any]:
    nothing: dict[str, Any] = {"suggestions": {}, "rates": [], "losses": []}
    return {"job_id": job.job_id, "state": job.state, "error": job.error, **nothing, **job.result}


def _rate_text(job: Job) -> str:
    if job.state != "done":
        return told(job)
    lines = [f"  {name:<8} {rate:.1e}" for name, rate in job.result["suggestions"].items()]
    valley = job.result["suggestions"]["valley"]
    return "\n".join(
        [
            "Learning rates that the curve suggests:",
            *lines,
            f"Use one with: peakid train --set base_lr={valley:.1e}",
        ]
    )


def _export_document(job: Job) -> dict[str, Any]:
    nothing = {"export_id": None, "path": None, "files": [], "parity": {}}
    return {"job_id": job.job_id, "state": job.state, "error": job.error, **nothing, **job.result}


def _export_text(job: Job) -> str:
    if job.state != "done":
        return told(job)
    proofs = [
        f"  {name}: {each['n_images']:.0f} images, {each['agreement']:.1%} same answer, largest difference {each['max_abs_diff']:.1e}"
        for name, each in job.result["parity"].items()
    ]
    return "\n".join([f"Export {job.result['export_id']} lies in {job.result['path']}.", *proofs])
