"""Commands for the Hugging Face Hub: push an export, pull a model, list what was pushed and pulled."""

from dataclasses import asdict
from typing import Any

import click

from peakid import settings
from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table, terminal_report
from peakid.cli.output import terminal
from peakid.jobs.hub import models
from peakid.jobs.hub.models import Publication
from peakid.serve.hub import client
from peakid.store import exports, pulled_models
from peakid.store.pulled_models import PREFIX, PulledModel
from peakid.store.workspace import Workspace

N_LISTED = 12


@click.group("hub", cls=usage.Group)
def hub_() -> None:
    """Push exports to the Hugging Face Hub and pull models from there.

    The login is HF_TOKEN, or that of huggingface_hub. HF_ENDPOINT names another server.
    """


@hub_.command()
@click.argument("export", metavar="EXPORT")
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--public", "is_public", is_flag=True, help="Everybody may see it. Without it, it is private.")
@click.option("--dry-run", is_flag=True, help="Only say what would be pushed.")
@click.option("--use", "intended_use", default="", help="What the model is for, for its card.")
@click.option("--people", "names_people", is_flag=True, help="The classes name people: the card warns of it.")
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Confidence below which the model abstains. Default: that of the export.",
)
@actor_option
@json_option
@pass_workspace
def push(
    workspace: Workspace,
    export: str,
    repository: str,
    is_public: bool,
    dry_run: bool,
    intended_use: str,
    names_people: bool,
    threshold: float | None,
    actor: str,
    as_json: bool,
) -> None:
    """Push the bundle of EXPORT to the model repository OWNER/NAME, a private one without --public.

    No photo is pushed, and nothing that holds a pickle. What the repository shows is said before. A public
    repository is refused without --public.
    """
    name, kept = client.checked_repository(repository), exports.find(workspace, export)
    found = models.publication(
        workspace,
        kept,
        threshold=threshold,
        names_people=names_people,
        intended_use=intended_use,
        actor=actor,
    )
    if not as_json and not dry_run:
        terminal.say(_shown(found, name, is_public=is_public))
    if dry_run:
        emit(as_json, _document(found), _shown(found, name, is_public=is_public))
        return
    endpoint = settings.hub_endpoint()
    done = models.push(workspace, kept, name, found, is_public=is_public, endpoint=endpoint, actor=actor)
    reach = "Everybody can read it." if done.is_public else "It is private."
    if is_public and not done.is_public:
        reach = "The repository was private before and stays so."
    emit(as_json, _document(found) | asdict(done), f"Pushed to {done.url}. {reach}")


@hub_.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--revision", default="main", show_default=True, help="A branch, a tag or a commit.")
@actor_option
@json_option
@pass_workspace
def pull(workspace: Workspace, repository: str, revision: str, actor: str, as_json: bool) -> None:
    """Pull the model OWNER/NAME into the workspace, to predict with it as `hub:OWNER/NAME`.

    Every file must match its checksum. A repository with pickles or without a card is refused, and no script
    of it is run. Its figures were measured where it was made, not here.
    """
    with terminal_report() as report:
        found = models.pull(
            workspace,
            repository,
            revision=revision,
            endpoint=settings.hub_endpoint(),
            actor=actor,
            report=report,
        )
    text = (
        f"Pulled {found.repository} at {found.revision[:12]}: {len(found.files)} files,"
        f" {len(found.class_names)} classes. {_golden(found)}\n"
        "Its figures were measured elsewhere, not in this workspace.\n"
        f"Use it as {PREFIX}{found.repository}, for instance: peakid predict {PREFIX}{found.repository} IMAGE"
    )
    emit(as_json, _pulled(found), text)


@hub_.command("list")
@json_option
@pass_workspace
def list_(workspace: Workspace, as_json: bool) -> None:
    """List what was pushed from this workspace and pulled into it, newest first."""
    pushed, pulled = exports.pushes(workspace), pulled_models.list_models(workspace)
    rows: list[dict[str, Any]] = [
        {
            "what": f"export {each.export_id}",
            "repository": each.repository,
            "revision": each.revision[:12],
            "way": "pushed, public" if each.is_public else "pushed, private",
            "at": each.pushed_at,
        }
        for each in pushed
    ]
    rows += [
        {
            "what": f"{PREFIX}{each.repository}",
            "repository": each.repository,
            "revision": each.revision[:12],
            "way": "pulled, not proven here",
            "at": each.pulled_at,
        }
        for each in pulled
    ]
    document = {"pushed": [asdict(each) for each in pushed], "pulled": [_pulled(each) for each in pulled]}
    empty = "Nothing was pushed to the Hub or pulled from it yet."
    emit(as_json, document, table(rows, ["what", "repository", "revision", "way", "at"], empty=empty))


def _golden(found: PulledModel) -> str:
    if not found.n_golden:
        return "It came without pictures to check its answers with."
    return (
        f"It answers {found.n_golden} drawn pictures as where it was made: no probability differs by more"
        f" than {found.golden_difference:.1g}."
    )


def _document(found: Publication) -> dict[str, Any]:
    return {
        "files": {name: len(content) for name, content in found.contents.items()},
        "left_out": found.left_out,
        "n_bytes": found.n_bytes,
        "classes": [each.name for each in found.facts.classes],
        "sources": dict(found.facts.sources),
        "licences": dict(found.facts.licences),
    }


def _pulled(found: PulledModel) -> dict[str, Any]:
    return asdict(found) | {"export": f"{PREFIX}{found.repository}", "is_proven_here": False}


def _shown(found: Publication, name: str, *, is_public: bool) -> str:
    """Say what a repository will have, and who sees it."""
    classes = [each.name for each in found.facts.classes]
    more = f" and {len(classes) - N_LISTED} more" if len(classes) > N_LISTED else ""
    who = "Everybody" if is_public else "Those with access to this private repository"
    licences = ", ".join(f"{each or 'not known'} ({n:,})" for each, n in found.facts.licences.items())
    lines = [
        f"{who} will see in {name} on {settings.hub_endpoint()}:",
        f"  {len(found.contents)} files, {found.n_bytes / 2**20:,.1f} MB: the model, its card, scripts and"
        " drawn pictures; no photo",
        f"  the classes {', '.join(classes[:N_LISTED])}{more}, with their numbers of images and figures",
        f"  the recipe, and where the photos are from; their licences: {licences or 'not known'}",
    ]
    if found.left_out:
        lines.append(f"  left out, because they hold pickles: {', '.join(found.left_out)}")
    return "\n".join(lines)
