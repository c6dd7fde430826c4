"""Commands that search by meaning: similar images, outliers, and what ImageNet sees in the images."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from peakid.cli.frame import emit, json_option, pass_workspace, table, terminal_report
from peakid.cli.jobs import EXIT_CODES, ending, follow, job_text
from peakid.embed import outlier_scores, relevance, similar, stored
from peakid.embed.index import search as index_search
from peakid.jobs import search
from peakid.jobs.results import SimilarResult
from peakid.store import images
from peakid.store.workspace import Workspace


@click.command("similar")
@click.argument("picture", metavar="DIGEST|FILE")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, similar.MOST_IMAGES))
@json_option
@pass_workspace
def similar_(workspace: Workspace, picture: str, limit: int, as_json: bool) -> int:
    """List the images most similar in meaning to an image, given by its digest, or to a FILE."""
    if Path(picture).is_file():
        job = follow(workspace, search.find_similar(workspace, Path(picture)).job_id)
        result = job.result_as(SimilarResult)
        if job.state != "done" or result is None:
            emit(as_json, ending(job), job_text(job))
            return EXIT_CODES[job.state]
        digest = result.digest
    else:
        digest = images.resolve(workspace, picture)
    found = similar.list_similar(workspace, similar.to_image(workspace, digest), limit=limit)
    documents = [asdict(each) for each in found]
    columns = ["digest", "similarity", "label", "path"]
    text = table(_short(documents), columns, empty="No other image has an embedding.")
    advice = index_search.advice(workspace, stored.find(workspace))
    emit(as_json, documents, f"{text}\n{advice}" if advice else text)
    return 0


@click.command()
@click.option("--class", "class_name", help="Only images of this class, compared within it.")
@click.option("--limit", type=click.IntRange(1), help="At most this many.")
@json_option
@pass_workspace
def outliers(workspace: Workspace, class_name: str | None, limit: int | None, as_json: bool) -> None:
    """List the images with their outlier score, the strangest (0) first.

    The queue `outliers` has those to look at. Nothing is excluded by itself.
    """
    with terminal_report() as report:
        outlier_scores.refresh(workspace, report=report)
    found = outlier_scores.list_outliers(workspace, class_name=class_name, limit=limit)
    documents = [asdict(each) for each in found]
    shown = [{**row, "outlier": "yes" if row["is_outlier"] else ""} for row in _short(documents)]
    if not as_json and limit is None:
        shown = shown[: outlier_scores.LEAST_LISTED]
    columns = ["digest", "outlier_score", "outlier", "label", "why", "path"]
    emit(as_json, documents, table(shown, columns, empty="No image was compared with others."))


@click.command("relevance")
@click.option(
    "--keep", metavar="NAME,NAME", help="ImageNet classes that are worth keeping, such as alp,cliff,valley."
)
@click.option("--limit", type=click.IntRange(1), help="At most this many images.")
@json_option
@pass_workspace
def relevance_(workspace: Workspace, keep: str | None, limit: int | None, as_json: bool) -> int:
    """List the images by how much an ImageNet classifier sees of the classes to keep, the least first.

    Without --keep, the classes of the last time count. The queue `irrelevant` has the images below 10 %.
    """
    keeping = None if keep is None else relevance.known(keep.split(","))
    if not relevance.has_classifier(workspace, stored.find(workspace)):
        job = follow(workspace, search.name_images(workspace).job_id)
        if job.state != "done":
            emit(as_json, ending(job), job_text(job))
            return EXIT_CODES[job.state]
    relevance.refresh(workspace, keep=keeping)
    found = relevance.list_images(workspace, limit=limit)
    seen = relevance.seen(workspace)
    document = {
        "kept": list(relevance.kept(workspace)),
        "seen": [asdict(each) for each in seen],
        "images": [asdict(each) for each in found],
    }
    emit(as_json, document, _relevance_text(document))
    return 0


def _relevance_text(document: dict[str, Any]) -> str:
    rows = [{**each, "kept": "yes" if each["is_kept"] else ""} for each in document["seen"][:20]]
    shown = table(rows, ["name", "n_images", "kept"], empty="No image was named.")
    if not document["kept"]:
        return f"{shown}\nChoose what to keep with: peakid relevance --keep NAME,NAME"
    below = [each for each in document["images"] if each["is_irrelevant"]]
    columns = ["digest", "relevance", "imagenet_class", "probability", "label", "path"]
    listed = table(_short(below), columns, empty="Every image shows one of the classes to keep.")
    return f"{shown}\n\n{listed}"


def _short(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**document, "digest": document["digest"][:12]} for document in documents]
