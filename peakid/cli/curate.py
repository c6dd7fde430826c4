"""Commands of judgement."""

from typing import cast

import click

from peakid.cli.frame import actor_option, json_option, pass_workspace
from peakid.cli.history import emit_step, n_images
from peakid.cli.review import filter_options
from peakid.curate import decisions
from peakid.curate.queues import bulk, review_queue
from peakid.curate.queues.filters import Filters
from peakid.errors import BadInput
from peakid.records import Choice, Verdict
from peakid.store import images
from peakid.store.workspace import Workspace


@click.group()
def decide() -> None:
    """Judge one image: label it, exclude it or flag it. DIGEST may be shortened."""


@decide.command("label")
@click.argument("digest")
@click.argument("name")
@actor_option
@json_option
@pass_workspace
def decide_label(workspace: Workspace, digest: str, name: str, actor: str, as_json: bool) -> None:
    """Give the image DIGEST the class NAME."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "label", name), actor, as_json)


@decide.command("exclude")
@click.argument("digest")
@click.option("--reason", required=True, help="Why it must never be trained on.")
@actor_option
@json_option
@pass_workspace
def decide_exclude(workspace: Workspace, digest: str, reason: str, actor: str, as_json: bool) -> None:
    """Keep the image DIGEST out of training; its bytes stay."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "exclude", reason=reason), actor, as_json)


@decide.command("flag")
@click.argument("digest")
@click.option("--reason", default="", help="What to look at.")
@actor_option
@json_option
@pass_workspace
def decide_flag(workspace: Workspace, digest: str, reason: str, actor: str, as_json: bool) -> None:
    """Ask for another look at the image DIGEST before it may be trained on."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "flag", reason=reason), actor, as_json)


@decide.command("queue")
@click.argument("name")
@click.argument("verdict", type=click.Choice(["label", "keep", "exclude", "flag"]))
@click.argument("label", required=False, metavar="[CLASS]")
@click.option("--reason", default="", help="Why they are excluded, or what to look at.")
@click.option("--yes", is_flag=True, help="Judge them; without it the number is told and nothing is done.")
@filter_options
@actor_option
@json_option
@pass_workspace
def decide_queue(
    workspace: Workspace,
    name: str,
    verdict: str,
    label: str | None,
    reason: str,
    yes: bool,
    actor: str,
    as_json: bool,
    **given: str | None,
) -> None:
    """Judge all images of the queue NAME as one step: label CLASS, keep, exclude or flag."""
    filters = Filters(**given)
    if not yes:
        n = review_queue.count(workspace, name, filters=filters, most=bulk.MOST_AT_ONCE)
        raise BadInput(
            f"This would {verdict} up to {n_images(n)}.", "Add --yes to do it; undo takes all of it back."
        )
    if verdict == "label" and not label:
        raise BadInput(
            "Labelling a queue needs a class.", "Name one, or confirm the labels they have with: keep"
        )
    kind: Verdict = "label" if verdict == "keep" else cast(Verdict, verdict)
    emit_step(
        as_json,
        bulk.decide_queue(workspace, name, kind, label=label, reason=reason, actor=actor, filters=filters),
        _SAID[kind],
    )


_SAID: dict[Verdict, str] = {
    "label": "Labelled",
    "exclude": "Excluded",
    "flag": "Flagged",
    "clear": "Cleared",
}


def _decide(workspace: Workspace, choice: Choice, actor: str, as_json: bool) -> None:
    emit_step(as_json, decisions.decide(workspace, [choice], actor=actor), _SAID[choice.verdict])
