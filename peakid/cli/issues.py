"""Commands about pictures that are dark, blurred, tiny and the like: list, kinds, border, threshold."""

from dataclasses import asdict
from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate import image_issues
from peakid.store.workspace import Workspace


@click.group("issues")
def issues_() -> None:
    """What is wrong with pictures themselves; each score is 0..1, low = severe."""


@issues_.command("list")
@click.option("--kind", help="Only this kind, as `issues kinds` names it.")
@click.option("--limit", type=click.IntRange(1), help="Only so many.")
@json_option
@pass_workspace
def issues_list(workspace: Workspace, kind: str | None, limit: int | None, as_json: bool) -> None:
    """List the issues there are, most severe first."""
    documents = [asdict(issue) for issue in image_issues.list_issues(workspace, kind=kind, limit=limit)]
    emit(as_json, documents, _table(documents, "No image has such an issue. `peakid scan` looks for them."))


@issues_.command("kinds")
@json_option
@pass_workspace
def issues_kinds(workspace: Workspace, as_json: bool) -> None:
    """List the kinds of issues with their thresholds and how many images have them, also by class."""
    lines = image_issues.thresholds(workspace)
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "threshold": lines[kind],
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
@click.option("--threshold", type=float, help="Try this one instead of the one in force.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def issues_border(
    workspace: Workspace, kind: str, threshold: float | None, limit: int, as_json: bool
) -> None:
    """Show the images closest to the threshold of KIND on either side, and how many have the issue."""
    border = image_issues.border(workspace, kind, threshold, limit=limit)
    known = image_issues.known(kind)
    n_images = image_issues.counts(workspace, {} if threshold is None else {known: threshold})[known]
    document: dict[str, Any] = {"kind": kind, "n_images": n_images, **asdict(border)}
    rows = [*reversed(document["outside"]), *document["inside"]]
    emit(
        as_json,
        document,
        f"{n_images} with the issue; highest scores first:\n{_table(rows, 'No image is near.')}",
    )


@issues_.command("threshold")
@click.argument("kind")
@click.argument("value", type=float)
@actor_option
@json_option
@pass_workspace
def issues_threshold(workspace: Workspace, kind: str, value: float, actor: str, as_json: bool) -> None:
    """Call an image KIND when its score is below VALUE."""
    image_issues.set_threshold(workspace, kind, value, actor=actor)
    n_images = image_issues.counts(workspace)[image_issues.known(kind)]
    emit(
        as_json,
        {"kind": kind, "threshold": value, "n_images": n_images},
        f"{n_images} images are now {kind} (score below {value:g}).",
    )


def _table(documents: list[dict[str, Any]], empty: str) -> str:
    rows = [{**document, "digest": document["digest"][:12]} for document in documents]
    return table(rows, ["digest", "kind", "score", "path"], empty=empty)
