"""Commands for image issues such as dark, blurry or tiny: list, kinds, border, threshold."""

from dataclasses import asdict
from typing import Any

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate import image_issues
from peakid.store.workspace import Workspace


@click.group("issues", cls=usage.Group)
def issues_() -> None:
    """Show images that are dark, blurry, tiny and so on. Scores are 0..1; low is severe."""


@issues_.command("list")
@click.option("--kind", help="Only this kind. `issues kinds` lists them.")
@click.option("--limit", type=click.IntRange(1), help="At most this many.")
@json_option
@pass_workspace
def issues_list(workspace: Workspace, kind: str | None, limit: int | None, as_json: bool) -> None:
    """List the issues, most severe first."""
    documents = [asdict(issue) for issue in image_issues.list_issues(workspace, kind=kind, limit=limit)]
    emit(
        as_json, documents, _table(documents, "No image has such an issue. Look for issues with: peakid scan")
    )


@issues_.command("kinds")
@json_option
@pass_workspace
def issues_kinds(workspace: Workspace, as_json: bool) -> None:
    """List the kinds of issues with their threshold and number of images, in total and by class."""
    thresholds = image_issues.thresholds(workspace)
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "threshold": thresholds[kind],
            "n_images": n,
            "classes": image_issues.counts_by_class(workspace, kind),
        }
        for kind, n in image_issues.counts(workspace).items()
    ]
    shown = [
        {**row, "classes": ", ".join(f"{name or 'no class'} {n}" for name, n in row["classes"].items())}
        for row in rows
    ]
    emit(as_json, rows, table(shown, ["kind", "threshold", "n_images", "classes"], empty=""))


@issues_.command("border")
@click.argument("kind")
@click.option("--threshold", type=float, help="Try this threshold instead of the current one.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def issues_border(
    workspace: Workspace, kind: str, threshold: float | None, limit: int, as_json: bool
) -> None:
    """Show the images closest to the threshold of KIND on both sides, and count those with the issue."""
    border = image_issues.border(workspace, kind, threshold, limit=limit)
    known = image_issues.known(kind)
    n_images = image_issues.counts(workspace, {} if threshold is None else {known: threshold})[known]
    document: dict[str, Any] = {"kind": kind, "n_images": n_images, **asdict(border)}
    rows = [*reversed(document["outside"]), *document["inside"]]
    shown = _table(rows, "No image is close to the threshold.")
    emit(as_json, document, f"{n_images} images have the issue. Closest to the threshold:\n{shown}")


@issues_.command("threshold")
@click.argument("kind")
@click.argument("value", type=float)
@actor_option
@json_option
@pass_workspace
def issues_threshold(workspace: Workspace, kind: str, value: float, actor: str, as_json: bool) -> None:
    """Report the issue KIND for images with a score below VALUE."""
    image_issues.set_threshold(workspace, kind, value, actor=actor)
    n_images = image_issues.counts(workspace)[image_issues.known(kind)]
    text = f"{n_images} images are now {kind.replace('_', ' ')} (score below {value:g})."
    emit(as_json, {"kind": kind, "threshold": value, "n_images": n_images}, text)


def _table(documents: list[dict[str, Any]], empty: str) -> str:
    rows = [{**document, "digest": document["digest"][:12]} for document in documents]
    return table(rows, ["digest", "kind", "score", "path"], empty=empty)
