"""The command that trains combinations of settings, and the table of their scores."""

import shlex
from functools import partial
from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, confirmed, emit_queued, ending, follow, job_text, random_option
from peakid.cli.learn import training_options
from peakid.jobs import results, submit
from peakid.jobs.job import Job
from peakid.jobs.results import SweepResult, TrialResult
from peakid.recipe import grid
from peakid.recipe import loading as recipes
from peakid.store.workspace import Workspace


@click.command()
@training_options
@random_option
@click.option(
    "--try",
    "tried",
    multiple=True,
    metavar="KEY=VALUE,VALUE",
    help="Try a setting with these values; up to three settings.",
)
@click.option(
    "--minutes",
    default=submit.DEFAULT_MINUTES,
    show_default=True,
    help="Time budget: another combination starts only if it is likely to fit.",
)
@actor_option
@json_option
@pass_workspace
def sweep(
    workspace: Workspace,
    snapshot: str | None,
    name: str | None,
    settings: tuple[str, ...],
    tried: tuple[str, ...],
    minutes: float,
    is_waiting: bool,
    request_id: str | None,
    allows_random: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Try values of up to three settings on SNAPSHOT (default the newest).

    Each combination is an ordinary run, compared on validation only. The unchanged recipe comes first,
    then one change at a time, then combinations.
    """
    recipe = recipes.requested(name, settings, tried=tried)
    options = {"snapshot": snapshot, "request_id": request_id, "actor": actor}
    request = partial(submit.sweep, workspace, recipe, tried, minutes=minutes, **options)
    job = confirmed(request, allows_random=allows_random, as_json=as_json)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _document(job), _text(job))
    return EXIT_CODES[job.state]


def _document(job: Job) -> dict[str, Any]:
    found = job.result_as(SweepResult) or SweepResult()
    return {**ending(job), "seconds": job.seconds, **results.document(found)}


def _text(job: Job) -> str:
    found = job.result_as(SweepResult) or SweepResult()
    rows = [_row(each) for each in results.ranked(found.trials)]
    columns = ["run_id", "settings", "valid_loss", "accuracy", "seconds"]
    if any(each.error for each in found.trials):
        columns.append("error")
    lines = [job_text(job), table(rows, columns, empty="No combination was trained to its end.")]
    lines += [f"Not tried for lack of time: {grid.settings_text(settings)}" for settings in found.not_tried]
    lines += [f"Skipped: {grid.settings_text(each.settings)}. {each.reason}" for each in found.skipped]
    if found.best:
        lines.append(found.finding)
        if found.best.settings:
            lines.append(f"Use it with: peakid train {_options(found.best)}")
    return "\n".join(lines)


def _options(trial: TrialResult) -> str:
    settings = (grid.settings_text({key: value}) for key, value in trial.settings.items())
    return " ".join(f"--set {shlex.quote(setting)}" for setting in settings)


def _row(trial: TrialResult) -> dict[str, Any]:
    return {
        "run_id": trial.run_id,
        "settings": grid.settings_text(trial.settings),
        "valid_loss": trial.valid_loss,
        "accuracy": trial.accuracy,
        "seconds": round(trial.seconds),
        "error": trial.error,
    }
