"""Commands of judgement."""

import click

from peakid import images
from peakid.cli.frame import actor_option, json_option, pass_workspace
from peakid.cli.history import emit_step
from peakid.curate import decisions
from peakid.records import Choice, Verdict
from peakid.workspace import Workspace


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


_SAID: dict[Verdict, str] = {"label": "Labelled", "exclude": "Excluded", "flag": "Flagged", "clear": "Cleared"}


def _decide(workspace: Workspace, choice: Choice, actor: str, as_json: bool) -> None:
    emit_step(as_json, decisions.decide(workspace, [choice], actor=actor), _SAID[choice.verdict])
