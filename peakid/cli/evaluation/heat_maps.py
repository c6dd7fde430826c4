"""Commands for heat maps: compute and test those of a split, and draw that of one image."""

from pathlib import Path
from typing import Any

import click
from PIL import Image

from peakid import files
from peakid.cli.engines.options import engine_document, engine_options
from peakid.cli.evaluation.evaluate import split_option
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.errors import NotFound
from peakid.evaluate.heat import choice, shown_maps, trusted
from peakid.evaluate.heat.shown_maps import SplitMaps
from peakid.evaluate.report import checked_predictions
from peakid.job_settings import JobSettings
from peakid.jobs.evaluation import heat_maps as heat_map_jobs
from peakid.jobs.results import HeatMapsResult
from peakid.remedies import action
from peakid.store import runs
from peakid.store.evaluation import heat_maps
from peakid.store.workspace import Workspace

DEFAULT_OPACITY = 0.6


@click.command("heat-maps")
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@click.option(
    "--limit",
    default=choice.DEFAULT_LIMIT,
    show_default=True,
    type=click.IntRange(1),
    help="Images that have maps afterwards: the worst errors, then right ones of every class.",
)
@click.option("--list", "is_listing", is_flag=True, help="Only list the maps there are; compute none.")
@wait_option(by_default=True)
@request_option
@engine_options
@actor_option
@json_option
@pass_workspace
def heat_maps_(
    workspace: Workspace,
    run_id: int,
    split: str,
    limit: int,
    is_listing: bool,
    is_waiting: bool,
    request_id: str | None,
    job_settings: JobSettings,
    actor: str,
    as_json: bool,
) -> int:
    """Compute heat maps (Grad-CAM) of RUN, test each one, and list them with where their heat is.

    Maps that RUN has already are not computed again.
    """
    run, ended, used = runs.show(workspace, run_id), {}, None
    if not is_listing:
        job = heat_map_jobs.compute(
            workspace,
            run_id,
            split=split,
            limit=limit,
            settings=job_settings,
            request_id=request_id,
            actor=actor,
        )
        if not is_waiting:
            return emit_queued(as_json, job)
        job = follow(workspace, job.job_id)
        result = job.result_as(HeatMapsResult)
        used = result.engine if result else None
        ended = ending(job) | engine_document(used)
        if job.state != "done":
            emit(as_json, ended, job_text(job))
            return EXIT_CODES[job.state]
    checked_predictions(workspace, run, split)
    if split == "test":
        runs.look_at_test(workspace, run_id, actor)
    found = shown_maps.load(workspace, run, split)
    text = "\n".join([_text(found), *([used.text()] if used else [])])
    emit(as_json, {**ended, **_document(found, run_id, split)}, text)
    return 0


@click.command("gradcam")
@click.argument("run_id", metavar="RUN", type=int)
@click.argument("digest", metavar="DIGEST")
@click.option("--class", "class_name", help="The class to explain. Default: the predicted one.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The PNG file to write.")
@click.option(
    "--opacity", default=DEFAULT_OPACITY, show_default=True, type=click.FloatRange(0, 1), help="Of the heat."
)
@actor_option
@json_option
@pass_workspace
def gradcam(
    workspace: Workspace,
    run_id: int,
    digest: str,
    class_name: str | None,
    out: Path,
    opacity: float,
    actor: str,
    as_json: bool,
) -> int:
    """Draw where in the image DIGEST the score of RUN for a class comes from, and test that map."""
    run = runs.show(workspace, run_id)
    job = heat_map_jobs.compute_one(workspace, run_id, digest, class_name=class_name, actor=actor)
    job = follow(workspace, job.job_id)
    result = job.result_as(HeatMapsResult)
    if job.state != "done" or result is None:
        emit(as_json, ending(job), job_text(job))
        return EXIT_CODES[job.state]
    index = run.class_names.index(result.class_name) if result.class_name else -1
    heat_map = heat_maps.read(workspace, run_id).get((result.digest, index))
    if heat_map is None:
        raise NotFound(
            f"There is no heat map of the image {digest}: {'; '.join(result.unread) or 'it was removed'}.",
            "Check the images.",
            action("verify_images"),
        )
    picture = shown_maps.drawn(workspace, run, heat_map, opacity=opacity)
    with files.replacing(files.expanded(out)) as part:
        Image.fromarray(picture).save(part, format="PNG")
    found = shown_maps.check_document(heat_map)
    document = {"run_id": run_id, "digest": result.digest, "class_name": result.class_name, "out": str(out)}
    verdict = "trusted" if found["is_trusted"] else f"not trusted. {found['reason']}"
    text = f"{out}: {result.class_name}, {verdict}\n{trusted.finding(heat_map.check)}"
    emit(as_json, {**document, **found}, text)
    return 0


def _document(found: SplitMaps, run_id: int, split: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "split": split,
        "n_images": found.n_images,
        "n_maps": len(found.maps),
        "n_trusted": found.n_trusted,
        "maps": [shown_maps.document(each) for each in found.maps],
        "heat_shares": [shown_maps.share_document(each, found.class_names) for each in found.shares],
    }


def _text(found: SplitMaps) -> str:
    rows = [
        {
            "digest": each.map.digest[:12],
            "given": each.given,
            "predicted": each.predicted,
            "map for": each.class_name,
            "probability": f"{each.map.check.probability:.2f}",
            "hidden": f"{each.map.check.hidden_probability:.2f}",
            "trusted": "yes" if each.is_trusted else f"no: {trusted.doubt(each.map.check)}",
        }
        for each in found.maps
    ]
    columns = ["digest", "given", "predicted", "map for", "probability", "hidden", "trusted"]
    shortcuts = [f"More heat than an even map: {each}." for each in shown_maps.shortcut_texts(found)]
    return "\n".join([table(rows, columns, empty="No map yet."), shown_maps.finding(found), *shortcuts])
