"""Commands for suggested labels: list them, accept all above a threshold, and see how many were wrong."""

from dataclasses import asdict
from typing import Any

import click

from peakid import printable
from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.history import emit_step, n_images
from peakid.curate.queues import review_queue, suggested
from peakid.jobs import suggester
from peakid.records import QueueItem
from peakid.store.workspace import Workspace
from peakid.suggest import accept
from peakid.suggest.accept import Accepted

N_LISTED = 50


@click.group("suggest", cls=usage.Group, invoke_without_command=True)
@click.option("--limit", default=N_LISTED, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--useful", is_flag=True, help="Most useful to label first, instead of most likely right.")
@json_option
@click.pass_context
def suggest_(context: click.Context, limit: int, useful: bool, as_json: bool) -> None:
    """List suggested labels for images without one, those that are most likely right first.

    The suggestion for a test image is hidden: a person labels it without.
    """
    if context.invoked_subcommand is None:
        _list(suggested.MOST_USEFUL if useful else suggested.SUGGESTIONS, limit=limit, as_json=as_json)


@pass_workspace
def _list(workspace: Workspace, queue: str, *, limit: int, as_json: bool) -> None:
    suggester.up_to_date(workspace)
    documents = [_item(each) for each in review_queue.page(workspace, queue, limit=limit)]
    rows = [{**each, "digest": each["digest"][:12]} for each in documents]
    empty = "Every image with an embedding has a label."
    emit(
        as_json,
        documents,
        table(rows, ["digest", "suggested_label", "confidence", "why", "path"], empty=empty),
    )


@suggest_.command("accept")
@click.option(
    "--above",
    type=click.FloatRange(0, 1),
    default=accept.THRESHOLD,
    show_default=True,
    help="Least confidence.",
)
@click.option("--dry-run", is_flag=True, help="Only count the images.")
@actor_option
@json_option
@pass_workspace
def accept_(workspace: Workspace, above: float, dry_run: bool, actor: str, as_json: bool) -> None:
    """Accept all suggestions with a confidence of at least --above, as one step. `undo` reverts it.

    The labels are recorded as given by the model, and not as reviewed: they are trained on and never scored.
    """
    suggester.up_to_date(workspace)
    if dry_run:
        found = accept.offer(workspace, above)
        wrong = printable.percent(found.expected_error, decimals=1)
        text = f"Would accept {n_images(found.n_images)}, of which {wrong} are wrong by their own confidence."
        if found.n_test:
            text += f" {n_images(found.n_test)} of the test split are left for a person."
        emit(as_json, asdict(found), text)
        return
    step = accept.accept(workspace, above, actor=actor)
    emit_step(as_json, step, "Accepted the suggestions for")


@suggest_.command("audits")
@json_option
@pass_workspace
def audits_(workspace: Workspace, as_json: bool) -> None:
    """List the steps that accepted suggestions, with the error rate of a random sample of each."""
    found = accept.list_accepted(workspace)
    rows = [
        {
            "step": each.step_id,
            "above": each.threshold,
            "images": each.n_images,
            "result": "undone" if each.is_undone else accept.audit_text(each),
            "not judged": each.n_sample - each.n_judged,
            "queue": each.queue,
        }
        for each in found
    ]
    columns = ["step", "above", "images", "result", "not judged", "queue"]
    emit(as_json, [_audit(each) for each in found], table(rows, columns, empty="No suggestion was accepted."))


def _item(item: QueueItem) -> dict[str, Any]:
    return {
        "digest": item.digest,
        "path": item.path,
        "suggested_label": item.predicted,
        "confidence": item.score,
        "why": item.reason,
    }


def _audit(audit: Accepted) -> dict[str, Any]:
    return {**asdict(audit), "interval": list(audit.interval) if audit.interval else None}
