"""The command of the map: compute a layout, write it as a table, or make a queue of a part of it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.curate.queues import selections
from peakid.embed import layouts, stored
from peakid.embed.layouts import Layout, Method
from peakid.errors import BadInput
from peakid.jobs.from_embeddings import map_layout
from peakid.jobs.job import Job
from peakid.store.workspace import Workspace
from peakid.suggest import map_colours, map_picture, map_table
from peakid.suggest.map_colours import ColourBy


@click.command("map")
@click.option(
    "--method",
    type=usage.Choice(layouts.METHODS),
    default="pca",
    show_default=True,
    help="pca: at once. umap: a job computes it, once for these images.",
)
@click.option(
    "--colour",
    "colour_by",
    type=usage.Choice(map_colours.COLOURS_BY),
    default="label",
    show_default=True,
    help="What the categories are, counted and in the table.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the points to this .csv or .parquet file."
)
@click.option("--png", type=click.Path(path_type=Path), help="Draw the map into this .png file.")
@click.option(
    "--box",
    type=(float, float, float, float),
    metavar="LEFT BOTTOM RIGHT TOP",
    help="Make a queue of the images in this part of the map; all of it is -1 -1 1 1.",
)
@click.option("--all", "is_all", is_flag=True, help="Give every image a place, not only a sample of 100,000.")
@wait_option(by_default=False)
@request_option
@actor_option
@json_option
@pass_workspace
def map_(
    workspace: Workspace,
    method: Method,
    colour_by: ColourBy,
    out: Path | None,
    png: Path | None,
    box: tuple[float, float, float, float] | None,
    is_all: bool,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Lay out all images on a map: those beside each other look alike to the backbone.

    The page Map draws it. A UMAP layout is computed by a job where there is none of these images.
    """
    embedded = stored.find(workspace)
    if out is not None:
        map_table.check(out)
    if png is not None:
        map_picture.check(png)
    layout = layouts.pca(workspace, embedded.set_id) if method == "pca" else _umap(workspace)
    if layout is None or (is_all and layout.n_without_place):
        job = map_layout.lay_out(workspace, method=method, request_id=request_id, actor=actor)
        job = follow(workspace, job.job_id) if is_waiting else job
        layout = layouts.find(workspace, embedded.set_id, method) if job.state == "done" else None
        if layout is None:
            return _without_layout(as_json, job, is_waiting)
    document: dict[str, Any] = {"backbone": embedded.backbone, **_document(workspace, layout, colour_by)}
    if out is not None:
        document["out"] = str(map_table.write(workspace, layout, out, colour_by=colour_by))
    if png is not None:
        document["png"] = str(map_picture.write(workspace, layout, png, colour_by=colour_by))
    if box is not None:
        document["queue"] = _select(workspace, layout, box, colour_by, actor)
    emit(as_json, document, _text(document))
    return 0


def _umap(workspace: Workspace) -> Layout | None:
    """Return the UMAP layout where it has all images."""
    found = layouts.find(workspace, stored.find(workspace).set_id, "umap")
    return found if found is not None and not found.is_outdated else None


def _without_layout(as_json: bool, job: Job, is_waiting: bool) -> int:
    if not is_waiting:
        return emit_queued(as_json, job)
    emit(as_json, ending(job), job_text(job))
    return EXIT_CODES[job.state]


def _select(
    workspace: Workspace,
    layout: Layout,
    box: tuple[float, float, float, float],
    colour_by: ColourBy,
    actor: str,
) -> str:
    found = layouts.inside(layouts.all_points(workspace, layout), box)
    if not found:
        raise BadInput(f"No image is in the box {box}.", "All of the map is -1 -1 1 1.")
    run_id = map_colours.run_in_view(workspace, colour_by)
    return selections.create(workspace, found, actor=actor, run_id=run_id)


def _document(workspace: Workspace, layout: Layout, colour_by: ColourBy) -> dict[str, Any]:
    coloured = map_colours.colouring(workspace, layout.layout_id, colour_by)
    return {
        "method": layout.method,
        "n_images": layout.n_images,
        "n_embedded": layout.n_embedded,
        "n_placed": layout.n_placed,
        "seconds": round(layout.seconds, 3),
        "made_at": layout.made_at,
        "colour_by": colour_by,
        "categories": [asdict(each) for each in coloured.categories if each.n],
        "out": None,
        "png": None,
        "queue": None,
    }


def _text(document: dict[str, Any]) -> str:
    lines = [
        f"{document['n_images']:,} of {document['n_embedded']:,} images by {document['method'].upper()},"
        f" from embeddings of {document['backbone']}.",
        *(f"{each['n']:>7,}  {each['name']}" for each in document["categories"]),
    ]
    lines += [f"Written to {document[name]}." for name in ("out", "png") if document[name]]
    lines += [f"Look at the images with: peakid queue {document['queue']}"] if document["queue"] else []
    return "\n".join(lines)
