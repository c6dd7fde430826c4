"""Commands for embeddings: compute, list and import them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from peakid.cli import usage
from peakid.cli.engines.options import engine_document, engine_options
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.embed import averaged, importing, stored
from peakid.embed.index import build
from peakid.embed.stored import EmbeddingSet
from peakid.imaging import photo_views
from peakid.job_settings import JobSettings
from peakid.jobs import embedding
from peakid.jobs.from_embeddings import index as index_job
from peakid.jobs.results import EmbedResult, IndexResult
from peakid.store.workspace import Workspace


@click.group("embed", cls=usage.Group, invoke_without_command=True)
@click.option("--backbone", help="An architecture of `peakid weights`. Default: the best with weights here.")
@wait_option(by_default=False)
@click.option(
    "--views",
    "views",
    type=usage.Choice([str(number) for number in photo_views.NUMBERS]),
    help="Then also compute the mean over so many views of each photo, for label issues and suggestions; 1:"
    " they use the embeddings. Default: PEAKID_EMBED_VIEWS, in a job of its own afterwards.",
)
@click.option("--retry", "retries", is_flag=True, help="Read images again that could not be read before.")
@engine_options
@actor_option
@json_option
@click.pass_context
def embed_(
    context: click.Context,
    backbone: str | None,
    is_waiting: bool,
    views: str | None,
    retries: bool,
    job_settings: JobSettings,
    actor: str,
    as_json: bool,
) -> int:
    """Compute the embeddings of the images that have none, in the background.

    It happens by itself after an import, unless PEAKID_AUTO_EMBED=0. The weights of the backbone are looked
    for in the folder PEAKID_WEIGHTS, in the caches of torch and timm, in installed packages, then online.
    """
    if context.invoked_subcommand is not None:
        return 0
    return _compute(backbone, is_waiting, views and int(views), retries, job_settings, actor, as_json)


@pass_workspace
def _compute(
    workspace: Workspace,
    backbone: str | None,
    is_waiting: bool,
    n_views: int | None,
    retries: bool,
    job_settings: JobSettings,
    actor: str,
    as_json: bool,
) -> int:
    if n_views is not None:
        job_settings = replace(job_settings, embed_views=n_views)
    job = embedding.embed(
        workspace,
        backbone=backbone,
        retries=retries,
        n_views=n_views or 1,
        settings=job_settings,
        actor=actor,
    )
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    found = job.result_as(EmbedResult) or EmbedResult()
    document = {
        "n_images": found.n_images,
        "n_new": found.n_new,
        "n_dimensions": found.n_dimensions,
        "backbone": found.backbone,
        "size_px": found.size_px,
        "seconds": round(job.seconds, 3),
        "images_per_s": round(found.images_per_s, 1),
        "n_views": found.n_views,
        "n_averaged": found.n_averaged,
        "n_unread": found.n_unread,
        "unread": [
            {"digest": each.digest, "path": each.path, "reason": each.reason} for each in found.unread
        ],
        **engine_document(found.engine),
    }
    emit(as_json, {**document, **ending(job)}, _text(found) if job.state == "done" else job_text(job))
    return EXIT_CODES[job.state]


def _text(found: EmbedResult) -> str:
    rate = f", {found.images_per_s:,.0f} images a second" if found.images_per_s else ""
    lines = [
        f"{found.n_images:,} images have an embedding of {found.backbone} ({found.size_px} px,"
        f" {found.n_dimensions:,} dimensions); {found.n_new:,} are new{rate}."
    ]
    if found.n_views > 1:
        lines.append(f"{found.n_averaged:,} images have the mean over {found.n_views} views.")
    if found.engine:
        lines.append(found.engine.text())
    if found.n_unread:
        lines.append(f"{found.n_unread:,} images could not be read:")
    lines += [f"  {each.digest[:12]}  {each.path}  {each.reason}" for each in found.unread]
    return "\n".join(lines)


@embed_.command("list")
@json_option
@pass_workspace
def embed_list(workspace: Workspace, as_json: bool) -> None:
    """List the embeddings of the workspace; those that were used last come first and rank the images.

    Means over several views are listed below the embeddings of their backbone. They rank the labels only.
    """
    rows = [
        row for n, each in enumerate(stored.sets(workspace)) for row in _documents(workspace, each, not n)
    ]
    columns = ["backbone", "size_px", "n_views", "n_images", "n_missing", "n_unread", "n_dimensions"]
    columns += ["is_used", "ranks_labels"]
    emit(as_json, rows, table(rows, columns, empty="No image has an embedding yet. Use: peakid embed"))


def _documents(workspace: Workspace, plain: EmbeddingSet, is_used: bool) -> list[dict[str, Any]]:
    """Return the documents of a set of one view, and of the means of its backbone."""
    of_head = averaged.of_head(workspace, plain).set_id if is_used else None
    means = averaged.beside(workspace, plain)
    return [
        _document(workspace, each, is_used=is_used and each is plain, ranks_labels=each.set_id == of_head)
        for each in (plain, *means)
    ]


def _document(
    workspace: Workspace, each: EmbeddingSet, *, is_used: bool, ranks_labels: bool
) -> dict[str, Any]:
    counts = stored.counts(workspace, each.set_id)
    return {
        "set_id": each.set_id,
        "backbone": averaged.backbone_of(each),
        "size_px": each.size_px,
        "n_views": each.n_views,
        "n_images": each.n_images,
        "n_missing": counts.n_missing,
        "n_unread": counts.n_unread,
        "n_dimensions": each.n_dimensions,
        "n_indexed": build.coverage(workspace, each.set_id).n_indexed,
        "weights_sha256": each.weights_sha256,
        "is_used": is_used,
        "ranks_labels": ranks_labels,
    }


@embed_.command("index")
@wait_option(by_default=False)
@request_option
@actor_option
@json_option
@pass_workspace
def embed_index(
    workspace: Workspace, is_waiting: bool, request_id: str | None, actor: str, as_json: bool
) -> int:
    """Build the index of neighbours, or add the embeddings that it does not have, in the background.

    Up to 100,000 embeddings a search compares all, and needs no index. Beyond that, `peakid embed` builds it
    by itself. It needs the extra `millions`.
    """
    job = index_job.index(workspace, request_id=request_id, actor=actor)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    found = job.result_as(IndexResult) or IndexResult()
    document = {"n_rows": found.n_rows, "n_indexed": found.n_indexed, "seconds": round(found.seconds, 3)}
    text = f"The index has {found.n_indexed:,} of {found.n_rows:,} embeddings."
    emit(as_json, {**document, **ending(job)}, text if job.state == "done" else job_text(job))
    return EXIT_CODES[job.state]


@embed_.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--digests",
    "names",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="For .npy: the digest or path of each row, one a line. Default: a file beside it, such as "
    "NAME.digests.txt or NAME.paths.txt.",
)
@click.option("--name", help="What to call these embeddings. Default: the name of the file.")
@json_option
@pass_workspace
def embed_import(
    workspace: Workspace, file: Path, names: Path | None, name: str | None, as_json: bool
) -> None:
    """Import embeddings that another program computed, from a .npy or Parquet FILE.

    A Parquet file has a column `digest` or `path`, and a column `embedding` with a list of numbers. These
    embeddings are then used for ranking and searching.
    """
    found = importing.import_embeddings(workspace, file, names=names, name=name)
    document = {
        "n_images": found.set.n_images,
        "n_new": found.n_new,
        "n_dimensions": found.set.n_dimensions,
        "backbone": found.set.backbone,
        "n_rows": found.n_rows,
        "n_unknown": found.n_unknown,
        "unknown": list(found.unknown),
        "n_repeated": found.n_repeated,
        "n_known": found.n_known,
        "n_constant": found.n_constant,
    }
    emit(as_json, document, found.text())
