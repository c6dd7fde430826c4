"""Command for label issues: which labels a model doubts, with the suggested label and the reason."""

from dataclasses import asdict

import click

from peakid import printable
from peakid.cli.frame import emit, json_option, pass_workspace, table
from peakid.cli.model_help.remaining import remaining_option
from peakid.jobs import suggester
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.suggest import groups, issues, why

N_LISTED = 50  # Rows for people; JSON has all of them.


@click.command("label-issues")
@click.option(
    "--run",
    "run_id",
    type=int,
    help="Use the predictions of this run instead of the embeddings of the images.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="At most this many. Default: all, or 50 without --json."
)
@click.option("--explain", metavar="DIGEST", help="Show what speaks for and against the label of one image.")
@json_option
@pass_workspace
@remaining_option
def label_issues(
    workspace: Workspace, run_id: int | None, limit: int | None, explain: str | None, as_json: bool
) -> None:
    """List the labels by their quality, from 0 (surely wrong) to 1 (surely right), lowest first.

    A head on the embeddings scores each label without having seen the image or its near duplicates.
    """
    if run_id is None:
        suggester.up_to_date(workspace)
    if explain is not None:
        _explain(workspace, images.resolve(workspace, explain), as_json=as_json)
        return
    wanted = limit if limit is not None or as_json else N_LISTED
    if run_id is None:
        found = issues.by_head(workspace, limit=wanted)
    else:
        found = issues.by_run(workspace, run_id, limit=wanted)
    documents = [asdict(each) for each in found]
    rows = [
        {**each, "digest": each["digest"][:12], "label_quality": f"{each['label_quality']:.3f}"}
        for each in documents
    ]
    columns = ["digest", "label_quality", "given_label", "suggested_label", "why", "path"]
    lines = [table(rows, columns, empty="No label was scored.")]
    if run_id is None and (limit_text := groups.limit_text(workspace)):
        lines.append(limit_text)
    emit(as_json, documents, "\n".join(lines))


def _explain(workspace: Workspace, digest: str, *, as_json: bool) -> None:
    found = why.explain(workspace, digest)
    lines = [
        f"{each.class_name}: "
        + ", ".join(f"{image.path} ({printable.percent(image.similarity)})" for image in each.images)
        for each in found.near
    ]
    emit(as_json, found.to_json(), "\n".join([*lines, *found.sentences]))
