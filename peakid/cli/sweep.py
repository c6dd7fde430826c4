"""The command that tries combinations of settings, and the table of what came of them."""

from collections.abc import Mapping
from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, follow, told
from peakid.cli.learn import training_options
from peakid.jobs import submit
from peakid.recipe import grid as sweeps
from peakid.recipe import loading as recipes
from peakid.records import Job
from peakid.store.workspace import Workspace


@click.command()
@training_options
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
    help="Another combination begins only if it fits into them.",
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
    actor: str,
    as_json: bool,
) -> int:
    """Try up to three settings on the snapshot SNAPSHOT (default the newest), each combination an ordinary run, judged on valid only.

    The recipe as it is comes first, then one change at a time, then combinations.
    """
    recipe = recipes.asked_for(name, settings, tried=tried)
    job = submit.sweep(
        workspace, recipe, tried, minutes=minutes, snapshot=snapshot, request_id=request_id, actor=actor
    )
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    emit(as_json, _document(job), _text(job))
    return EXIT_CODES[job.state]


def _document(job: Job) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "n_trials": 0,
        "trials": [],
        "best": None,
        "not_tried": [],
        "skipped": [],
        "finding": "",
    }
    return {
        "job_id": job.job_id,
        "state": job.state,
        "error": job.error,
        "seconds": job.seconds,
        **nothing,
        **job.result,
    }


def _text(job: Job) -> str:
    found = _document(job)
    rows = [_row(each) for each in sweeps.ranked(found["trials"])]
    columns = [
        "run_id",
        "settings",
        "valid_loss",
        "accuracy",
        "seconds",
        *(["error"] if any(each["error"] for each in rows) else []),
    ]
    lines = [told(job), table(rows, columns, empty="No combination was tried to its end.")]
    lines += [
        f"Not tried for lack of time: {sweeps.settings_text(settings)}" for settings in found["not_tried"]
    ]
    lines += [
        f"Left out: {sweeps.settings_text(each['settings'])}. {each['reason']}" for each in found["skipped"]
    ]
    if found["best"]:
        wanted = found["best"]["settings"]
        lines += [
            found["finding"],
            *(
                [f"Use it with: peakid train --set {sweeps.settings_text(wanted).replace(' ', ' --set ')}"]
                if wanted
                else []
            ),
        ]
    return "\n".join(lines)


def _row(trial: Mapping[str, Any]) -> dict[str, Any]:
    return {**trial, "settings": sweeps.settings_text(trial["settings"]), "seconds": round(trial["seconds"])}
